"""The demo task: is a sentence from a movie review positive or negative?

The label is the sign of the mean of about 20 human ratings from -4 to 4. Rows with a mean between -1 and 1 are dropped
(about one in seven), so scores here are higher than they would be on all sentences. Splits: about 80 % train, 10 %
validation, 10 % test, by a hash of the text (`data/movie_snippets.py`).
"""

from nlu_rl.tasks.classification import ClassificationTask


class MovieSnippets(ClassificationTask):
    name = "movie-snippets"
    answers = ("negative", "positive")
    evaluation_split = "test"
    title = "Sentiment of sentences from movie reviews (demo)"
    note = (
        "The label is the sign of the mean of about 20 human ratings (-4 to 4); sentences with a mean between -1 and 1 "
        "are dropped. Splits follow from a hash of the text; no text is in two splits."
    )
    system = "You are an assistant that judges the sentiment of movie reviews."
    instructions = (
        "Classify the movie review. Answer with exactly <Judgement>positive</Judgement> or "
        "<Judgement>negative</Judgement> and nothing else."
    )
    query = "Review: {text}"
    submission_file = "movie-snippets.tsv"
    submission_default = "positive"
