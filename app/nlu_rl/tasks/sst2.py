"""SST-2: is a phrase from a movie review positive or negative? (GLUE; accuracy.)"""

from collections.abc import Mapping
from types import MappingProxyType

from nlu_rl.tasks.classification import ClassificationTask


class Sst2(ClassificationTask):
    name = "sst2"
    answers = ("negative", "positive")
    title = "Sentiment of phrases from movie reviews (GLUE)"
    system = "You are an assistant that judges the sentiment of movie reviews."
    instructions = (
        "Classify the movie review. Answer with exactly <Judgement>positive</Judgement> or "
        "<Judgement>negative</Judgement> and nothing else."
    )
    query = "Review: {sentence}"
    submission_file = "SST-2.tsv"
    submission_labels: Mapping[str, str] = MappingProxyType({"negative": "0", "positive": "1"})
    submission_default = "positive"
