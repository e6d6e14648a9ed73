"""Made-up rows of every data set that the hub is asked for, in the files that its authors publish.

They hold what the real rows hold too: quotation marks, letters beyond ASCII, spaces at the ends, repeated answers.
"""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from hub_server import other_on_hub
from hub_server.glue_on_hub import glue
from hub_server.repository import Repository
from hub_server.superglue_on_hub import superglue

PAIRS = (('Žižek said "yes" .', "He agreed ."), ("It 's 5 °C", "it is warm"), ('"Open quote', "café ’s"))
BABI = {
    "single-supporting-fact": {
        "train": [("Ann is here.", "Ann is here?", "entailed"), ("Bo left.", "Bo is here.", "not-entailed")],
        "validation": [("Cy ran.", "Cy ran.", "entailed")],
        "test": [("Di sat.", "Di stood.", "not-entailed")],
    },
    "counting": {
        "train": [("Two apples.", "One apple.", "not-entailed")],
        "validation": [("No pears.", "No pears.", "entailed")],
        "test": [("A fig.", "A fig.", "entailed"), ("A plum.", "Two plums.", "not-entailed")],
    },
}
STARS = {
    "train": [("Broke at once.\nNever again", 1), ("Fine, I guess", 3)],
    "validation": [("Good value", 4)],
    "test": [("“Best” ever", 5), ("Poor", 2)],
}


def write_official(folder: Path) -> None:
    """Write the official folders and files below `folder`."""
    _write_glue(folder / "glue")
    _write_superglue(folder / "superglue")
    squad = {"train": folder / "squad" / "train-v1.1.json", "validation": folder / "squad" / "dev-v1.1.json"}
    for split, path in squad.items():
        _write(path, json.dumps(_squad(split), ensure_ascii=False))
    for split in ("train", "valid", "test"):
        lines = ("", f"= {split} one =", "", "Words , café .", "= = Part = =", "", "= Two =", "", "End .", "")
        _write(folder / "wikitext" / f"wiki.{split}.raw", "".join(f" {line} \n" if line else " \n" for line in lines))
    for split in ("train", "val", "test"):
        _write(folder / "other" / f"emotion-{split}.txt", f"text;label\ni feel {split}; fine;joy\ni cried;sadness\n")
    _write(
        folder / "other" / "financial-phrasebank.txt", "Sales rose .@positive\nÅbo, a@b.fi .@neutral\n", "iso-8859-1"
    )
    for name, label in (("train_dataset", "Entailment"), ("test_id_dataset", "Contradiction")):
        rows = f'premise,statement,label\n"It rains, a lot","It is ""wet""",{label}\nP,S,Neutral\n'
        _write(folder / "other" / f"siga-{name}.csv", rows)


def repositories(folder: Path) -> list[Repository]:
    """Return what the hub has of the files that `write_official` wrote."""
    other = folder / "other"
    names = {"train": "train", "validation": "val", "test": "test"}
    return [
        glue(folder / "glue"),
        superglue(folder / "superglue"),
        other_on_hub.squad(
            {
                split: folder / "squad" / f"{'dev' if split == 'validation' else split}-v1.1.json"
                for split in ("train", "validation")
            }
        ),
        other_on_hub.wikitext(
            {split: folder / "wikitext" / f"wiki.{'valid' if split == 'validation' else split}.raw" for split in names}
        ),
        other_on_hub.emotion({split: other / f"emotion-{name}.txt" for split, name in names.items()}),
        other_on_hub.financial_phrasebank(other / "financial-phrasebank.txt"),
        other_on_hub.babi_nli(BABI),
        other_on_hub.siga_nli(other / "siga-train_dataset.csv", other / "siga-test_id_dataset.csv"),
        other_on_hub.amazon(STARS),
    ]


def _write_glue(folder: Path) -> None:
    tasks: dict[str, tuple[tuple[str, ...], str, Sequence[str]]] = {
        "SST-2": (("sentence",), "label", ("1", "0", "1")),
        "STS-B": (("sentence1", "sentence2"), "score", ("3.800", "0.000", "2.333")),
        "MRPC": (("#1 String", "#2 String"), "Quality", ("1", "0", "1")),
        "QQP": (("question1", "question2"), "is_duplicate", ("0", "1", "0")),
        "QNLI": (("question", "sentence"), "label", ("entailment", "not_entailment", "entailment")),
        "RTE": (("sentence1", "sentence2"), "label", ("not_entailment", "entailment", "entailment")),
        "WNLI": (("sentence1", "sentence2"), "label", ("0", "1", "1")),
    }
    for directory, (columns, label, labels) in tasks.items():
        for split in ("train", "dev", "test"):
            _write_tsv(folder / directory / f"{split}.tsv", columns, label, labels if split != "test" else None, split)
    nli = ("contradiction", "entailment", "neutral")
    for name in ("train", "dev_matched", "dev_mismatched", "test_matched", "test_mismatched"):
        labels = None if name.startswith("test") else nli
        _write_tsv(folder / "MNLI" / f"{name}.tsv", ("sentence1", "sentence2"), "gold_label", labels, name)
    for split in ("train", "dev"):
        rows = [f"gj04\t{number % 2}\t\t{split}: {first}" for number, (first, _) in enumerate(PAIRS)]
        _write(folder / "CoLA" / f"{split}.tsv", "\n".join(rows) + "\n")
    _write_tsv(folder / "CoLA" / "test.tsv", ("sentence",), "label", None, "test")
    rows = [f"\t\t\t\tNews\t{first}\t{second}\t{label}" for (first, second), label in zip(PAIRS, nli, strict=True)]
    header = "Lexical Semantics\tPredicate-Argument Structure\tLogic\tKnowledge\tDomain\tPremise\tHypothesis\tLabel"
    _write(folder / "diagnostic" / "diagnostic-full.tsv", "\n".join([header, *rows]) + "\n")


