"""STS-B: how similar in meaning are two sentences, from 0 to 5? (GLUE; Spearman and Pearson correlation.)

The form of the answer is asked for before and after the sentences: asked only before them, a small untrained model
closes the tag one time in twenty.
"""

from nlu_rl.tasks.regression import RegressionTask


class Stsb(RegressionTask):
    name = "stsb"
    version = 2
    title = "Similarity of two sentences, 0 to 5 (GLUE)"
    note = "An answer within 0.5 of the gold number counts as correct in accuracy."
    system = (
        "You are an assistant that compares the meaning of sentences. You answer with exactly "
        "<Judgement>0.0</Judgement>, <Judgement>1.0</Judgement>, <Judgement>2.0</Judgement>, "
        "<Judgement>3.0</Judgement>, <Judgement>4.0</Judgement>, <Judgement>5.0</Judgement> or a number between two "
        "of these and nothing else."
    )
    instructions = "Rate how similar in meaning the two sentences are, from 0.0 (unrelated) to 5.0 (the same)."
    query = "Sentence 1: {sentence1}\nSentence 2: {sentence2}"
    reminder = "Answer with exactly one number in these tags, such as <Judgement>2.0</Judgement> and nothing else."
    submission_file = "STS-B.tsv"
    submission_default = "2.5"
