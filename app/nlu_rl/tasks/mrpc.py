"""MRPC: do two sentences say the same? (GLUE; F1 of "yes", and accuracy.)"""

from collections.abc import Mapping
from types import MappingProxyType

from nlu_rl.tasks.classification import ClassificationTask


class Mrpc(ClassificationTask):
    name = "mrpc"
    answers = ("no", "yes")
    metric = "f1"
    title = "Sentences that say the same (GLUE)"
    system = "You are an assistant that compares the meaning of sentences."
    instructions = (
        "Decide whether the two sentences mean the same. Answer with exactly <Judgement>yes</Judgement> or "
        "<Judgement>no</Judgement> and nothing else."
    )
    query = "Sentence 1: {sentence1}\nSentence 2: {sentence2}"
    submission_file = "MRPC.tsv"
    submission_labels: Mapping[str, str] = MappingProxyType({"no": "0", "yes": "1"})
    submission_default = "yes"