def _write_tsv(path: Path, columns: Sequence[str], label: str, labels: Sequence[str] | None, split: str) -> None:
    lines = ["\t".join(["index", *columns, *([label] if labels else [])])]
    for number, pair in enumerate(PAIRS):
        texts = [f"{split} {number}: {pair[0]}", pair[1]][: len(columns)]
        lines.append("\t".join([str(number), *texts, *([labels[number]] if labels else [])]))
    _write(path, "\n".join(lines) + "\n")


def _write_superglue(folder: Path) -> None:
    for split in ("train", "val", "test"):
        for directory, lines in _superglue_lines(split).items():
            _write_lines(folder / directory / f"{split}.jsonl", lines, labelled=split != "test")
    rows: list[dict[str, Any]] = [{"idx": n, "label": ("entailment", "not_entailment")[n % 2]} for n in range(2)]
    _write_lines(
        folder / "AX-b" / "AX-b.jsonl", [{**row, "sentence1": "A cat’s", "sentence2": "A “cat”"} for row in rows]
    )
    pair = ({"premise": "The cook told the guest that he was full.", "hypothesis": "The guest was full."},
            {"premise": "The cook told the guest that she was full.", "hypothesis": "The guest was full."})  # fmt: skip
    _write_lines(
        folder / "AX-g" / "AX-g.jsonl",
        [{**row, **texts, "pair_id": 551} for row, texts in zip(rows, pair, strict=True)],
    )


def _superglue_lines(split: str) -> dict[str, list[dict[str, Any]]]:
    story = f"Kim told Kim Lee in {split} that he had won. Bo “heard” it."
    answers = [{"text": "Bo", "idx": 0, "label": 0}, {"text": "Kim Lee ", "idx": 1, "label": 1}]
    spans = [(45, 46), (0, 2), (9, 15), (0, 2)] if split == "train" else [(9, 15), (0, 2)]
    return {
        "BoolQ": [{"question": "is it so", "passage": f"{story} É.", "idx": 0, "label": True}],
        "CB": [{"premise": story, "hypothesis": "He won.", "idx": 0, "label": "neutral"}],
        "COPA": [
            {
                "premise": f"{split}: it fell.",
                "choice1": "It broke.",
                "choice2": "It flew.",
                "question": "effect",
                "label": n,
                "idx": n,
            }
            for n in (0, 1)
        ],
        "MultiRC": [
            {
                "idx": 3,
                "version": 1.1,
                "passage": {"text": story, "questions": [{"question": "Who won?", "idx": 9, "answers": answers}]},
            }
        ],
        "ReCoRD": [
            {
                "source": "made up",
                "idx": 4,
                "passage": {"text": story, "entities": [{"start": start, "end": end} for start, end in spans]},
                "qas": [
                    {
                        "query": "@placeholder won",
                        "idx": 11,
                        "answers": [
                            {"start": 9, "end": 15, "text": "Kim Lee"},
                            {"start": 0, "end": 2, "text": "Kim"},
                            {"start": 0, "end": 2, "text": "Kim"},
                        ],
                    },
                ],
            }
        ],
        "RTE": [{"premise": story, "hypothesis": "He won.", "idx": 0, "label": "not_entailment"}],
        "WiC": [
            {
                "word": "place",
                "sentence1": "A place .",
                "sentence2": "Place it.",
                "start1": 2,
                "end1": 7,
                "start2": 0,
                "end2": 5,
                "idx": 0,
                "label": False,
                "version": 1.1,
            }
        ],
        "WSC": [
            {
                "text": 'Ann met Bo . "She waved.',
                "target": {"span1_index": 0, "span1_text": "Ann", "span2_index": 4, "span2_text": "She"},
                "idx": 0,
                "label": True,
            }
        ],
    }


def _write_lines(path: Path, lines: Sequence[dict[str, Any]], *, labelled: bool = True) -> None:
    """Write JSON lines; the files of the test split have neither labels nor answers."""
    text = "".join(json.dumps(line, ensure_ascii=False) + "\n" for line in lines)
    if not labelled:
        text = "".join(json.dumps(_without_labels(line), ensure_ascii=False) + "\n" for line in lines)
    _write(path, text)


def _without_labels(value: Any) -> Any:
    if isinstance(value, dict):
        is_query = "query" in value
        kept = {key: _without_labels(each) for key, each in value.items() if key != "label"}
        return {key: each for key, each in kept.items() if not (is_query and key == "answers")}
    return [_without_labels(each) for each in value] if isinstance(value, list) else value


def _squad(split: str) -> dict[str, Any]:
    answers = [
        {"text": "Old  Town ", "answer_start": 4},
        {"text": "Town", "answer_start": 9},
        {"text": "Town", "answer_start": 9},
    ]
    question = {"id": f"56be{split}", "question": " Where ? ", "answers": answers}
    paragraph = {"context": " The Old  Town of Åbo. ", "qas": [question]}
    return {"version": "1.1", "data": [{"title": "Åbo", "paragraphs": [paragraph]}]}


def _write(path: Path, text: str, encoding: str = "utf-8") -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
