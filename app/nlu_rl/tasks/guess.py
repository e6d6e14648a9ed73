"""From a table of a user's rows to a draft of the task: which columns are text, which is the label, what an answer is.

Only names and values are looked at; whatever the user says outright is not guessed.
"""

import math
import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from nlu_rl.data.row_schema import ID_COLUMNS, LABEL_COLUMNS, scale_decimals
from nlu_rl.errors import DataError, unknown_name
from nlu_rl.tasks.task_file import METRICS, Kind

Row = Mapping[str, Any]
MORE_LABEL_COLUMNS = (
    "topic",
    "intent",
    "status",
    "stars",
    "type",
    "emotion",
    "polarity",
    "y",
    "tag",
    "answers",
    "similarity",
    "sim",
)
MOST_ANSWERS = 1000
FEW = 20
"""Up to so many different numbers are taken for a list of answers, more for a scale."""
SHORT = 0.1
"""A scale shorter than this does not reach to whole numbers."""
IMBALANCED = 0.8
"""A label with more than this share of the rows makes accuracy say little."""
SPAN_SHARE = 0.8
SOME_REPEATED = 0.7
"""Of a short table: a column with at most this share of different values repeats some."""
WORDS = 2.5
"""Words a cell, from which on a column is text."""
_NOT_FINITE = re.compile(r"[-+]?(?:nan|inf|infinity)$", re.IGNORECASE)
_FORMATTED = re.compile(r"[-+]?[$€£]? ?\d+(?:[.,' ]\d+)* ?[%$€£]?$")
_NUMBER = re.compile(r"[-+]?(?:\d+(?:\.\d*)?|\.\d+)(?:[eE][-+]?\d+)?$")


@dataclass(frozen=True, slots=True)
class Guess:
    """What a task file needs, apart from its name and paths."""

    text: list[str]
    label: str
    kind: Kind
    answers: list[str]
    low: float
    high: float
    metric: str
    passage: str | None


def guess_task(
    rows: Sequence[Row], *, text: Sequence[str] = (), label: str | None = None, kind: Kind | None = None
) -> Guess:
    """Return a draft for rows of columns and values.

    Raises:
        DataError: no column can be the label or a text; says how to name them.
    """
    columns = {
        name: [_written(row.get(name)) for row in rows] for name in dict.fromkeys(key for row in rows for key in row)
    }
    for named in (*text, *([label] if label else [])):
        if named not in columns:
            raise DataError(unknown_name("column", named, columns), "Name a column of the file.")
    label = label or _label_column(columns, text)
    texts = {name: values for name, values in columns.items() if name == label or not _holds_objects(rows, name)}
    chosen = list(text) or _text_columns(texts, label)
    labels = [value for value in columns[label] if value]
    if _numbers(labels):  # their rows are refused
        labels = [value for value in labels if not _NOT_FINITE.match(value)]
    listed = sum(isinstance(row.get(label), list | dict) for row in rows) > len(rows) / 2
    if not labels:
        raise DataError(f"The column '{label}' is empty.", "Say which column is the label with --label COLUMN.")
    if kind in (None, "number") and (odd := _formatted(labels)):
        raise DataError(
            f"The column '{label}' holds numbers in a form that is not read, such as '{odd[:40]}'.",
            "Write them as 12.5: a point before the decimals, no other signs. Or say with --kind answers that each is "
            "the name of an answer.",
        )
    kind = kind or _kind(labels, [columns[name] for name in chosen], columns[label], listed=listed)
    numbers = [float(value) for value in labels if _NUMBER.match(value)] if kind == "number" else [0.0]
    if not numbers:
        raise DataError(
            f"The column '{label}' holds no numbers but, for one, '{labels[0][:40]}'.",
            "Say which column is the label with --label COLUMN, or leave --kind out.",
        )
    low, high = _scale(numbers)
    answers = _answers(labels) if kind == "answers" else []
    counts = Counter(value.casefold() for value in labels)
    imbalanced = kind == "answers" and counts.most_common(1)[0][1] > IMBALANCED * len(labels)
    if kind == "answers" and len(answers) < 2:
        raise DataError(
            f"The column '{label}' holds {_few(answers, labels)}; a task needs two answers or more.",
            "Say which column is the label with --label COLUMN, or with --kind span that an answer is a text.",
        )
    if imbalanced and len(answers) == 2:  # F1 is that of the last answer: the rare one is looked for
        answers.sort(key=lambda answer: -counts[answer.casefold()])
    longest = max(chosen, key=lambda name: sum(map(len, columns[name])))
    return Guess(
        text=chosen,
        label=label,
        kind=kind,
        answers=answers,
        low=low,
        high=high,
        metric="f1" if imbalanced else METRICS[kind][0],
        passage=longest if len(chosen) > 1 else None,
    )


def _written(value: Any) -> str:
    if isinstance(value, dict):  # accepted answers as SQuAD on the hub has them
        value = value.get("text")
    if isinstance(value, list):
        value = value[0] if value else ""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None else " ".join(str(value).split())


def _holds_objects(rows: Sequence[Row], name: str) -> bool:
    """Whether a column has lists, mappings or bytes, which are no text."""
    return any(isinstance(row.get(name), list | dict | bytes) for row in rows)


