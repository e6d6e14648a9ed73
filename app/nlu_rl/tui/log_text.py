"""The end of a run's log for few cells: the time of day without the date, our own lines without their module.

A warning of Python's is one line, by its file's name; the line of code that it shows after it is left out.
"""

import re
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

from rich.text import Text

from nlu_rl.control_characters import without_controls
from nlu_rl.tui.theme import style

if TYPE_CHECKING:
    from textual.app import App

_OWN = re.compile(r"\d{4}-\d\d-\d\d (\d\d:\d\d:\d\d),\d+ (\w+) (?:nlu_rl\.[\w.]+|__main__): ?(.*)")
_PYTHON = re.compile(r"(?:[^\s:]*/)?([^\s:/]+:\d+): (\w*Warning): ?(.*)")
_CODE, _CALL = re.compile(r"  \S.*"), re.compile(r"\s+warnings\.warn\(.*")
_GRAVE = {"WARNING": "warn", "ERROR": "bad", "CRITICAL": "bad"}


def log_text(app: "App[Any]", lines: Iterable[str]) -> Text:
    """Return the lines, those of other libraries without their colours; what is grave is coloured, with its word."""
    text = Text(no_wrap=True)
    after_warning = False
    for line in "\n".join(map(without_controls, lines)).split("\n"):
        if _CALL.fullmatch(line) or (after_warning and _CODE.fullmatch(line)):
            after_warning = False
            continue
        warned = _PYTHON.fullmatch(line)
        after_warning = warned is not None
        if warned is not None:
            place, kind, message = warned.groups()
            text.append(f"{kind}: {message}", style(app, "warn")).append(f"  ({place})\n", style(app, "dim"))
            continue
        found = _OWN.fullmatch(line)
        if found is None:
            text.append(f"{line}\n")
            continue
        clock, level, message = found.groups()
        text.append(f"{clock} ", style(app, "dim"))
        word = "" if level in ("INFO", "DEBUG") else f"{level} "
        text.append(f"{word}{message}\n", style(app, _GRAVE.get(level, "plain")))
    text.rstrip()
    return text
