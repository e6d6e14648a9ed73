"""RTE as SuperGLUE has it: does one sentence follow from another? (Accuracy.)"""

from nlu_rl.tasks.entailment import TwoWayEntailment


class SuperGlueRte(TwoWayEntailment):
    name = "superglue-rte"
    title = "Textual entailment (SuperGLUE)"
    query = "Sentence 1: {premise}\nSentence 2: {hypothesis}"
    submission_file = "RTE.jsonl"
