"""Samples as people read them: ▲ right, ◆ wrong, ▼ nothing could be read; rewards signed."""

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from rich.text import Text

from nlu_rl.tasks.contract import CLOSE_TAG, OPEN_TAG
from nlu_rl.tui.format import cut, signed
from nlu_rl.tui.theme import style

if TYPE_CHECKING:
    from textual.app import App

Sample = Mapping[str, Any]
COLUMNS = (("step", 5), ("reward", 7), ("gold", 12), ("read", 12), ("parts", 26), ("completion", None))


def verdict(sample: Sample) -> tuple[str, str]:
    """Return the glyph and the role of a sample."""
    if sample.get("extracted") is None:
        return "▼", "bad"
    return ("▲", "good") if sample.get("correct") else ("◆", "warn")


def row_of(app: "App[Any]", sample: Sample, width: int) -> tuple[Text, ...]:
    """Return the cells of a sample; the completion, and the prompt's end behind it, get `width` cells."""
    glyph, role = verdict(sample)
    read = sample.get("extracted")
    completion = str(sample.get("completion", "")).removeprefix(OPEN_TAG).removesuffix(CLOSE_TAG)
    words = Text(cut(completion, width))
    if (room := width - len(words) - 3) > 10:
        words.append(f"  {cut(query_of(sample), room)}", style(app, "dim"))
    return (
        Text(str(sample.get("step", "")), style(app, "dim"), justify="right"),
        Text(f"{glyph}{signed(_number(sample.get('reward')))}", style(app, role)),
        Text(cut(str(sample.get("gold")), 12)),
        Text("∅" if read is None else cut(str(read), 12), style(app, role)),
        Text(cut(parts_text(sample), 26), style(app, "dim")),
        words,
    )


def parts_text(sample: Sample) -> str:
    """Return the named parts of the reward, signed."""
    parts = sample.get("parts")
    return "  ".join(f"{name} {signed(_number(value))}" for name, value in (parts or {}).items())


def query_of(sample: Sample) -> str:
    """Return the row's own text: what stands last in the prompt."""
    return str(sample.get("prompt", "")).rpartition("\n\n")[2]


def words_of(sample: Sample) -> str:
    """Return what a filter looks into."""
    return " ".join(str(sample.get(key)) for key in ("prompt", "completion", "extracted", "gold", "task")).lower()


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
    text.append(f"   {parts_text(sample)}   advantage {signed(_number(sample.get('advantage')))}\n", dim)
    group = [other for other in samples if _same_prompt(sample, other)]
    if len(group) > 1:
        rewards = [_number(other.get("reward")) for other in group]
        text.append("group  ", dim)
        for other in group:
            text.append(verdict(other)[0], style(app, verdict(other)[1]))
        text.append(f"   mean {signed(sum(rewards) / len(rewards))}\n", dim)
    text.append(f"step {sample.get('step')} · {sample.get('task')} · row {sample.get('id')}", dim)
    return text


def _same_prompt(one: Sample, other: Sample) -> bool:
    return all(one.get(key) == other.get(key) for key in ("step", "task", "id"))


def _number(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else 0.0
