"""WSC: does a pronoun refer to a noun? (SuperGLUE; accuracy.) The pronoun is marked with asterisks in the text."""

from collections.abc import Mapping
from types import MappingProxyType

from nlu_rl.tasks.classification import ClassificationTask


class Wsc(ClassificationTask):
    name = "wsc"
    answers = ("no", "yes")
    keywords: Mapping[str, str] = MappingProxyType({"false": "no", "true": "yes"})
    title = "What a pronoun refers to (SuperGLUE)"
    system = "You are an assistant that finds out what pronouns refer to."
    instructions = (
        "Decide whether the pronoun between asterisks refers to the noun. Answer with exactly "
        "<Judgement>yes</Judgement> or <Judgement>no</Judgement> and nothing else."
    )
    query = "Text: {text}\nPronoun: {pronoun}\nNoun: {noun}"
    segments = ("{text}", "{pronoun}: {noun}")
    submission_file = "WSC.jsonl"
    submission_labels: Mapping[str, str] = MappingProxyType({"no": "False", "yes": "True"})
    submission_default = "no"
