"""MNLI: does a hypothesis follow from a premise? (GLUE; accuracy.)

MNLI-m is evaluated on the genres of the training rows, MNLI-mm on others; both are trained on the same rows.
"""

from nlu_rl.tasks.entailment import ThreeWayEntailment


class Mnli(ThreeWayEntailment):
    name = "mnli"
    title = "Entailment, contradiction or neither: matched genres (GLUE)"
    submission_file = "MNLI-m.tsv"


class MnliMismatched(ThreeWayEntailment):
    name = "mnli-mm"
    title = "Entailment, contradiction or neither: other genres (GLUE)"
    train_from = "glue/mnli"
    note = "Its training rows are those of mnli."
    submission_file = "MNLI-mm.tsv"
