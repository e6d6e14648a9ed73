"""CoLA: is a sentence acceptable English grammar? (GLUE; Matthews correlation.)

One answer is part of the other: "not acceptable" is looked for first, and "unacceptable" means the same.
The last instruction repeats "acceptable" because a small untrained model hardly samples it, and an answer that is never
sampled cannot be reinforced: SmolLM2-135M begins with it with a probability of about 0.9 %, without the repetition
under 0.5 % (a handful of validation rows).
"""

from collections.abc import Mapping
from types import MappingProxyType

from nlu_rl.tasks.classification import ClassificationTask


class Cola(ClassificationTask):
    name = "cola"
    answers = ("not acceptable", "acceptable")
    metric = "matthews"
    keywords: Mapping[str, str] = MappingProxyType({"unacceptable": "not acceptable"})
    title = "Grammatical acceptability of sentences (GLUE)"
    system = "You are an assistant that analyses the linguistic properties of sentences."
    instructions = (
        "Decide whether the sentence is grammatically acceptable English. Answer with exactly "
        "<Judgement>acceptable</Judgement> or <Judgement>not acceptable</Judgement> and nothing else. "
        "Write <Judgement>acceptable</Judgement> when nothing is wrong with it."
    )
    query = "Sentence: {sentence}"
    submission_file = "CoLA.tsv"
    submission_labels: Mapping[str, str] = MappingProxyType({"not acceptable": "0", "acceptable": "1"})
    submission_default = "acceptable"
