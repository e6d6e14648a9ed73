"""Answers of a conversation as people read them: the completion, what was read out of it, and its reward."""

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from rich.text import Text

from nlu_rl.tui.format import cut, short, signed
from nlu_rl.tui.sample_text import HOW
from nlu_rl.tui.theme import style

if TYPE_CHECKING:
    from textual.app import App

Answer = Mapping[str, Any]
TEXT_CELLS, ANSWER_CELLS = 60, 10


def verdict(answer: Answer) -> tuple[str, str]:
    """Return the glyph and role: right, wrong, nothing read, or not to be told without the right answer."""
    if answer.get("extracted") is None:
        return "▼", "bad"
    if answer.get("correct") is None:
        return "●", "title"
    return ("▲", "good") if answer["correct"] else ("◆", "warn")


def answer_text(app: "App[Any]", answer: Answer) -> Text:
    """Return one side's answer in full."""
    if "error" in answer:
        return Text(f"✖ {answer['error']} {answer.get('fix', '')}", style(app, "bad"))
    glyph, role = verdict(answer)
    dim, strong = style(app, "dim"), style(app, role)
    text = Text.assemble(("<Judgement>", dim), (str(answer.get("completion", "")), style(app, "bold")), "\n\n")
    read = answer.get("extracted")
    text.append("read as ", dim)
    text.append("∅ nothing" if read is None else str(read), strong + style(app, "bold"))
    text.append(f"  ({HOW.get(str(answer.get('how')), '')})\n", dim)
    if answer.get("reward") is not None:
        text.append("reward  ", dim)
        text.append(f"{glyph} {signed(float(answer['reward']))}", strong)
        text.append(f"   {_parts(answer)}\n", dim)
        text.append("right answer ", dim)
        text.append(f"{answer.get('gold')}\n")
    tokens, seconds = answer.get("prompt_tokens"), answer.get("seconds")
    text.append(f"prompt {tokens} tokens   {short(float(seconds or 0))} s", dim)
    return text


def history_line(app: "App[Any]", sides: Mapping[str, Answer]) -> Text:
    """Return a question and its answers, before and after training, on one line."""
    text = Text()
    if "error" in sides:
        text.append(f"✖ {cut(str(sides['error'].get('error')), TEXT_CELLS)}\n", style(app, "bad"))
        return text
    for side, before in (("before", ""), ("after", "→ ")):
        answer = sides.get(side)
        glyph, role = verdict(answer) if answer else ("…", "dim")
        read = (answer.get("extracted") or "∅") if answer else ""
        text.append(before, style(app, "dim"))
        text.append(f"{glyph} {cut(str(read), ANSWER_CELLS):<{ANSWER_CELLS + 1}}", style(app, role))
    shown: Answer = next(iter(sides.values()), {})
    if shown.get("gold"):
        text.append(f"right {cut(str(shown['gold']), ANSWER_CELLS):<{ANSWER_CELLS + 1}}", style(app, "dim"))
    text.append(cut(_query(shown), TEXT_CELLS) + "\n", style(app, "dim"))
    return text


def _parts(answer: Answer) -> str:
    return "  ".join(f"{name} {signed(float(value))}" for name, value in (answer.get("parts") or {}).items())


def _query(answer: Answer) -> str:
    """Return the row's own text: what stands last in the prompt, without what the template puts after it."""
    text = str(answer.get("prompt", "")).rpartition("\n\n")[2]
    return text.partition("<|")[0]
