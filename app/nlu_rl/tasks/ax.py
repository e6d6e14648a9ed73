"""AX: the diagnostic set of GLUE, for models trained on MNLI. (Matthews correlation; evaluation only.)"""

from nlu_rl.tasks.entailment import ThreeWayEntailment


class Ax(ThreeWayEntailment):
    name = "ax"
    metric = "matthews"
    evaluation_split = "test"
    train_from = "glue/mnli"
    title = "Diagnostic set for models trained on MNLI (GLUE)"
    note = "Evaluation only: its training rows, and so its demonstrations, are those of mnli."
    submission_file = "AX.tsv"
