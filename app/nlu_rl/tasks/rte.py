"""RTE: does one sentence follow from another? (GLUE; accuracy.)"""

from nlu_rl.tasks.entailment import TwoWayEntailment


class Rte(TwoWayEntailment):
    name = "rte"
    title = "Textual entailment (GLUE)"
    submission_file = "RTE.tsv"
