"""Exact match and word-level F1 as the official SQuAD v1.1 script defines them. Pure functions.

Before comparing, a text is put in small letters and loses punctuation, the articles and surplus spaces.
"""

import re
import string
from collections import Counter
from collections.abc import Sequence

_ARTICLES = re.compile(r"\b(a|an|the)\b", re.UNICODE)
_PUNCTUATION = str.maketrans("", "", string.punctuation)


def normalized(text: str) -> str:
    """Return a text as it is compared."""
    return " ".join(_ARTICLES.sub(" ", text.lower().translate(_PUNCTUATION)).split())


def exact_match(answer: str, accepted: Sequence[str]) -> float:
    """Return 1 if the answer is one of the accepted ones, else 0."""
    return float(any(normalized(answer) == normalized(right) for right in accepted))


def word_f1(answer: str, accepted: Sequence[str]) -> float:
    """Return the best F1 of the answer's words with those of an accepted answer."""
    return max((_word_f1(normalized(answer).split(), normalized(right).split()) for right in accepted), default=0.0)


def _word_f1(answer: list[str], right: list[str]) -> float:
    shared = sum((Counter(answer) & Counter(right)).values())
    if shared == 0:
        return 0.0
    precision, recall = shared / len(answer), shared / len(right)
    return 2 * precision * recall / (precision + recall)
