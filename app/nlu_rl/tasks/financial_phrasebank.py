"""Financial PhraseBank: is a sentence from financial news good or bad news? (Zero-shot transfer; accuracy.)"""

from nlu_rl.tasks.classification import ClassificationTask


class FinancialPhraseBank(ClassificationTask):
    name = "financial-phrasebank"
    answers = ("negative", "neutral", "positive")
    evaluation_split = "test"
    title = "Sentiment of sentences from financial news (transfer from SST-2)"
    note = "A transfer set: for models trained on sst2, evaluation only."
    system = "You are an assistant that judges the sentiment of financial news."
    instructions = (
        "Classify the sentence as an investor would. Answer with exactly <Judgement>positive</Judgement>, "
        "<Judgement>negative</Judgement> or <Judgement>neutral</Judgement> and nothing else."
    )
    query = "Sentence: {text}"
    submission_file = "financial-phrasebank.tsv"
    submission_default = "neutral"
