"""Where the CLI writes: results on stdout, everything else on stderr; one JSON object a line for programs."""

import contextlib
import functools
import json
import sys
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

from nlu_rl.control_characters import CONTROLS, without_controls
from nlu_rl.errors import InternalError, NluRlError
from nlu_rl.runs.files import plain

if TYPE_CHECKING:
    from rich.console import Console
    from rich.segment import Segment

Progress = Callable[[int, int | None], None]


def stderr() -> "Console":
    """Return a console on standard error."""
    return _console_class()(stderr=True, highlight=False, soft_wrap=not sys.stderr.isatty())


def stdout() -> "Console":
    """Return a console on standard output, which does not fold the lines of a pipe."""
    return _console_class()(highlight=False, width=None if sys.stdout.isatty() else 200)


@functools.cache
def _console_class() -> "type[Console]":
    from rich.console import Console
    from rich.segment import Segment

    class SafeConsole(Console):
        """Shows texts without what would command the terminal."""

        def render(self, *arguments: Any, **options: Any) -> "Iterator[Segment]":
            for text, style, control in super().render(*arguments, **options):
                yield Segment(text if control else CONTROLS.sub("", text), style, control)

        def on_broken_pipe(self) -> None:
            raise BrokenPipeError  # `main` ends quietly

    return SafeConsole


def emit_json(value: Any) -> None:
    """Print one JSON value on one line of standard output."""
    print(json.dumps(plain(value), ensure_ascii=False, allow_nan=False), flush=True)


def note(text: str) -> None:
    """Print a line for the person on standard error."""
    print(without_controls(text), file=sys.stderr, flush=True)


def print_text(text: str, end: str = "\n") -> None:
    """Print a text of rows, models or logs: as it is into a file or pipe, without commands on a terminal."""
    sys.stdout.write((without_controls(text) if sys.stdout.isatty() else text) + end)


@contextlib.contextmanager
def progress_bar(title: str) -> Iterator[Progress]:
    """Give a `progress(done, total)` of bytes, shown as a bar on a terminal and as a line of `title` elsewhere."""
    if not sys.stderr.isatty():
        note(title)
        yield lambda done, total: None
        return
    from rich import progress as bars

    columns = (
        bars.TextColumn("{task.description}"),
        bars.BarColumn(),
        bars.DownloadColumn(),
        bars.TimeRemainingColumn(),
    )
    with bars.Progress(*columns, console=stderr()) as shown:
        task = shown.add_task(title, total=None)
        yield lambda done, total: shown.update(task, completed=done, total=total)


@contextlib.contextmanager
def spinner(title: str) -> Iterator[None]:
    """Show that something of unknown length goes on: on a terminal by a spinner, elsewhere by a line of `title`."""
    if not sys.stderr.isatty():
        note(title)
        yield
        return
    with stderr().status(title):
        yield


def show_error(error: NluRlError) -> None:
    """Print what happened, why and what to do on standard error: a panel on a terminal, whole lines elsewhere."""
    title = "Internal error" if isinstance(error, InternalError) else "Error"
    with contextlib.suppress(OSError):  # nobody is there to read it
        if not sys.stderr.isatty():
            note(f"{title}: {error.message}" + (f"\n{error.fix}" if error.fix else ""))
            return
        from rich.panel import Panel
        from rich.text import Text

        body = Text(error.message)
        if error.fix:
            body.append("\n" + error.fix, style="bold")
        stderr().print(Panel(body, title=title, title_align="left", border_style="red", expand=False))
