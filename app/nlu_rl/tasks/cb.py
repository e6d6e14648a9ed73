"""CB: is the writer of a text committed to a statement? (SuperGLUE; mean F1 over the answers, and accuracy.)"""

from nlu_rl.tasks.entailment import ThreeWayEntailment


class Cb(ThreeWayEntailment):
    name = "cb"
    answers = ("entailment", "contradiction", "neutral")
    metric = "f1"
    title = "Commitment to a statement, as entailment (SuperGLUE)"
    submission_file = "CB.jsonl"
    submission_default = "contradiction"
