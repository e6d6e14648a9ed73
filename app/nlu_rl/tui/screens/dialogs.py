"""Small windows over a screen: a choice by one key, a name to type, a problem with its fix, the keys there are."""

from collections.abc import Sequence
from itertools import groupby
from typing import NamedTuple

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.events import Key as KeyEvent
from textual.screen import ModalScreen
from textual.widgets import Button, Input, Static

from nlu_rl.errors import NluRlError
from nlu_rl.tui.format import cut
from nlu_rl.tui.keys import Key
from nlu_rl.tui.screens.outliving import Outliving
from nlu_rl.tui.theme import style

_BOX = """
{name} > .dialog {{
    width: auto; min-width: 40; max-width: 90%; height: auto; max-height: 90%;
    border: round $primary; background: $surface; padding: 1 2;
}}
{name} Button {{ width: 1fr; min-width: 36; height: 1; border: none; text-align: left; content-align: left middle; }}
"""


class Option(NamedTuple):
    """One answer: its key, what `dismiss` gets, and its line."""

    key: str
    value: str
    text: str


class ChoiceDialog(Outliving, ModalScreen[str | None]):
    """A question with answers by key or by click; escape answers None."""

    CSS = _BOX.format(name="ChoiceDialog")

    def __init__(self, title: str, text: str, options: Sequence[Option], stay: str = "Cancel") -> None:
        super().__init__()
        self._title, self._text = title, text
        self._options = [*options, Option("escape", "", stay)]

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = self._title
            if self._text:
                yield Static(Text(self._text))
                yield Static("")
            shown = ["esc" if option.key == "escape" else option.key for option in self._options]
            cells = max(5, 1 + max(map(len, shown)))
            for number, option in enumerate(self._options):
                yield Button(Text(f"{shown[number]:<{cells}}{option.text}"), id=f"option-{number}", compact=True)

    def on_key(self, event: KeyEvent) -> None:
        for option in self._options:
            if event.key == option.key:
                event.stop()
                self.dismiss(option.value or None)
                return
        if event.key in ("up", "down"):
            (self.focus_previous if event.key == "up" else self.focus_next)()

    def on_button_pressed(self, event: Button.Pressed) -> None:
        event.stop()
        number = int(str(event.button.id).removeprefix("option-"))
        self.dismiss(self._options[number].value or None)


def stop_dialog(name: str, step: int, checkpoint: int | None) -> ChoiceDialog:
    """Ask how a run is to stop; the answers are `checkpoint` and `now`."""
    back = f"resume from checkpoint {checkpoint}" if checkpoint else "there is no checkpoint: all is lost"
    options = [
        Option("c", "checkpoint", f"Checkpoint, then stop   (resume later from {step})"),
        Option("s", "now", f"Stop now   ({back})"),
    ]
    return ChoiceDialog(f"Stop {name} at step {step}?", "", options, "Keep training")


def leave_dialog(names: Sequence[str]) -> ChoiceDialog:
    """Ask what becomes of the live runs; the answers are `detach` and `stop`."""
    count = "1 run is" if len(names) == 1 else f"{len(names)} runs are"
    them = "the run" if len(names) == 1 else "the runs"
    options = [
        Option("d", "detach", "Detach: close this screen, training goes on"),
        Option("s", "stop", f"Checkpoint and stop {them}, then quit"),
    ]
    return ChoiceDialog(f"{count} training", ", ".join(names), options, "Stay")


class TypedDialog(Outliving, ModalScreen[bool]):
    """Asks for a word to be typed before something is done."""

    CSS = (
        _BOX.format(name="TypedDialog")
        + "TypedDialog Input { margin-top: 1; width: 50; } TypedDialog #wrong { height: auto; color: $warning; }"
    )
    BINDINGS = [Binding("escape", "dismiss(False)", "Cancel")]  # noqa: RUF012

    def __init__(self, title: str, text: str, word: str) -> None:
        super().__init__()
        self._title, self._text, self._word = title, text, word

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = self._title
            box.border_subtitle = "⏎ do it   esc cancel"
            yield Static(Text(self._text))
            yield Input(placeholder=f"Type {self._word}")
            yield Static(id="wrong", markup=False)

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self.query_one("#wrong", Static).update("")

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        if event.value.strip() == self._word:
            self.dismiss(True)
        else:
            typed = f"'{cut(event.value, 40)}' does not match" if event.value.strip() else "Nothing was typed"
            self.query_one("#wrong", Static).update(f"▲ {typed}: type {self._word}, or esc.")


class ProblemDialog(Outliving, ModalScreen[None]):
    """What happened, why, and what to do."""

    CSS = _BOX.format(name="ProblemDialog") + "ProblemDialog > .dialog { border: round $error; width: 76; }"
    BINDINGS = [Binding("escape,enter,q", "dismiss", "Close")]  # noqa: RUF012

    def __init__(self, error: NluRlError) -> None:
        super().__init__()
        self.error = error

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = "✖ Error" if self.error.exit_code == 2 else "✖ Internal error"
            box.border_subtitle = "esc close"
            yield Static(Text(self.error.message))
            if self.error.fix:
                yield Static(Text(f"\n{self.error.fix}", style="bold"))


class HelpDialog(Outliving, ModalScreen[None]):
    """Every key of the screen below, from the key table."""

    CSS = _BOX.format(name="HelpDialog") + "HelpDialog > .dialog { width: 76; }"
    BINDINGS = [Binding("escape,question_mark,q,enter", "dismiss", "Close")]  # noqa: RUF012

    def __init__(self, keys: Sequence[Key]) -> None:
        super().__init__()
        self._keys = keys

    def compose(self) -> ComposeResult:
        with VerticalScroll(classes="dialog") as box:
            box.border_title = "Keys"
            box.border_subtitle = "esc close"
            yield Static(self._text(), id="keys")

    def _text(self) -> Text:
        text = Text()
        for series, keys in groupby(self._keys, _series):
            first, *others = keys
            named = [(f"{_written(first)}…{_written(others[-1])}", f"Go to a {series}")] if series else []
            for name, about in named or [(_written(key), key.about) for key in (first, *others)]:
                text.append(f"{name:<7}", style(self.app, "title"))
                text.append(f"{about}\n")
        return text


def _written(key: Key) -> str:
    return key.shown or key.key


def _series(key: Key) -> str:
    """Return what the keys of a series lead to, `panel` or `step`; nothing for a key of its own."""
    word, _, number = key.about.partition(" ")
    return word.lower() if number.isdigit() else ""