def _label_column(columns: Mapping[str, list[str]], text: Sequence[str]) -> str:
    free = [name for name in columns if name not in text]
    by_name = {name.strip().casefold(): name for name in free}
    for known in (*LABEL_COLUMNS, *MORE_LABEL_COLUMNS):
        if known in by_name:
            return by_name[known]
    few = {name: len(set(columns[name])) for name in free if name.strip().casefold() not in ID_COLUMNS}
    repeated = [name for name, count in few.items() if 1 < count <= max(2, len(columns[name]) // 2)]
    numbers = [name for name in few if _numbers(columns[name])]
    if not repeated and numbers:
        fractions = [name for name in numbers if any(float(value) % 1 for value in filter(None, columns[name]))]
        some = [name for name, count in few.items() if 1 < count <= min(FEW, SOME_REPEATED * len(columns[name]))]
        repeated = [name for name in some if name not in fractions and _words(columns[name]) < WORDS]
        if not repeated:
            return numbers[-1]
    if not repeated:
        raise DataError(
            f"None of the columns looks like a label (there are: {', '.join(columns)}).",
            "Say which it is with --label COLUMN.",
        )
    return min(repeated, key=lambda name: few[name])


def _text_columns(columns: Mapping[str, list[str]], label: str) -> list[str]:
    """Return the columns with words in them: several a cell, or nearly every cell another text."""
    chosen = []
    for name, values in columns.items():
        filled = [value for value in values if value]
        if name == label or not filled or name.strip().casefold() in ID_COLUMNS:
            continue
        if sum(map(_like_a_number, filled)) > len(filled) / 2:
            continue
        if _words(filled) >= WORDS:
            chosen.append(name)
    if chosen:
        return chosen
    rest = [name for name in columns if name != label and name.strip().casefold() not in ID_COLUMNS]
    if not rest:
        raise DataError("There is no column with text.", "Say which it is with --text COLUMN.")
    texts = [name for name in rest if _is_short_text(name, columns[name])]
    if len(texts) == 2:  # a pair of short texts
        return texts
    return [max(rest, key=lambda name: sum(map(len, columns[name])))]


def _is_short_text(name: str, values: list[str]) -> bool:
    filled = [value for value in values if value]
    is_id = name.strip().casefold().endswith(("_id", " id"))
    return bool(filled) and not is_id and sum(map(_like_a_number, filled)) <= len(filled) / 2


def _words(values: Sequence[str]) -> float:
    """Return the words a cell, of those that are filled."""
    filled = [value for value in values if value]
    return sum(value.count(" ") + 1 for value in filled) / max(1, len(filled))


def _numbers(values: Sequence[str]) -> bool:
    """Whether there are numbers and, but for infinities and values that are none, nothing else."""
    other = [value for value in values if value and not _NOT_FINITE.match(value)]
    return bool(other) and all(map(_NUMBER.match, other))


def _few(answers: list[str], labels: list[str]) -> str:
    if answers:
        return f"the single answer '{answers[0][:40]}'"
    return f"no usable answer: angle brackets mark answers in a prompt, and it has {labels[0][:40]!r}"


def _like_a_number(value: str) -> bool:
    return bool(re.match(r"[\d\s.,:/+-]+(?:T[\d:.]+Z?)?$", value))


def _formatted(labels: list[str]) -> str:
    """Return one of many numbers that has signs for thousands, per cent or money; "" where none does."""
    odd = [value for value in labels if not _NUMBER.match(value)]
    many = odd and len(set(labels)) > FEW
    return odd[0] if many and all(map(_FORMATTED.match, odd)) else ""


def _kind(labels: list[str], texts: list[list[str]], aligned: list[str], *, listed: bool) -> Kind:
    different = {value.casefold() for value in labels}
    numeric = sum(bool(_NUMBER.match(value)) for value in labels) > 0.95 * len(labels)
    if numeric and (len(different) > FEW or any(float(v) % 1 for v in different if _NUMBER.match(v))):
        return "number"
    found = sum(bool(value) and any(value in text[i] for text in texts) for i, value in enumerate(aligned))
    open_ended = listed or len(different) > max(FEW, len(labels) // 2)
    if not numeric and open_ended and found >= SPAN_SHARE * len(labels):
        return "span"
    if len(different) > MOST_ANSWERS:
        raise DataError(
            f"The label has {len(different)} different values, too many for a list of answers.",
            "Name another column with --label, or say what it is with --kind number or --kind span.",
        )
    return "answers"


def _scale(numbers: list[float]) -> tuple[float, float]:
    """Return the bounds of a scale in round numbers."""
    low, high = min(numbers), max(numbers)
    if 0 < high - low < SHORT and low % 1 and high % 1:  # whole numbers would be far from its ends
        unit = 10 ** math.floor(math.log10(high - low))
        decimals = scale_decimals(low, high)
        return round(math.floor(low / unit) * unit, decimals), round(math.ceil(high / unit) * unit, decimals)
    low, high = float(low // 1), float(-(-high // 1))
    return (0.0 if 0 < low <= 1 and high > FEW else low), high if high > low else low + 1.0


def _answers(labels: list[str]) -> list[str]:
    """Return the different labels in order, each in its most frequent spelling; angle brackets make none."""
    spellings: dict[str, Counter[str]] = {}
    for value in labels:
        spellings.setdefault(value.casefold(), Counter())[value] += 1
    written = [spelling.most_common(1)[0][0] for spelling in spellings.values()]
    usable = [value for value in written if "<" not in value and ">" not in value]
    if all(_NUMBER.match(value) for value in usable):
        whole = {value: value[:-2] if value.endswith(".0") else value for value in usable}
        return sorted(dict.fromkeys(whole.values()), key=float)
    return sorted(usable, key=str.casefold)
