"""Where the CLI writes: results on stdout, everything else on stderr; one JSON object a line for programs."""

import json
import sys
from typing import TYPE_CHECKING, Any

from nlu_rl.errors import NluRlError
from nlu_rl.runs.files import plain

if TYPE_CHECKING:
    from rich.console import Console


def stderr() -> "Console":
    """Return a console on standard error."""
    from rich.console import Console

    return Console(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())


def stdout() -> "Console":
    """Return a console on standard output, which does not fold the lines of a pipe."""
    from rich.console import Console

    if sys.stdout.isatty():
        return Console(highlight=False)
    return Console(highlight=False, width=200)


def emit_json(value: Any) -> None:
    """Print one JSON value on one line of standard output."""
    print(json.dumps(plain(value), ensure_ascii=False, allow_nan=False), flush=True)


def note(text: str) -> None:
    """Print a line for the person on standard error."""
    print(text, file=sys.stderr, flush=True)


def show_error(error: NluRlError) -> None:
    """Print what happened, why and what to do as one panel on standard error."""
    from rich.panel import Panel
    from rich.text import Text

    body = Text(error.message)
    if error.fix:
        body.append("\n" + error.fix, style="bold")
    title = "Error" if error.exit_code == 2 else "Internal error"
    stderr().print(Panel(body, title=title, title_align="left", border_style="red", expand=False))
