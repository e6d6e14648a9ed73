"""CoLA: is a sentence acceptable English grammar? (GLUE; Matthews correlation.)

One answer is part of the other: "not acceptable" is looked for first, and "unacceptable" means the same.
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
        "<Judgement>acceptable</Judgement> or <Judgement>not acceptable</Judgement> and nothing else."
    )
    query = "Sentence: {sentence}"
    submission_file = "CoLA.tsv"
    submission_labels: ClassVar = {"not acceptable": "0", "acceptable": "1"}
    submission_default = "acceptable"
