"""SIGA-NLI: does a hypothesis follow from a situation? (Zero-shot transfer from MNLI; accuracy.)"""

from nlu_rl.tasks.entailment import ThreeWayEntailment


class SigaNli(ThreeWayEntailment):
    name = "siga-nli"
    evaluation_split = "test"
    title = "Entailment in situations (transfer from MNLI)"
    note = "A transfer set: for models trained on mnli, evaluation only."
    submission_file = "siga-nli.tsv"
