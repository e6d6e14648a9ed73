"""The figures of the paper, to stand beside one's own: official test sets, Llama-2-7B-chat unless the label says else.

As printed, by row and task; cells that our copy of the paper does not show legibly are left out.
"""

from collections.abc import Mapping

Figures = Mapping[str, Mapping[str, str]]

_GLUE = ("mnli", "mnli-mm", "qqp", "qnli", "sst2", "cola", "stsb", "mrpc", "rte", "wnli", "ax", "average")
_SUPERGLUE = ("boolq", "cb", "copa", "multirc", "record", "superglue-rte", "wic", "wsc", "ax-b", "ax-g", "average")
_TRANSFER = (
    "financial-phrasebank",
    "financial-news",
    "mental-health",
    "emotion",
    "babi-nli",
    "siga-nli",
    "average",
)
_ALGORITHMS = ("sst2", "mrpc", "rte", "cola", "qnli", "average")


def _row(columns: tuple[str, ...], figures: str) -> dict[str, str]:
    return {name: text for name, text in zip(columns, figures.split(), strict=True) if text != "."}


PAPER: Mapping[str, Figures] = {
    "glue": {
        "BERT-base": _row(_GLUE, "84.6 83.4 71.2 90.5 93.5 52.1 85.8 88.9 66.4 . . 79.6"),
        "BERT-large": _row(_GLUE, "86.7 85.9 72.1 92.7 94.9 60.5 86.5 89.3 70.1 . . 82.1"),
        "zero-shot": _row(_GLUE, "38.3 39.7 31.3 58.5 75.7 18.6 27.5 66.3 59.3 44.5 9.2 46.1"),
        "few-shot": _row(_GLUE, "62.4 61.7 30.9 60.7 84.2 29.0 45.5 80.8 72.9 51.4 9.2 58.7"),
        "SFT-ST": _row(_GLUE, "87.0 86.5 63.8 93.6 73.8 50.7 84.7 85.8 80.4 63.7 45.1 78.5"),
        "PPO-ST": _row(_GLUE, "88.8 88.2 70.5 93.2 96.4 59.9 92.6 89.4 84.3 74.7 52.7 84.8"),
        "SFT-MT": _row(_GLUE, "84.9 84.5 62.9 86.0 72.0 41.4 . . . . . ."),
        "PPO-MT": _row(_GLUE, "88.7 88.3 67.3 90.2 94.6 47.7 94.7 86.7 86.9 66.4 43.4 82.9"),
    },
    "superglue": {
        "BERT-large": _row(_SUPERGLUE, "77.4 75.7/83.6 70.6 70.0/24.0 72.0/71.3 71.6 69.5 64.3 23.0 97.8/51.7 69.0"),
        "BERT-large++": _row(_SUPERGLUE, "79.0 84.7/90.4 73.8 70.0/24.1 72.0/71.3 79.0 69.5 64.3 38.0 99.4/51.4 71.5"),
        "zero-shot": _row(_SUPERGLUE, "75.8 26.4/43.6 57.0 51.9/20.3 27.0/26.2 59.2 54.4 52.1 9.1 64.0/55.1 49.5"),
        "few-shot": _row(_SUPERGLUE, "80.2 49.8/66.0 73.4 46.6/15.4 36.3/35.3 72.9 54.4 62.3 9.1 64.0/55.1 54.9"),
        "PPO-ST": _row(_SUPERGLUE, "85.9 74.7/88.0 88.6 82.5/50.0 70.6/69.9 84.3 . . . . 78.3"),
    },
    "transfer": {
        "PPO-ST": _row(_TRANSFER, "97.2 70.2 67.2 78.0 68.3 46.2 71.2"),
        "PPO-ST (13B)": _row(_TRANSFER, "97.7 72.3 66.6 76.4 69.4 46.3 71.5"),
        "GPT-4o": _row(_TRANSFER, "97.5 67.8 59.9 77.6 63.2 35.4 66.9"),
    },
    "algorithms": {
        "SFT-ST": _row(_ALGORITHMS, "73.8 85.8 80.4 50.7 93.6 76.9"),
        "PPO-ST": _row(_ALGORITHMS, "96.4 89.4 84.3 59.9 93.2 84.6"),
        "GRPO-ST": _row(_ALGORITHMS, "96.7 91.2 88.5 55.2 93.1 84.94"),
    },
    "squad": {
        "zero-shot": {"squad": "7.66/32.27"},
        "SFT-ST": {"squad": "59.17/76.48"},
        "PPO-ST": {"squad": "65.74/81.82"},
    },
    "perplexity": {
        "zero-shot": {"wikitext2": "6.939"},
        "SFT-ST": {"wikitext2": "7.384"},
        "PPO-ST": {"wikitext2": "6.966"},
    },
    "instruction": {
        "zero-shot": {"amazon": "27.00 [19.00, 36.03]"},
        "SFT-ST": {"amazon": "0.0096"},
        "PPO-ST": {"amazon": "39.35 [38.39, 40.29]"},
    },
}


def paper_rows(table: str, tasks: list[str]) -> dict[str, dict[str, str]]:
    """Return the paper's rows with a figure for any of these tasks; those of the table itself first.

    A task of another table is looked up there; the average only counts where every task of the table is shown.
    """
    rows: dict[str, dict[str, str]] = {}
    for name in (table, *(other for other in ("glue", "superglue") if other != table)):
        for label, figures in PAPER[name].items():
            found = {task: text for task, text in figures.items() if task in tasks}
            if name == table and all(task in tasks for task in figures if task != "average"):
                found |= {task: text for task, text in figures.items() if task == "average"}
            for task, text in found.items():
                rows.setdefault(label, {}).setdefault(task, text)
    return rows
