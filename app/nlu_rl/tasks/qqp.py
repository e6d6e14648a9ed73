"""QQP: do two questions ask the same? (GLUE; F1 of "yes", and accuracy.)"""

from collections.abc import Mapping
from types import MappingProxyType

from nlu_rl.tasks.classification import ClassificationTask


class Qqp(ClassificationTask):
    name = "qqp"
    answers = ("no", "yes")
    metric = "f1"
    title = "Questions that ask the same (GLUE)"
    system = "You are an assistant that compares the meaning of questions."
    instructions = (
        "Decide whether the two questions ask the same thing. Answer with exactly <Judgement>yes</Judgement> or "
        "<Judgement>no</Judgement> and nothing else."
    )
    query = "Question 1: {question1}\nQuestion 2: {question2}"
    submission_file = "QQP.tsv"
    submission_labels: Mapping[str, str] = MappingProxyType({"no": "0", "yes": "1"})
    submission_default = "no"
