"""STS-B: how similar in meaning are two sentences, from 0 to 5? (GLUE; Spearman and Pearson correlation.)

Three example numbers, because a small untrained model repeats a single one as nearly its only answer.
"""

from nlu_rl.tasks.regression import RegressionTask


class Stsb(RegressionTask):
    name = "stsb"
    title = "Similarity of two sentences, 0 to 5 (GLUE)"
    note = "An answer within 0.5 of the gold number counts as correct in accuracy."
    system = "You are an assistant that compares the meaning of sentences."
    instructions = (
        "Rate how similar in meaning the two sentences are, from 0.0 (unrelated) to 5.0 (the same). Answer with "
        "exactly one number, such as <Judgement>0.4</Judgement>, <Judgement>2.5</Judgement> or "
        "<Judgement>4.6</Judgement>, and nothing else."
    )
    query = "Sentence 1: {sentence1}\nSentence 2: {sentence2}"
    submission_file = "STS-B.tsv"
    submission_default = "2.5"
