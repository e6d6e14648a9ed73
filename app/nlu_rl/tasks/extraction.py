"""Reads an answer out of a completion: the text inside the tags, then the task's keywords or a number in it.

A completion begins right after the prompt's opening tag; models may repeat that tag, close it, or do neither. Strict is
exactly an answer, in capitals or not, closed by the tag. Everything else goes through a search, in which two different
answers are no answer ("positive or negative"), and an answer that is denied ("not positive") does not count as given.
"""

import re
import unicodedata
from collections.abc import Mapping
from functools import lru_cache

from nlu_rl.data.schema import number_text
from nlu_rl.tasks.contract import CLOSE_TAG, OPEN_TAG, Extracted

NOTHING = Extracted(None, "none")

_OPEN = re.compile(r"<\s*judge?ment\s*>", re.IGNORECASE)
_CLOSE = re.compile(r"<\s*/\s*judge?ment\s*>", re.IGNORECASE)
# A keyword stands alone: no letter or digit beside it, not even across a hyphen or underscore ("non-positive").
_BEFORE = r"(?<![^\W_])(?<![^\W_][-_])"
_AFTER = r"(?![^\W_])(?![-_][^\W_])"
_DENIED = re.compile(
    r"(?:(?<!\w)(?:not(?!\s+(?:only|just|merely)\b)|never|neither|nor|cannot|hardly|without)|n['’]t)"
    r"(?:\s+(?!(?:but|rather|instead|yet|just|because)\b)[^\s.,;:!?]+){0,2}\s+$|(?<!\w)no\s+$"
)
# A number stands alone too: not in a word, a version, a date, a decimal comma or a percentage.
_NUMBER = re.compile(
    r"(?<![^\W_])(?<!\w[-,.])([-+−–]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+))(?![^\W_])(?!\.[0-9]|,[0-9]|\s*%)"
)
_LEADING = re.compile(rf"\s*(?:{_OPEN.pattern})?\s*(-?[0-9]+(?:\.[0-9]+)?)[ \t]*(?=[\n<])", re.IGNORECASE)
_RANGE = re.compile(r"[0-9]\s*[-–—]\s*[0-9]")


def inside_tags(completion: str) -> tuple[str, bool]:
    """Return the text of the answer's element, and whether the closing tag ends it.

    Up to the first closing tag; within that, from the last opening tag. Without a closing tag the answer may have been
    written before an opening tag as well as after it, so all of the text counts.
    """
    closed = _CLOSE.search(completion)
    if closed is None:
        return _OPEN.sub(" ", completion), False
    return _OPEN.split(completion[: closed.start()])[-1], True


def extract_answer(completion: str, answers: tuple[str, ...], keywords: Mapping[str, str]) -> Extracted:
    """Return the one answer a completion gives.

    `keywords` maps further words, in small letters, to the answer they mean. A denied answer counts as the answer
    "not ..." where the task has that ("isn't acceptable" is "not acceptable"), else as nothing.
    """
    exact = _exactly(completion)
    for answer in answers:
        if exact is not None and exact.casefold() == answer.casefold():
            return Extracted(answer, "strict")
    meanings = {**{answer.casefold(): answer for answer in answers}, **keywords}
    text = unicodedata.normalize("NFKC", inside_tags(completion)[0]).casefold()
    found = set()
    for match in _pattern(tuple(meanings)).finditer(text):
        meaning = meanings[" ".join(match[0].split())]
        if _DENIED.search(text, 0, match.start()):
            opposite = meanings.get(f"not {meaning.casefold()}")
            if opposite is None:
                continue
            meaning = opposite
        found.add(meaning)
    return Extracted(found.pop(), "lenient") if len(found) == 1 else NOTHING


def extract_number(completion: str, low: float, high: float) -> Extracted:
    """Return the one number between `low` and `high` (both allowed) a completion gives, as text with a decimal.

    Without a closing tag, a number that is all of the first line, or all before another tag, is the answer whatever
    follows it.
    Not a number given: the scale ("4 out of 5", "from 0 to 5"; here of 0 to 5) and "sentence 1". A range ("3-4") gives
    none.
    """
    exact = _exactly(completion)
    if exact is not None and re.fullmatch(r"-?[0-9]+(?:\.[0-9]+)?", exact):
        value = float(exact)
        return Extracted(number_text(value), "strict") if low <= value <= high else NOTHING
    inside, closed = inside_tags(completion)
    text = _no_answer(low, high).sub(" ", unicodedata.normalize("NFKC", inside))
    found = {float(match[1].replace("−", "-").replace("–", "-")) for match in _NUMBER.finditer(text)}
    leading = None if closed else _LEADING.match(completion)
    if leading is not None:
        value = float(leading[1])
    elif len(found) == 1 and not _RANGE.search(text):
        value = found.pop()
    else:
        return NOTHING
    return Extracted(number_text(value), "lenient") if low <= value <= high else NOTHING


def _exactly(completion: str) -> str | None:
    """Return the text before the closing tag when the tags are as asked for, spaces around it set aside."""
    before, closed, _ = completion.partition(CLOSE_TAG)
    return before.strip().removeprefix(OPEN_TAG).strip() if closed else None


@lru_cache
def _no_answer(low: float, high: float) -> re.Pattern[str]:
    """Return what speaks of the scale or of a sentence's number, and is no answer."""
    start = rf"{re.escape(f'{low:g}')}(?:\.0+)?"
    end = rf"{re.escape(f'{high:g}')}(?:\.0+)?(?![\w.]*[0-9])"
    return re.compile(
        rf"/\s*{end}|\bout\s+of\s+{end}|(?<=[0-9])\s+of\s+{end}|(?<![\w.]){start}\s*(?:-|–|to)\s*{end}"
        r"|\bsentence\s*[12]\b",
        re.IGNORECASE,
    )


@lru_cache
def _pattern(keywords: tuple[str, ...]) -> re.Pattern[str]:
    longest_first = sorted(keywords, key=len, reverse=True)
    words = "|".join(r"\s+".join(re.escape(word) for word in keyword.split()) for keyword in longest_first)
    return re.compile(f"{_BEFORE}(?:{words}){_AFTER}")
