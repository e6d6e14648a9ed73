"""BoolQ: a yes-or-no question about a passage. (SuperGLUE; accuracy.)"""

from collections.abc import Mapping
from types import MappingProxyType

from nlu_rl.tasks.classification import ClassificationTask


class BoolQ(ClassificationTask):
    name = "boolq"
    answers = ("no", "yes")
    keywords: Mapping[str, str] = MappingProxyType({"false": "no", "true": "yes"})
    passage = "passage"
    title = "Yes-or-no questions about a passage (SuperGLUE)"
    system = "You are an assistant that answers questions about a passage."
    instructions = (
        "Read the passage and answer the question. Answer with exactly <Judgement>yes</Judgement> or "
        "<Judgement>no</Judgement> and nothing else."
    )
    query = "Passage: {passage}\nQuestion: {question}?"
    submission_file = "BoolQ.jsonl"
    submission_labels: Mapping[str, str] = MappingProxyType({"no": "false", "yes": "true"})
    submission_default = "yes"
