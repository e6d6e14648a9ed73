"""The two lines over a run's panels: the whole story at a glance; and the banner, when something is wrong."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from rich.text import Text

from nlu_rl.tui.format import clock, cut, meter, score, short
from nlu_rl.tui.snapshot import Snapshot
from nlu_rl.tui.theme import STATES, style

if TYPE_CHECKING:
    from textual.app import App


def head_text(app: "App[Any]", name: str, snapshot: Snapshot, width: int) -> Text:
    """Return state, run, method, step and time left; then progress, speed and the best score."""
    status, recipe = snapshot.status, snapshot.recipe
    glyph, _, role = STATES[status.state]
    text = Text(no_wrap=True, overflow="ellipsis")
    text.append(f"{glyph} {status.state.upper()} ", style(app, role) + style(app, "bold"))
    place = f"  step {status.step}/{status.total}" if status.total else ""
    if snapshot.eta_seconds is not None:
        place += f"  ETA {clock(snapshot.eta_seconds)}"
    about = _about(recipe) if recipe else ""
    room = width - 2 - text.cell_len - len(place)
    text.append(cut(name, room), style(app, "bold"))
    text.append((about if len(name) + len(about) <= room else "") + place + "\n")
    if status.total:
        share = status.step / status.total
        text.append(meter(share, max(10, width // 4)), style(app, "good"))
        text.append(f" {share:.0%}")
    if status.live and status.phase and status.progress:
        done, total = status.progress
        text.append(f"  {status.phase} {done}{f'/{total}' if total else ''}", style(app, "title"))
    text.append(_speed(snapshot))
    if snapshot.best:
        text.append(f"  best {score(snapshot.best.get('score'))}@{snapshot.best.get('step')}", style(app, "good"))
    if snapshot.checkpoint is not None:
        text.append(f"  ckpt@{snapshot.checkpoint}", style(app, "dim"))
    return text


def banner_text(app: "App[Any]", snapshot: Snapshot) -> Text:
    """Return the gravest concern with what to try, and how many more there are; empty when all is well."""
    if not snapshot.concerns:
        return Text()
    first, *more = snapshot.concerns
    text = Text.assemble(("▲ ", style(app, "warn")), (first.message, style(app, "bold")), " ", first.advice)
    if more:
        text.append(f" (and {len(more)} more: {', '.join(concern.name for concern in more)})", style(app, "dim"))
    return text


def _about(recipe: Mapping[str, Any]) -> str:
    rank = (recipe.get("lora") or {}).get("rank")
    return f"  {str(recipe.get('method')).upper()}·LoRA{rank}·{Path(str(recipe.get('model'))).name}"


def _speed(snapshot: Snapshot) -> str:
    seconds = snapshot.latest.get("step_seconds")
    if not isinstance(seconds, int | float) or seconds <= 0:
        return ""
    shown = f"  {short(seconds)} s/step"
    tokens, batch = snapshot.latest.get("completion_tokens"), (snapshot.recipe.get("train") or {}).get("batch")
    if isinstance(tokens, int | float) and isinstance(batch, int):
        shown += f"  {short(tokens * batch / seconds)} tok/s"
    return shown
