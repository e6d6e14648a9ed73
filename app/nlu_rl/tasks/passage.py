"""Making a prompt fit a model's context: the passage is cut at its end, never the question or the instructions.

A task says which of its fields is the passage. It is cut between words, at the longest beginning that fits, and the
prompt is rendered and tokenised anew each time, because only that tells how many tokens it has.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace

from nlu_rl.tasks.contract import Example, Message, Task

Encode = Callable[[Sequence[Message]], list[int]]
MARK = " ..."
_WIDTH = 16
"""The cut is found to within this many characters."""


@dataclass(frozen=True, slots=True)
class Fitted:
    """A prompt's token ids, the example it asks about, and whether its passage was shortened. It may still not fit."""

    ids: list[int]
    example: Example
    shortened: bool = False


def fit_prompt(
    task: Task, example: Example, encode: Encode, max_tokens: int | None, shots: Sequence[Example] = ()
) -> Fitted:
    """Return the prompt of an example in at most `max_tokens` tokens (None: any number), if cutting can do that."""
    whole = Fitted(encode(task.prompt(example, shots)), example)
    field = getattr(task, "passage", "")
    if max_tokens is None or len(whole.ids) <= max_tokens or field not in example.fields:
        return whole
    text = example.fields[field]
    best, low, high = None, 0, len(text)
    while high - low > _WIDTH or best is None:
        middle = (low + high) // 2
        cut = replace(example, fields={**example.fields, field: shortened(text, middle)})
        ids = encode(task.prompt(cut, shots))
        if len(ids) <= max_tokens:
            best, low = Fitted(ids, cut, shortened=True), middle
        elif middle == low:
            return whole
        else:
            high = middle
    return best


def shortened(text: str, length: int) -> str:
    """Return the beginning of a text up to a word's end within `length` characters, with a mark that more follows."""
    if length >= len(text):
        return text
    kept = text[:length]
    if not text[length].isspace():
        kept = kept[: max((place for place, mark in enumerate(kept) if mark.isspace()), default=length)]
    return kept.rstrip() + MARK
