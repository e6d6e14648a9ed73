"""WiC: does a word have the same meaning in two sentences? (SuperGLUE; accuracy.)"""

from collections.abc import Mapping
from types import MappingProxyType

from nlu_rl.tasks.classification import ClassificationTask


class Wic(ClassificationTask):
    name = "wic"
    answers = ("no", "yes")
    keywords: Mapping[str, str] = MappingProxyType({"false": "no", "true": "yes"})
    title = "The same word in two sentences: the same meaning? (SuperGLUE)"
    system = "You are an assistant that compares the meanings of words."
    instructions = (
        "Decide whether the word has the same meaning in both sentences. Answer with exactly "
        "<Judgement>yes</Judgement> or <Judgement>no</Judgement> and nothing else."
    )
    query = "Word: {word}\nSentence 1: {sentence1}\nSentence 2: {sentence2}"
    segments = ("{word}: {sentence1}", "{sentence2}")
    submission_file = "WiC.jsonl"
    submission_labels: Mapping[str, str] = MappingProxyType({"no": "false", "yes": "true"})
    submission_default = "no"
