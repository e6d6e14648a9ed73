"""nyu-mll/glue from the official folder: one configuration a task, labels numbered, `idx` counted in the file."""

import csv
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from datasets import Value

from hub_server.datasets_repository import Configs, classes, dataset_repository, text_features
from hub_server.repository import Repository

_PAIR = {"sentence1": "sentence1", "sentence2": "sentence2"}
_NLI = {"premise": "sentence1", "hypothesis": "sentence2"}
_MRPC = {"sentence1": "#1 String", "sentence2": "#2 String"}
_ENTAILMENT = ("entailment", "neutral", "contradiction")
_SPLITS = {"train": "train", "validation": "dev", "test": "test"}
_MNLI = {
    "train": "train",
    "validation_matched": "dev_matched",
    "validation_mismatched": "dev_mismatched",
    "test_matched": "test_matched",
    "test_mismatched": "test_mismatched",
}

# configuration: folder, hub's column -> file's column, the file's label column, class names (None: a number)
_TASKS: dict[str, tuple[str, dict[str, str], str, tuple[str, ...] | None]] = {
    "cola": ("CoLA", {"sentence": "sentence"}, "label", ("unacceptable", "acceptable")),
    "sst2": ("SST-2", {"sentence": "sentence"}, "label", ("negative", "positive")),
    "mrpc": ("MRPC", _MRPC, "Quality", ("not_equivalent", "equivalent")),
    "qqp": (
        "QQP",
        {"question1": "question1", "question2": "question2"},
        "is_duplicate",
        ("not_duplicate", "duplicate"),
    ),
    "stsb": ("STS-B", _PAIR, "score", None),
    "mnli": ("MNLI", _NLI, "gold_label", _ENTAILMENT),
    "qnli": ("QNLI", {"question": "question", "sentence": "sentence"}, "label", ("entailment", "not_entailment")),
    "rte": ("RTE", _PAIR, "label", ("entailment", "not_entailment")),
    "wnli": ("WNLI", _PAIR, "label", ("not_entailment", "entailment")),
}


def glue(folder: Path) -> Repository:
    """Return the repository with the files of a folder that are there."""
    configs: dict[str, Any] = {}
    for config, (directory, columns, label, names) in _TASKS.items():
        features = text_features(*columns, label=classes(*names) if names else Value("float32"), idx=Value("int32"))
        splits = {}
        for split, file in (_MNLI if config == "mnli" else _SPLITS).items():
            records = list(_records(folder / directory, file, bare=config == "cola" and split != "test"))
            if records:
                splits[split] = [
                    {**_texts(columns, record), "label": _label(record, label, names, split), "idx": number}
                    for number, record in enumerate(records)
                ]
        if splits:
            configs[config] = (features, splits)
    configs.update(_diagnostic(folder))
    return dataset_repository("nyu-mll/glue", configs)


def _records(folder: Path, file: str, *, bare: bool) -> Iterator[dict[str, str]]:
    if (folder / f"{file}.jsonl").is_file():
        yield from map(json.loads, (folder / f"{file}.jsonl").read_text(encoding="utf-8").splitlines())
    elif (folder / f"{file}.tsv").is_file():
        names = ["source", "label", "star", "sentence"] if bare else None
        with (folder / f"{file}.tsv").open(encoding="utf-8-sig", newline="") as opened:
            yield from csv.DictReader(opened, names, delimiter="\t", quoting=csv.QUOTE_NONE)


def _texts(columns: dict[str, str], record: dict[str, str]) -> dict[str, str]:
    return {ours: record[theirs] if theirs in record else record[ours] for ours, theirs in columns.items()}


def _label(record: dict[str, str], column: str, names: tuple[str, ...] | None, split: str) -> float:
    written = record.get(column, record.get("label", ""))
    if split.startswith("test") or not written:
        return -1
    if names is None:
        return float(written)
    return names.index(written) if written in names else int(written)


def _diagnostic(folder: Path) -> Configs:
    """Return AX: on the hub it has no labels."""
    records = list(_records(folder / "diagnostic", "diagnostic-full", bare=False))
    rows = [
        {"premise": record["Premise"], "hypothesis": record["Hypothesis"], "label": -1, "idx": number}
        for number, record in enumerate(records)
    ]
    features = text_features("premise", "hypothesis", label=classes(*_ENTAILMENT), idx=Value("int32"))
    return {"ax": (features, {"test": rows})} if rows else {}
