"""Emotion: which of six feelings does a message express? (Zero-shot transfer; accuracy.)

The paper does not say how the labels are asked for; we ask for all six by name.
"""

from nlu_rl.tasks.classification import ClassificationTask


class Emotion(ClassificationTask):
    name = "emotion"
    answers = ("sadness", "joy", "love", "anger", "fear", "surprise")
    evaluation_split = "test"
    title = "The feeling of a message (transfer from SST-2)"
    note = "A transfer set: for models trained on sst2, evaluation only. How the labels are asked for is ours."
    system = "You are an assistant that judges the feelings of messages."
    instructions = (
        "Classify the message. Answer with exactly <Judgement>sadness</Judgement>, <Judgement>joy</Judgement>, "
        "<Judgement>love</Judgement>, <Judgement>anger</Judgement>, <Judgement>fear</Judgement> or "
        "<Judgement>surprise</Judgement> and nothing else."
    )
    query = "Message: {text}"
    submission_file = "emotion.tsv"
    submission_default = "joy"
