"""aps/super_glue from the official folder: flat rows, MultiRC by answer, ReCoRD by query with its entities sorted."""

import json
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

from datasets import List, Value

from hub_server.datasets_repository import classes, dataset_repository, text_features
from hub_server.repository import Repository

Line = Mapping[str, Any]
INT = Value("int32")
_TRUTH = classes("False", "True")
_ENTAILED = classes("entailment", "not_entailment")


def _flat(*columns: str) -> Callable[[Line], Iterator[dict[str, Any]]]:
    def rows(line: Line) -> Iterator[dict[str, Any]]:
        label = line.get("label", -1)
        yield {
            **{column: line[column] for column in columns},
            "idx": int(line["idx"]),
            "label": int(label) if isinstance(label, bool) else label,
        }

    return rows


def _multirc(line: Line) -> Iterator[dict[str, Any]]:
    for question in line["passage"]["questions"]:
        for answer in question["answers"]:
            yield {
                "paragraph": line["passage"]["text"],
                "question": question["question"],
                "answer": answer["text"],
                "idx": {"paragraph": line["idx"], "question": question["idx"], "answer": answer["idx"]},
                "label": int(answer.get("label", -1)),
            }


def _record(line: Line) -> Iterator[dict[str, Any]]:
    text = line["passage"]["text"]
    spans = [
        {"text": text[entity["start"] : entity["end"] + 1], "start": entity["start"], "end": entity["end"] + 1}
        for entity in sorted(line["passage"]["entities"], key=lambda entity: entity["start"])
    ]
    for query in line["qas"]:
        yield {
            "passage": text,
            "query": query["query"],
            "entities": sorted({span["text"] for span in spans}),
            "entity_spans": spans,
            "answers": sorted({answer["text"] for answer in query.get("answers", ())}),
            "idx": {"passage": line["idx"], "query": query["idx"]},
        }


def _wsc(line: Line) -> Iterator[dict[str, Any]]:
    yield from _flat("text", "span1_index", "span2_index", "span1_text", "span2_text")({**line, **line["target"]})


def _features(*columns: str, label: Any = None, **others: Any) -> Any:
    return text_features(*columns, **{**others, "idx": others.get("idx", INT), **({"label": label} if label else {})})


_SPAN = {"text": Value("string"), "start": INT, "end": INT}
_WIC = ("word", "sentence1", "sentence2")
_OFFSETS = ("start1", "start2", "end1", "end2")
_NLI = ("premise", "hypothesis")
_PAIR = ("sentence1", "sentence2")
_CHOICES = ("premise", "choice1", "choice2", "question")
_ANSWER_IDX = dict.fromkeys(("paragraph", "question", "answer"), INT)
_RECORD = {"entities": List(Value("string")), "entity_spans": List(_SPAN), "answers": List(Value("string"))}
_SPANS = {"span1_index": INT, "span2_index": INT, "span1_text": Value("string"), "span2_text": Value("string")}
_CB = classes("entailment", "contradiction", "neutral")
# configuration: folder, features, rows of a line
_TASKS: dict[str, tuple[str, Any, Callable[[Line], Iterator[dict[str, Any]]]]] = {
    "boolq": ("BoolQ", _features("question", "passage", label=_TRUTH), _flat("question", "passage")),
    "cb": ("CB", _features(*_NLI, label=_CB), _flat(*_NLI)),
    "copa": ("COPA", _features(*_CHOICES, label=classes("choice1", "choice2")), _flat(*_CHOICES)),
    "multirc": (
        "MultiRC",
        _features("paragraph", "question", "answer", label=_TRUTH, idx=_ANSWER_IDX),
        _multirc,
    ),
    "record": ("ReCoRD", _features("passage", "query", **_RECORD, idx={"passage": INT, "query": INT}), _record),
    "rte": ("RTE", _features(*_NLI, label=_ENTAILED), _flat(*_NLI)),
    "wic": ("WiC", _features(*_WIC, **dict.fromkeys(_OFFSETS, INT), label=_TRUTH), _flat(*_WIC, *_OFFSETS)),
    "wsc": ("WSC", _features("text", **_SPANS, label=_TRUTH), _wsc),
    "axb": ("AX-b", _features(*_PAIR, label=_ENTAILED), _flat(*_PAIR)),
    "axg": ("AX-g", _features(*_NLI, label=_ENTAILED), _flat(*_NLI)),
}
_FILES = {"train": "train.jsonl", "validation": "val.jsonl", "test": "test.jsonl"}


def superglue(folder: Path) -> Repository:
    """Return the repository with the files of a folder that are there."""
    configs = {}
    for config, (directory, features, rows_of) in _TASKS.items():
        files = {"test": f"{directory}.jsonl"} if config.startswith("ax") else _FILES
        there = {split: folder / directory / name for split, name in files.items()}
        splits = {split: _rows(path, rows_of) for split, path in there.items() if path.is_file()}
        if splits:
            configs[config] = (features, splits)
    return dataset_repository("aps/super_glue", configs)


def _rows(path: Path, rows_of: Callable[[Line], Iterator[dict[str, Any]]]) -> list[dict[str, Any]]:
    with path.open(encoding="utf-8") as lines:
        return [row for line in lines for row in rows_of(json.loads(line))]
