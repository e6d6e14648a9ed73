"""The repositories of the other data sets, each as the hub has it, from the files that their authors publish."""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from datasets import List, Value

from hub_server.datasets_repository import classes, dataset_repository, text_features
from hub_server.repository import Repository

EMOTIONS = ("sadness", "joy", "love", "anger", "fear", "surprise")
Files = Mapping[str, Path]
"""The file of each split."""


def squad(files: Files) -> Repository:
    """Return rajpurkar/squad: one row a question, texts without the spaces around them."""
    answers = {"text": List(Value("string")), "answer_start": List(Value("int32"))}
    features = text_features("id", "title", "context", "question", answers=answers)
    splits = {split: _questions(json.loads(path.read_text(encoding="utf-8"))) for split, path in files.items()}
    return dataset_repository("rajpurkar/squad", {"plain_text": (features, splits)})


def _questions(squad_file: Any) -> list[dict[str, Any]]:
    return [
        {
            "id": question["id"],
            "title": article["title"].strip(),
            "context": paragraph["context"].strip(),
            "question": question["question"].strip(),
            "answers": {
                "text": [answer["text"].strip() for answer in question["answers"]],
                "answer_start": [answer["answer_start"] for answer in question["answers"]],
            },
        }
        for article in squad_file["data"]
        for paragraph in article["paragraphs"]
        for question in paragraph["qas"]
    ]


def wikitext(files: Files) -> Repository:
    """Return Salesforce/wikitext: one row a line, and an empty text where the line is blank."""
    splits = {}
    for split, path in files.items():
        with path.open(encoding="utf-8", newline="\n") as lines:
            splits[split] = [{"text": line if line.strip() else ""} for line in lines]
    return dataset_repository("Salesforce/wikitext", {"wikitext-2-raw-v1": (text_features("text"), splits)})


def emotion(files: Files) -> Repository:
    """Return dair-ai/emotion, from files of `text;label` lines under a header."""
    splits = {}
    for split, path in files.items():
        pairs = [line.rsplit(";", 1) for line in path.read_text(encoding="utf-8").splitlines()[1:]]
        splits[split] = [{"text": text, "label": label} for text, label in pairs]
    return dataset_repository("dair-ai/emotion", {"split": (text_features("text", label=classes(*EMOTIONS)), splits)})


def financial_phrasebank(path: Path) -> Repository:
    """Return takala/financial_phrasebank: a loading script, which no library runs now, and the archive it unpacked."""
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as opened:
        opened.write(path, "FinancialPhraseBank-v1.0/Sentences_AllAgree.txt")
    files = {
        "README.md": b"---\nlicense: cc-by-nc-sa-3.0\n---\n",
        "financial_phrasebank.py": b"raise SystemExit('never run')\n",
        "data/FinancialPhraseBank-v1.0.zip": archive.getvalue(),
    }
    return Repository("datasets", "takala/financial_phrasebank", files)


def babi_nli(tasks: Mapping[str, Mapping[str, Sequence[tuple[str, str, str]]]]) -> Repository:
    """Return tasksource/babi_nli: a configuration a task, each counting its rows from 0."""
    features = text_features("premise", "hypothesis", label=classes("not-entailed", "entailed"), idx=Value("int32"))
    configs = {
        task: (
            features,
            {
                split: [
                    {"premise": premise, "hypothesis": hypothesis, "label": label, "idx": number}
                    for number, (premise, hypothesis, label) in enumerate(rows)
                ]
                for split, rows in splits.items()
            },
        )
        for task, splits in tasks.items()
    }
    return dataset_repository("tasksource/babi_nli", configs)


def siga_nli(train: Path, test: Path) -> Repository:
    """Return tasksource/SIGA-nli: two CSV files and no statement of what is in them."""
    files = {"train_dataset.csv": train.read_bytes(), "test_id_dataset.csv": test.read_bytes()}
    return Repository("datasets", "tasksource/SIGA-nli", {"README.md": b"---\nlicense: unknown\n---\n", **files})


def amazon(splits: Mapping[str, Sequence[tuple[str, int]]]) -> Repository:
    """Return SetFit/amazon_reviews_multi_en: JSON lines, the stars numbered from 0."""
    files = {
        f"{split}.jsonl": "".join(
            json.dumps({"id": f"en_{number}", "text": text, "label": stars - 1, "label_text": str(stars - 1)}) + "\n"
            for number, (text, stars) in enumerate(rows)
        ).encode()
        for split, rows in splits.items()
    }
    card = b"---\nlicense: apache-2.0\n---\n"
    return Repository("datasets", "SetFit/amazon_reviews_multi_en", {"README.md": card, **files})
