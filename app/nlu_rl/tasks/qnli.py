"""QNLI: does a sentence hold the answer to a question? (GLUE; accuracy.)"""

from nlu_rl.tasks.entailment import TwoWayEntailment


class Qnli(TwoWayEntailment):
    name = "qnli"
    title = "Does a sentence answer a question (GLUE)"
    system = "You are an assistant that checks whether a text answers a question."
    instructions = (
        "Decide whether the sentence contains the answer to the question. Answer with exactly "
        "<Judgement>yes</Judgement> or <Judgement>no</Judgement> and nothing else."
    )
    query = "Question: {question}\nSentence: {sentence}"
    submission_file = "QNLI.tsv"
