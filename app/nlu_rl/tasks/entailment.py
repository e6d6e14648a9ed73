"""Entailment between two texts, in two forms: yes or no (RTE and its like), or three-way (MNLI and its like)."""

from collections.abc import Mapping
from types import MappingProxyType

from nlu_rl.tasks.classification import ClassificationTask


class TwoWayEntailment(ClassificationTask):
    """Does one text follow from the other? Yes is entailment; official files write `entailment`, `not_entailment`."""

    answers = ("no", "yes")
    keywords: Mapping[str, str] = MappingProxyType({"entailment": "yes", "not entailment": "no"})
    system = "You are an assistant that judges whether one sentence follows from another."
    instructions = (
        "Decide whether the second sentence follows from the first. Answer with exactly <Judgement>yes</Judgement> or "
        "<Judgement>no</Judgement> and nothing else."
    )
    query = "Sentence 1: {sentence1}\nSentence 2: {sentence2}"
    submission_labels: Mapping[str, str] = MappingProxyType({"no": "not_entailment", "yes": "entailment"})
    submission_default = "no"


class ThreeWayEntailment(ClassificationTask):
    """Is a hypothesis true, false or open, given the premise?"""

    answers = ("entailment", "neutral", "contradiction")
    system = "You are an assistant that judges whether one sentence follows from another."
    instructions = (
        "Decide whether the hypothesis follows from the premise. Answer with exactly "
        "<Judgement>entailment</Judgement> if it does, <Judgement>contradiction</Judgement> if it cannot be true, or "
        "<Judgement>neutral</Judgement> if neither, and nothing else."
    )
    query = "Premise: {premise}\nHypothesis: {hypothesis}"
    submission_default = "neutral"
