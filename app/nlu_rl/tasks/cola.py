"""CoLA: is a sentence acceptable English grammar? (GLUE; Matthews correlation.)

One answer is part of the other: "not acceptable" is looked for first, and "unacceptable" means the same.
The last instruction repeats "acceptable" because a small untrained model otherwise never samples it (1 in 10,000
answers instead of 1 in 100), and an answer that is never sampled cannot be reinforced.
"""

from typing import ClassVar

from nlu_rl.tasks.classification import ClassificationTask


class Cola(ClassificationTask):
    name = "cola"
    answers = ("not acceptable", "acceptable")
    metric = "matthews"
    keywords: ClassVar = {"unacceptable": "not acceptable"}
    title = "Grammatical acceptability of sentences (GLUE)"
    system = "You are an assistant that analyses the linguistic properties of sentences."
    instructions = (
        "Decide whether the sentence is grammatically acceptable English. Answer with exactly "
        "<Judgement>acceptable</Judgement> or <Judgement>not acceptable</Judgement> and nothing else. "
        "Write <Judgement>acceptable</Judgement> when nothing is wrong with it."
    )
    query = "Sentence: {sentence}"
    submission_file = "CoLA.tsv"
    submission_labels: ClassVar = {"not acceptable": "0", "acceptable": "1"}
    submission_default = "acceptable"
