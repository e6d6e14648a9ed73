"""AX-b: the broad-coverage diagnostic set of SuperGLUE, for models trained on RTE. (Matthews; evaluation only.)"""

from nlu_rl.tasks.entailment import TwoWayEntailment


class AxB(TwoWayEntailment):
    name = "ax-b"
    metric = "matthews"
    evaluation_split = "test"
    train_from = "superglue/rte"
    title = "Diagnostic set for models trained on RTE (SuperGLUE)"
    note = "Evaluation only: its training rows, and so its demonstrations, are those of superglue-rte."
    submission_file = "AX-b.jsonl"
