"""Amazon: an integer rating from 1 to 5 for a product review. (Instruction following; accuracy.)

The paper asks a model trained on SST-2 for it, to see whether it still follows an instruction it was not trained on.
"""

from nlu_rl.tasks.classification import ClassificationTask


class Amazon(ClassificationTask):
    name = "amazon"
    answers = ("1", "2", "3", "4", "5")
    evaluation_split = "test"
    passage = "text"
    title = "Rating of product reviews, 1 to 5 (instruction following)"
    note = "For models trained on sst2. Which set of reviews is ours to choose; the paper does not say."
    system = "You are an assistant that rates product reviews."
    instructions = (
        "Rate the review from 1 (very bad) to 5 (very good). Answer with exactly <Judgement>1</Judgement>, "
        "<Judgement>2</Judgement>, <Judgement>3</Judgement>, <Judgement>4</Judgement> or <Judgement>5</Judgement> and "
        "nothing else."
    )
    query = "Review: {text}"
    submission_file = "amazon.tsv"
    submission_default = "3"
