"""bAbI-NLI: does a statement follow from a short story? (Zero-shot transfer from MNLI; accuracy.)

The words are those of MNLI; "neutral" and "contradiction" both mean that it does not follow.
"""

from collections.abc import Mapping
from types import MappingProxyType

from nlu_rl.tasks.classification import ClassificationTask


class BabiNli(ClassificationTask):
    name = "babi-nli"
    answers = ("not entailment", "entailment")
    keywords: Mapping[str, str] = MappingProxyType({"neutral": "not entailment", "contradiction": "not entailment"})
    evaluation_split = "test"
    title = "Entailment from short stories (transfer from MNLI)"
    note = "A transfer set: for models trained on mnli, evaluation only."
    system = "You are an assistant that judges whether one sentence follows from another."
    instructions = (
        "Decide whether the hypothesis follows from the premise. Answer with exactly "
        "<Judgement>entailment</Judgement> or <Judgement>not entailment</Judgement> and nothing else."
    )
    query = "Premise: {premise}\nHypothesis: {hypothesis}"
    submission_file = "babi-nli.tsv"
    submission_default = "not entailment"
