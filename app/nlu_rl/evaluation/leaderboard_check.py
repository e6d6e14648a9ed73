"""Would the official server take this zip? File names, headers, row numbers and label strings, one by one (light).

What is allowed stands here in the servers' own words, apart from the code that writes submissions.
"""

import json
import math
import zipfile
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from nlu_rl.data.tsv import require_file
from nlu_rl.errors import DataError
from nlu_rl.evaluation.leaderboard import TEST_ROWS

MOST_BYTES = 1 << 30
THREE_WAY = ("entailment", "neutral", "contradiction")
TWO_WAY = ("entailment", "not_entailment")
BITS = ("0", "1")
TABLES: Mapping[str, tuple[str, tuple[str, ...] | None]] = {
    "CoLA.tsv": ("cola", BITS),
    "SST-2.tsv": ("sst2", BITS),
    "MRPC.tsv": ("mrpc", BITS),
    "STS-B.tsv": ("stsb", None),
    "QQP.tsv": ("qqp", BITS),
    "MNLI-m.tsv": ("mnli", THREE_WAY),
    "MNLI-mm.tsv": ("mnli-mm", THREE_WAY),
    "QNLI.tsv": ("qnli", TWO_WAY),
    "RTE.tsv": ("rte", TWO_WAY),
    "WNLI.tsv": ("wnli", BITS),
    "AX.tsv": ("ax", THREE_WAY),
}
"""GLUE's files: the test set, and the labels (None: a number from 0 to 5)."""
LINES: Mapping[str, tuple[str, tuple[Any, ...] | None]] = {
    "BoolQ.jsonl": ("boolq", ("true", "false")),
    "CB.jsonl": ("cb", THREE_WAY),
    "COPA.jsonl": ("copa", (0, 1)),
    "MultiRC.jsonl": ("multirc", (0, 1)),
    "ReCoRD.jsonl": ("record", None),
    "RTE.jsonl": ("superglue-rte", TWO_WAY),
    "WiC.jsonl": ("wic", ("true", "false")),
    "WSC.jsonl": ("wsc", ("True", "False")),
    "AX-b.jsonl": ("ax-b", TWO_WAY),
    "AX-g.jsonl": ("ax-g", TWO_WAY),
}
"""SuperGLUE's files: the test set, and the labels (None: any text)."""


def check_zip(path: Path, benchmark: str) -> list[str]:
    """Return what the server of a benchmark would refuse, a sentence each; empty for a good file.

    Raises:
        DataError: it cannot be read, or is no zip.
    """
    require_file(path)
    wanted: Mapping[str, Any] = TABLES if benchmark == "glue" else LINES
    problems = []
    try:
        with zipfile.ZipFile(path) as archive:
            entries = {info.filename: info for info in archive.infolist() if not info.is_dir()}
            for name in wanted:
                if name not in entries:
                    elsewhere = next((entry for entry in entries if entry.rpartition("/")[2] == name), "")
                    problems.append(f"{name} lies in a folder, as {elsewhere}." if elsewhere else f"{name} is missing.")
                elif entries[name].file_size > MOST_BYTES:
                    problems.append(f"{name} is larger than {MOST_BYTES:,} bytes.")
                else:
                    problems.extend(f"{name}: {problem}" for problem in _check(name, archive.read(name)))
            known = {*wanted, *(entry for entry in entries if entry.rpartition("/")[2] in wanted)}
            problems.extend(f"{name} is no file of {benchmark}." for name in entries if name not in known)
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}.", "Give the zip to check.") from None
    except (zipfile.BadZipFile, RuntimeError, NotImplementedError, EOFError):
        raise DataError(f"{path} is not a whole zip file.", "Write it again: nlu-rl submit.") from None
    return problems


def _check(name: str, content: bytes) -> Iterable[str]:
    """Yield the first thing wrong with a file, if any."""
    try:
        lines = content.decode().removesuffix("\n").split("\n")
    except UnicodeDecodeError:
        return ["it is not UTF-8 text."]
    check: Callable[[str, list[str]], str] = _table if name in TABLES else _multirc if "MultiRC" in name else _jsonl
    problem = check(name, lines)
    return [problem] if problem else []


