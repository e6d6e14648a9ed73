"""The data sets outside GLUE and SuperGLUE: the demo, SQuAD, WikiText-2, the zero-shot transfer sets, Amazon reviews.

The transfer sets are evaluated on `test`; those that have other splits keep them, for demonstrations.
"""

from nlu_rl.data.row_schema import ALL_CONFIGS, HubSource, Schema
from nlu_rl.data.schemas_glue import ENTAILMENT, NLI_COLUMNS

SENTIMENTS = ("negative", "neutral", "positive")
EMOTIONS = ("sadness", "joy", "love", "anger", "fear", "surprise")
CONDITIONS = ("normal", "depression", "suicidal", "anxiety", "stress", "bipolar", "personality disorder")
BABI = ("not entailment", "entailment")
STARS = ("1", "2", "3", "4", "5")


def _transfer(
    task: str,
    answers: tuple[str, ...],
    licence: str,
    source: str,
    *,
    fields: tuple[str, ...] = ("text",),
    columns: dict[str, tuple[str, ...]] | None = None,
    codes: dict[str, str] | None = None,
    hub: HubSource | None = None,
) -> Schema:
    fetch = f"Run 'nlu-rl data fetch {task}', or" if hub else "Run"
    return Schema(
        name=task,
        task=task,
        fields=fields,
        answers=answers,
        codes=codes or {},
        columns=columns or {},
        licence=licence,
        source=source,
        bring=f"{fetch} 'nlu-rl data import transfer PATH --task {task}' with the official file.",
        hub=hub,
    )


OTHER = (
    Schema(
        name="movie-snippets",
        task="movie-snippets",
        fields=("text",),
        answers=("negative", "positive"),
        codes={"0": "negative", "1": "positive"},
        licence="MIT (vaderSentiment); texts after Pang & Lee 2004, ratings by Hutto & Gilbert 2014",
        source="vaderSentiment 3.3.2 from the package index",
        bring="Run 'nlu-rl data fetch movie-snippets'.",
    ),
    Schema(
        name="squad",
        task="squad",
        fields=("context", "question"),
        answers=None,
        free_text=True,
        columns={"context": ("passage", "paragraph"), "label": ("answers",)},
        licence="CC BY-SA 4.0 (Rajpurkar et al. 2016)",
        source="SQuAD v1.1: the official JSON files, or rajpurkar/squad on the hub",
        bring="Run 'nlu-rl data fetch squad', or 'nlu-rl data import squad DIR' with the official JSON files.",
        hub=HubSource("rajpurkar/squad", splits={"train": "train", "validation": "validation"}),
    ),
    Schema(
        name="wikitext2",
        task="wikitext2",
        fields=("text",),
        answers=None,
        free_text=True,
        licence="CC BY-SA 3.0 (Merity et al. 2016)",
        source="WikiText-2: the official raw files, or Salesforce/wikitext on the hub",
        bring="Run 'nlu-rl data fetch wikitext2', or 'nlu-rl data import wikitext PATH' with the official raw files.",
        hub=HubSource("Salesforce/wikitext", "wikitext-2-raw-v1"),
    ),
    _transfer(
        "financial-phrasebank",
        SENTIMENTS,
        "CC BY-NC-SA 3.0 (Malo et al. 2014)",
        "Financial PhraseBank: a Sentences_*.txt file, or takala/financial_phrasebank on the hub",
        codes={"0": "negative", "1": "neutral", "2": "positive"},
        hub=HubSource(
            "takala/financial_phrasebank",
            splits={"test": "train"},
            archive=("data/FinancialPhraseBank-v1.0.zip", "FinancialPhraseBank-v1.0/Sentences_AllAgree.txt"),
        ),
    ),
    _transfer(
        "financial-news",
        ("negative", "positive"),
        "not stated",
        "Labelled Financial News: its CSV file (Headline, Synopsis, Full_text, Final Status)",
        columns={"text": ("headline", "title", "news", "news headline"), "label": ("final status",)},
    ),
    _transfer(
        "mental-health",
        CONDITIONS,
        "ODbL 1.0",
        "Sentiment Analysis for Mental Health: its CSV file (statement, status)",
        columns={"text": ("statement",), "label": ("status",)},
        codes={"bi-polar": "bipolar"},
    ),
    _transfer(
        "emotion",
        EMOTIONS,
        "research use (Saravia et al. 2018)",
        "Emotion: a text;label file, or dair-ai/emotion on the hub",
        codes={str(code): answer for code, answer in enumerate(EMOTIONS)},
        columns={"label": ("label_name", "emotion")},
        hub=HubSource("dair-ai/emotion", "split"),
    ),
    _transfer(
        "babi-nli",
        BABI,
        "BSD (Weston et al. 2015)",
        "bAbI-NLI: a file with premise, hypothesis and label, or tasksource/babi_nli on the hub",
        fields=("premise", "hypothesis"),
        columns=NLI_COLUMNS,
        codes={
            "not-entailed": "not entailment",
            "entailed": "entailment",
            "not_entailment": "not entailment",
            "0": "not entailment",
            "1": "entailment",
        },
        hub=HubSource("tasksource/babi_nli", ALL_CONFIGS),
    ),
    _transfer(
        "siga-nli",
        ENTAILMENT,
        "not stated; research use (Nizamani et al. 2024)",
        "SIGA-NLI: a file with premise, statement (or hypothesis) and label, or tasksource/SIGA-nli on the hub",
        fields=("premise", "hypothesis"),
        columns={**NLI_COLUMNS, "hypothesis": ("statement", *NLI_COLUMNS["hypothesis"])},
        codes={str(code): answer for code, answer in enumerate(ENTAILMENT)},
        hub=HubSource("tasksource/SIGA-nli", columns={"hypothesis": "statement"}),
    ),
    Schema(
        name="amazon",
        task="amazon",
        fields=("text",),
        answers=STARS,
        columns={
            "text": ("reviewtext", "review_body", "review_text", "body"),
            "label": ("overall", "stars", "star_rating"),
        },
        licence="Amazon's terms; research use (Ni et al. 2019, Hou et al. 2024)",
        source="Amazon reviews: a file with texts and ratings, or SetFit/amazon_reviews_multi_en on the hub",
        bring="Run 'nlu-rl data fetch amazon', or 'nlu-rl data import amazon FILE' with reviews and their ratings.",
        hub=HubSource("SetFit/amazon_reviews_multi_en", labels={str(code): star for code, star in enumerate(STARS)}),
    ),
)
