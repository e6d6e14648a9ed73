"""Mental Health: which condition does a statement speak of? (Zero-shot transfer; accuracy.)

The paper does not say how the labels are asked for; we ask for all seven by name.
"""

from collections.abc import Mapping
from types import MappingProxyType

from nlu_rl.tasks.classification import ClassificationTask


class MentalHealth(ClassificationTask):
    name = "mental-health"
    answers = ("normal", "depression", "suicidal", "anxiety", "stress", "bipolar", "personality disorder")
    keywords: Mapping[str, str] = MappingProxyType({"depressed": "depression", "anxious": "anxiety"})
    evaluation_split = "test"
    passage = "text"
    title = "The condition a statement speaks of (transfer from SST-2)"
    note = "A transfer set: for models trained on sst2, evaluation only. How the labels are asked for is ours."
    system = "You are an assistant that reads statements about mental health."
    instructions = (
        "Classify the statement. Answer with exactly <Judgement>normal</Judgement>, "
        "<Judgement>depression</Judgement>, <Judgement>suicidal</Judgement>, <Judgement>anxiety</Judgement>, "
        "<Judgement>stress</Judgement>, <Judgement>bipolar</Judgement> or "
        "<Judgement>personality disorder</Judgement> and nothing else."
    )
    query = "Statement: {text}"
    submission_file = "mental-health.tsv"
    submission_default = "normal"
