"""From a line of an official SuperGLUE file to rows. Pure functions; every one yields `(id, texts, label)`.

A row of MultiRC is one answer and its id says passage, question and answer; a row of ReCoRD is one query, and one of
AX-g names its pair, so that metrics can look at rows together. Asterisks mark the pronoun of WSC in its text.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Any

from nlu_rl.data.official import UNLABELLED, Raw

Record = Mapping[str, Any]
RowsOf = Callable[[str, Record], Iterator[Raw]]
"""From (split, line) to the rows it holds.

Where it is not as it should be, it raises ValueError, which says why, or KeyError, TypeError, AttributeError.
"""


def flat(*fields: str) -> RowsOf:
    """Return a reader of lines that hold the fields, `label` and `idx` by name."""

    def rows_of(split: str, line: Record) -> Iterator[Raw]:
        yield f"{split}-{_index(line)}", {field: _text(line[field]) for field in fields}, _label(line.get("label"))

    return rows_of


def copa(split: str, line: Record) -> Iterator[Raw]:
    """The file numbers the choices from 0, the task from 1."""
    fields = ("premise", "choice1", "choice2", "question")
    if line["question"] not in ("cause", "effect"):
        raise ValueError(f"the question {_shown(line['question'])} is neither 'cause' nor 'effect'")
    if _text(line["choice1"]).strip() == _text(line["choice2"]).strip():
        raise ValueError("its two choices are the same")
    if (label := _label(line.get("label"))) in ("0", "1"):
        label = str(int(label) + 1)
    elif label is not None and label not in UNLABELLED:
        raise ValueError(f"the label {_shown(label)} is neither 0 nor 1")
    yield f"{split}-{_index(line)}", {field: _text(line[field]) for field in fields}, label


def multirc(split: str, line: Record) -> Iterator[Raw]:
    passage = line["passage"]
    for question in passage["questions"]:
        for answer in question["answers"]:
            row_id = f"{split}-{_index(line)}-{_index(question)}-{_index(answer)}"
            texts = {"paragraph": passage["text"], "question": question["question"], "answer": answer["text"]}
            yield row_id, {name: _text(text) for name, text in texts.items()}, _label(answer.get("label"))


def record(split: str, line: Record) -> Iterator[Raw]:
    passage = line["passage"]
    text = _text(passage["text"])
    names = [_span(text, span) for span in passage["entities"]]
    entities = entity_lines(standing_in(text, names))
    for query in line["qas"]:
        texts = {"passage": text, "entities": entities, "query": _text(query["query"])}
        if "@placeholder" not in texts["query"]:
            raise ValueError(f"the query {query['idx']} has no @placeholder")
        answers = standing_in(text, (_text(answer["text"]) for answer in query.get("answers", ())))
        if answers and not any(" ".join(answer.split()) in entities.split("\n") for answer in answers):
            raise ValueError(f"the answer {_shown(answers[0])} is none of the entities")
        yield f"{split}-{_index(query)}", texts, "\n".join(answers) or None


def wic(split: str, line: Record) -> Iterator[Raw]:
    require_inside(line)
    yield from flat("word", "sentence1", "sentence2")(split, line)


def wsc(split: str, line: Record) -> Iterator[Raw]:
    target = line["target"]
    noun, pronoun = _text(target["span1_text"]), _text(target["span2_text"])
    text, place = _text(line["text"]), int(target["span2_index"])
    if not 0 <= place < len(text.split(" ")):
        raise ValueError(f"the pronoun is said to be word {place} of the text, which has {len(text.split(' '))}")
    if not pronoun.strip() or pronoun.casefold() not in text.casefold():
        raise ValueError(f"the pronoun {_shown(pronoun)} is not in the text")
    text = mark_pronoun(text, place, pronoun)
    yield f"{split}-{_index(line)}", {"text": text, "noun": noun, "pronoun": pronoun}, _label(line.get("label"))


def ax_g(split: str, line: Record) -> Iterator[Raw]:
    texts = {field: _text(line[field]) for field in ("premise", "hypothesis")}
    yield f"{split}-pair{line['pair_id']}-{_index(line)}", texts, _label(line.get("label"))


def mark_pronoun(text: str, word: int, pronoun: str) -> str:
    """Return the text with asterisks around the pronoun nearest to the place of a word.

    Some official rows count a word wrongly, and an opening quotation mark may stand before it.
    """
    place = len(" ".join(text.split(" ")[:word]))
    found = re.finditer(rf"(?<!\w){re.escape(pronoun)}(?!\w)", text, re.IGNORECASE)
    at = min((match.start() for match in found), key=lambda start: abs(start - place), default=None)
    return text if at is None else f"{text[:at]}*{text[at : at + len(pronoun)]}*{text[at + len(pronoun) :]}"


def require_inside(line: Record) -> None:
    """Raise ValueError where a row of WiC says that its word stands outside a sentence."""
    for which in ("1", "2"):
        start, end, sentence = line.get(f"start{which}"), line.get(f"end{which}"), line[f"sentence{which}"]
        if start is None or end is None:
            continue
        if not 0 <= int(start) < int(end) <= len(sentence):
            place = f"from {start} to {end} of sentence{which}"
            raise ValueError(f"the word is said to stand {place}, which has {len(sentence)} characters")


def standing_in(passage: str, names: Iterable[str]) -> list[str]:
    """Return the different names by their first place in a passage; those that are not in it come last.

    The official files and the hub list them in different orders, and the first answer is the one a model is taught.
    """
    places = {name: passage.find(name) for name in names}
    return sorted(places, key=lambda name: (places[name] < 0, places[name], name))


def entity_lines(names: Iterable[str]) -> str:
    """Return the different names, one a line."""
    return "\n".join(dict.fromkeys(" ".join(name.split()) for name in names))


def _span(text: str, span: Record) -> str:
    """Return an entity of ReCoRD; its `end` is its last character."""
    start, end = int(span["start"]), int(span["end"])
    if not 0 <= start <= end < len(text):
        raise ValueError(f"an entity is said to stand from {start} to {end} of {len(text)} characters")
    return text[start : end + 1]


def _index(record: Record) -> str:
    """Return the number of a row; the leaderboard files go by it."""
    index = record["idx"]
    if index is None:
        raise KeyError("idx")
    if isinstance(index, bool) or not re.fullmatch(r"\d+", str(index)):
        raise ValueError(f"its idx {_shown(index)} is no number")
    return str(index)


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise ValueError(f"{_shown(value)} is not a text")
    return value


def _shown(value: Any) -> str:
    return repr(str(value)[:40])


def _label(value: Any) -> str | None:
    return None if value is None else str(value)


ROWS_OF: dict[str, RowsOf] = {
    "boolq": flat("passage", "question"),
    "cb": flat("premise", "hypothesis"),
    "copa": copa,
    "multirc": multirc,
    "record": record,
    "superglue-rte": flat("premise", "hypothesis"),
    "wic": wic,
    "wsc": wsc,
    "ax-b": flat("sentence1", "sentence2"),
    "ax-g": ax_g,
}