def _table(name: str, lines: list[str]) -> str:
    task, labels = TABLES[name]
    if lines[0] != "index\tprediction":
        return f"its first line is {lines[0][:60]!r} instead of 'index', a tab and 'prediction'."
    for number, line in enumerate(lines[1:]):
        columns = line.split("\t")
        if len(columns) != 2:
            return f"line {number + 2} has {len(columns)} columns instead of 2."
        if columns[0] != str(number):
            return f"line {number + 2} has the index {columns[0][:20]!r} instead of {number}."
        if not (columns[1] in labels if labels else _is_score(columns[1])):
            return f"line {number + 2} has the prediction {columns[1][:40]!r}, which is none of {_allowed(labels)}."
    return _count(len(lines) - 1, TEST_ROWS["glue"][task])


def _jsonl(name: str, lines: list[str]) -> str:
    task, labels = LINES[name]
    for number, line in enumerate(lines):
        record = _parsed(line)
        if not isinstance(record, dict) or set(record) != {"idx", "label"}:
            return f"line {number + 1} is not a JSON object of idx and label."
        if type(record["idx"]) is not int or record["idx"] != number:
            return f"line {number + 1} has the idx {record['idx']!r:.20} instead of {number}."
        label = record["label"]
        if labels is None and not isinstance(label, str):
            return f"line {number + 1} has the label {_json(label)}, which is not a text in quotation marks."
        if labels is not None and not _is_one_of(label, labels):
            allowed = ", ".join(map(_json, labels))
            return f"line {number + 1} has the label {_json(label)}, which is none of {allowed}, written so."
    return _count(len(lines), TEST_ROWS["superglue"][task])


def _multirc(name: str, lines: list[str]) -> str:
    answers: list[int] = []
    passages: list[int] = []
    for number, line in enumerate(lines):
        try:
            record = _parsed(line)
            passages.append(int(record["idx"]))
            asked = [question["idx"] for question in record["passage"]["questions"]]
            if again := _repeated(asked):
                return f"line {number + 1} has the question idx {_json(again[0])} twice, not once with all its answers."
            for question in record["passage"]["questions"]:
                if type(question["idx"]) is not int:
                    return f"line {number + 1} has a question whose idx is not a number."
                for answer in question["answers"]:
                    answers.append(int(answer["idx"]))
                    if not _is_one_of(answer["label"], (0, 1)):
                        return (
                            f"line {number + 1} has the label {_json(answer['label'])}, which is not the number 0 or 1."
                        )
        except (KeyError, TypeError, AttributeError, ValueError):
            return f"line {number + 1} is not as the official form has it: idx, and passage with questions and answers."
    if again := _repeated(passages):
        return f"the passage with idx {again[0]} stands in it twice, last in line {_last_line(passages, again[0])}."
    if again := _repeated(answers):
        return f"the answer idx {again[0]} stands in it twice; the official ones are numbered through all passages."
    return _count(len(answers), TEST_ROWS["superglue"]["multirc"])


def _repeated(numbers: Sequence[Any]) -> list[Any]:
    """Return the numbers that stand there more than once."""
    return [number for number, count in Counter(numbers).items() if count > 1]


def _last_line(numbers: Sequence[int], number: int) -> int:
    return len(numbers) - list(reversed(numbers)).index(number)


def _json(value: Any) -> str:
    """Return a value as the file writes it, so that "0" is not 0."""
    return json.dumps(value, ensure_ascii=False)[:40]


def _count(rows: int, wanted: int) -> str:
    return "" if rows == wanted else f"it has {rows:,} rows, and the official test set {wanted:,}."


def _parsed(line: str) -> Any:
    try:
        return json.loads(line)
    except (ValueError, RecursionError):
        return None


def _is_score(text: str) -> bool:
    try:
        value = float(text)
    except ValueError:
        return False
    return math.isfinite(value) and 0 <= value <= 5


def _is_one_of(value: Any, labels: tuple[Any, ...]) -> bool:
    """Whether it is one of the labels and of their type: true is not 1."""
    return any(type(value) is type(label) and value == label for label in labels)


def _allowed(labels: tuple[Any, ...] | None) -> str:
    return "the numbers from 0 to 5" if labels is None else ", ".join(str(label) for label in labels)
