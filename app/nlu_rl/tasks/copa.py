"""COPA: which of two sentences is the cause, or the effect, of a third? (SuperGLUE; accuracy.)"""

from collections.abc import Mapping
from types import MappingProxyType

from nlu_rl.tasks.classification import ClassificationTask


class Copa(ClassificationTask):
    name = "copa"
    answers = ("1", "2")
    keywords: Mapping[str, str] = MappingProxyType({"first": "1", "second": "2"})
    title = "Cause or effect: which of two sentences (SuperGLUE)"
    system = "You are an assistant that judges causes and effects."
    instructions = (
        "Choose which of two sentences is the more plausible cause or effect. Answer with exactly "
        "<Judgement>1</Judgement> or <Judgement>2</Judgement> and nothing else."
    )
    query = "Sentence: {premise}\n1: {choice1}\n2: {choice2}\nWhich is its {question}, 1 or 2?"
    segments = ("{premise} What is the {question}?",)
    submission_file = "COPA.jsonl"
    submission_default = "1"

    def json_label(self, answer: str) -> str | int:
        """The official file numbers the choices from 0."""
        return int(answer) - 1
