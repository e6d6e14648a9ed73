"""Samples as people read them: ▲ right, ◆ wrong, ▼ nothing could be read; rewards signed."""

from collections.abc import Mapping, Sequence
from itertools import takewhile
from statistics import fmean, pstdev
from typing import TYPE_CHECKING, Any

from rich.text import Text

from nlu_rl.tasks.contract import CLOSE_TAG, OPEN_TAG
from nlu_rl.tui.format import cut, signed
from nlu_rl.tui.theme import style

if TYPE_CHECKING:
    from textual.app import App

Sample = Mapping[str, Any]
_NARROW = {"step": 5, "reward": 7, "gold": 9, "read": 9, "parts": 11}
_WIDE = {"step": 5, "reward": 7, "gold": 12, "read": 12, "parts": 37}
_WIDE_FROM = 104
_LEAST_COMPLETION, _LEAST_TEXT = 10, 8
_GAP, _SCROLLBAR = 2, 1  # cells a table puts around a column, and beside all


HOW = {
    "strict": "strict: just the answer, tag closed",
    "lenient": "lenient: found in the text",
    "none": "no one answer in it",
}
"""What the ways to read an answer mean."""


def verdict(sample: Sample) -> tuple[str, str]:
    """Return the glyph and the role of a sample."""
    if sample.get("extracted") is None:
        return "▼", "bad"
    return ("▲", "good") if sample.get("correct") else ("◆", "warn")


def columns(width: int) -> dict[str, int]:
    """Return the columns of a table of samples and their cells.

    Completion and text share what is left of `width`; where that is little, there is no text.
    """
    fixed = _WIDE if width >= _WIDE_FROM else _NARROW
    left = width - sum(fixed.values()) - _GAP * (len(fixed) + 1) - _SCROLLBAR
    completion = max(_LEAST_COMPLETION, (left - _GAP) * 2 // 5)
    text = left - _GAP - completion
    if text < _LEAST_TEXT:
        return {**fixed, "completion": max(_LEAST_COMPLETION, left)}
    return {**fixed, "completion": completion, "text": text}


def row_of(app: "App[Any]", sample: Sample, cells: Mapping[str, int]) -> tuple[Text, ...]:
    """Return the cells of a sample, as wide as `columns` says; the text is the end of the prompt."""
    glyph, role = verdict(sample)
    read = sample.get("extracted")
    completion = str(sample.get("completion", "")).removeprefix(OPEN_TAG).removesuffix(CLOSE_TAG)
    row = (
        Text(str(sample.get("step", "")), style(app, "dim"), justify="right"),
        Text(f"{glyph}{signed(_number(sample.get('reward')))}", style(app, role)),
        Text(cut(str(sample.get("gold")), cells["gold"])),
        Text("∅" if read is None else cut(str(read), cells["read"]), style(app, role)),
        parts_text(app, sample, cells["parts"]),
        Text(cut(completion, cells["completion"])),
    )
    return (*row, Text(cut(query_of(sample), cells["text"]), style(app, "dim"))) if "text" in cells else row


def parts_text(app: "App[Any]", sample: Sample, width: int = 0) -> Text:
    """Return the named parts of the reward, signed and coloured; few cells of `width` get few letters and digits."""
    parts = sample.get("parts")
    parts = parts if isinstance(parts, Mapping) else {}
    values = [(str(name), _number(value)) for name, value in parts.items()]
    few = bool(width) and width < 8 * len(values)
    shown = [(name, f"{value:+.1f}" if few else signed(value), value) for name, value in values]
    spare = width - sum(len(number) + 2 - few for _, number, _ in shown) + 1
    letters = max(1, spare // max(1, len(shown))) if width else 99
    text = Text()
    for name, number, value in shown:
        look = style(app, "good" if value > 0 else "bad" if value < 0 else "dim")
        text.append(f"{' ' if text else ''}{name[:letters]}{'' if few else ' '}", style(app, "dim"))
        text.append(number, look)
    return text


def query_of(sample: Sample) -> str:
    """Return the row's own text: what stands last in the prompt, a single field without its name."""
    text = str(sample.get("prompt", "")).rpartition("\n\n")[2]
    name, colon, rest = text.partition(": ")
    return rest if colon and "\n" not in text and name.isalnum() else text


def having(words: Sequence[str], samples: Sequence[Sample]) -> list[Sample]:
    """Return the samples with all of the words: in their own lines of the prompt, the completion or the answers.

    The instructions, which the prompts of a task share, name every answer.
    """
    if not words:
        return list(samples)
    by_task: dict[Any, list[str]] = {}
    for sample in samples:
        by_task.setdefault(sample.get("task"), []).append(str(sample.get("prompt")))
    shared = {task: _shared(prompts) for task, prompts in by_task.items()}

    def text_of(sample: Sample) -> str:
        first, last = shared[sample.get("task")]
        prompt = str(sample.get("prompt"))
        parts = [prompt[first : len(prompt) - last], *(sample.get(key) for key in ("completion", "extracted", "gold"))]
        return " ".join(map(str, [*parts, sample.get("task")])).lower()

    return [sample for sample in samples if all(word in text_of(sample) for word in words)]


def _shared(prompts: Sequence[str]) -> tuple[int, int]:
    """Return how many characters the first lines have, and the last, that all prompts begin and end with."""
    low, high = min(prompts), max(prompts)
    if low == high:
        return 0, 0
    first = _alike(low, high).rfind("\n") + 1
    backwards = [prompt[first:][::-1] for prompt in prompts]
    return first, _alike(min(backwards), max(backwards)).rfind("\n") + 1


def _alike(one: str, other: str) -> str:
    """Return what both texts begin with."""
    return "".join(a for a, _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def detail_text(app: "App[Any]", sample: Sample, samples: Sequence[Sample]) -> Text:
    """Return everything about a sample, and the verdicts of the others drawn for the same prompt."""
    glyph, role = verdict(sample)
    read = sample.get("extracted")
    dim, strong = style(app, "dim"), style(app, role)
    text = Text()
    text.append(f"{sample.get('prompt', '')}\n\n", dim)
    text.append(f"{sample.get('completion', '')}\n\n", style(app, "bold"))
    text.append("read as ", dim)
    text.append("∅ nothing" if read is None else str(read), strong)
    text.append("   right answer ", dim)
    text.append(f"{sample.get('gold')}\n")
    text.append("reward ", dim)
    text.append(f"{glyph} {signed(_number(sample.get('reward')))}", strong)
    text.append("   ").append_text(parts_text(app, sample))
    text.append(f"   advantage {signed(_number(sample.get('advantage')))}", dim)
    if "tokens" in sample:
        text.append(f"   {_number(sample['tokens']):.0f} tokens", dim)
    if "kl" in sample:
        text.append(f"   KL {_number(sample['kl']):.3f} nats", dim)
    text.append("\n")
    group = [other for other in samples if _same_prompt(sample, other)]
    if len(group) > 1:
        rewards = [_number(other.get("reward")) for other in group]
        text.append("group  ", dim)
        for other in group:
            text.append(verdict(other)[0], style(app, verdict(other)[1]))
        text.append(f"   mean {signed(fmean(rewards))}   std {pstdev(rewards):.2f}\n", dim)
    text.append(f"step {sample.get('step')} · {sample.get('task')} · row {sample.get('id')}", dim)
    return text


def _same_prompt(one: Sample, other: Sample) -> bool:
    return all(one.get(key) == other.get(key) for key in ("step", "task", "id"))


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
