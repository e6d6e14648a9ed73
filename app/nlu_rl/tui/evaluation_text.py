"""A finished job as people read it: an evaluation's intervals on one axis and its confusions; an export's checks."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.text import Text

from nlu_rl.tui.format import cut, score, short
from nlu_rl.tui.theme import style

if TYPE_CHECKING:
    from textual.app import App

AXIS_CELLS = 40


def result_text(app: "App[Any]", kind: str, result: Mapping[str, Any]) -> Text:
    """Return a job's result; empty while there is none."""
    if not result:
        return Text()
    if kind == "evaluate" and isinstance(result.get("scores"), dict):
        return _evaluation(app, result)
    if kind == "export" and "path" in result:
        return _export(app, result)
    return Text("\n".join(f"{name.replace('_', ' '):<22} {_value(value)}" for name, value in result.items()))


def interval_bar(low: float, value: float, high: float, first: float, last: float, cells: int = AXIS_CELLS) -> str:
    """Return `   ├─●──┤  `: an interval on the axis from `first` to `last`."""
    at = [round((min(max(x, first), last) - first) / ((last - first) or 1) * (cells - 1)) for x in (low, value, high)]
    bar = [" "] * cells
    bar[at[0] : at[2] + 1] = "─" * (at[2] - at[0] + 1)
    bar[at[0]], bar[at[2]] = "├", "┤"
    bar[at[1]] = "●"
    return "".join(bar)


def _evaluation(app: "App[Any]", result: Mapping[str, Any]) -> Text:
    dim, good = style(app, "dim"), style(app, "good")
    temperature = result.get("temperature", 1)
    decoding = "" if temperature is None else " · greedy" if temperature == 0 else " · temperature 1"
    rows = result.get("data") or f"{result.get('split')} split"
    text = Text.assemble((f"{result.get('task')} · {rows} · n {result.get('n')}{decoding}\n", dim))
    intervals = result.get("intervals") or {}
    first = min([0.0, *(interval[0] for interval in intervals.values())])
    for name, value in sorted(result["scores"].items(), key=lambda item: item[0] != result.get("metric")):
        low, high = intervals.get(name, (value, value))
        text.append(f"{name:<14} {score(value):>5}  ", style(app, "bold") if name == result.get("metric") else None)
        text.append(interval_bar(low, value, high, first, 1.0), good)
        text.append(f"  {score(low)} to {score(high)}\n", dim)
    if read := read_text(result):
        text.append(f"{read}\n")
    if isinstance(confusion := result.get("confusion"), dict):
        text.append("\n").append(confusion_text(app, confusion)).append("\n")
    text.append(f"predictions {result.get('predictions')}", dim)
    return text


def read_text(result: Mapping[str, Any]) -> str:
    """Return how many answers were read, and what that means; empty where none are."""
    rates = result.get("parse_rate"), result.get("parse_rate_lenient")
    if not all(isinstance(rate, int | float) for rate in rates):
        return ""
    strict, lenient = map(score, rates)
    return f"read strict {strict}: just an answer, tag closed · lenient {lenient}: found in the text"


def confusion_text(app: "App[Any]", confusion: Mapping[str, Any], most_cells: int = 13) -> Text:
    """Return right answers (rows) against answers given, the agreement in brackets."""
    cells = min(most_cells, max(7, *(len(answer) + 2 for answer in confusion["answers"])))
    text = Text(f"{'right':<9}", style(app, "dim"), no_wrap=True)
    text.append("".join(f"{cut(answer, cells - 1):>{cells}}" for answer in confusion["answers"]), style(app, "dim"))
    for label, counts in zip(confusion["labels"], confusion["counts"], strict=True):
        text.append(f"\n{cut(label, 8):<9}", style(app, "plain"))
        for answer, count in zip(confusion["answers"], counts, strict=True):
            right = answer == label
            text.append(f"{f'[{count}]' if right else f'{count} ':>{cells}}", style(app, "good" if right else "plain"))
    return text


def _export(app: "App[Any]", result: Mapping[str, Any]) -> Text:
    good = style(app, "good")
    text = Text.assemble(("✔ ", good), f"The exported model is the one that was trained: {result['path']}\n")
    for name in ("same_answers", "score_adapter", "score_export", "max_logit_difference", "kept_update", "bytes"):
        if result.get(name) is not None:
            text.append(f"  {name.replace('_', ' '):<22} {_value(result[name])}\n", style(app, "dim"))
    text.append(f"  It loads anywhere: AutoModelForCausalLM.from_pretrained({str(result['path'])!r})")
    return text


def _value(value: Any) -> str:
    if isinstance(value, dict):
        return "  ".join(f"{name} {_value(item)}" for name, item in value.items())
    if isinstance(value, list):
        return " + ".join(map(_value, value))
    return short(value) if isinstance(value, float) else str(value)
