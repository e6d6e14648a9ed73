"""SIGA-NLI: what follows from a gradable adjective, such as "good" from "decent"? (Transfer from MNLI; accuracy.)"""

from nlu_rl.tasks.entailment import ThreeWayEntailment


class SigaNli(ThreeWayEntailment):
    name = "siga-nli"
    evaluation_split = "test"
    title = "Entailment between gradable adjectives (transfer from MNLI)"
    note = "A transfer set: for models trained on mnli, evaluation only."
    submission_file = "siga-nli.tsv"
