"""Labelled Financial News: is a headline good or bad news? (Zero-shot transfer; accuracy.)"""

from nlu_rl.tasks.classification import ClassificationTask


class FinancialNews(ClassificationTask):
    name = "financial-news"
    answers = ("negative", "positive")
    evaluation_split = "test"
    passage = "text"
    title = "Sentiment of headlines of financial news (transfer from SST-2)"
    note = "A transfer set: for models trained on sst2, evaluation only. The text is the headline of the file."
    system = "You are an assistant that judges the sentiment of financial news."
    instructions = (
        "Classify the news as an investor would. Answer with exactly <Judgement>positive</Judgement> or "
        "<Judgement>negative</Judgement> and nothing else."
    )
    query = "News: {text}"
    submission_file = "financial-news.tsv"
    submission_default = "positive"
