"""What is to be evaluated, in one small window: task, split, rows, seed, and how answers are taken."""

import shlex
from collections.abc import Mapping
from typing import Any, NamedTuple

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical
from textual.screen import ModalScreen
from textual.widgets import Input, Label, Static

from nlu_rl.errors import NluRlError
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.tui.screens.outliving import Outliving

ALL = "all"


class Wanted(NamedTuple):
    """An evaluation as `operations.evaluate` takes it."""

    task: str
    split: str | None
    examples: int | None
    seed: int
    greedy: bool


class EvaluateForm(Outliving, ModalScreen[Wanted | None]):
    """Enter starts what the fields say; what is wrong stands below while it is typed."""

    CSS = """
    EvaluateForm > .dialog {
        width: 78; max-width: 95%; height: auto; border: round $primary; background: $surface; padding: 1 2;
    }
    EvaluateForm .line { height: 1; }
    EvaluateForm Label { width: 10; color: $text-muted; }
    EvaluateForm .note { width: 1fr; padding: 0 1; color: $text-muted; text-wrap: nowrap; text-overflow: ellipsis; }
    EvaluateForm #wrong { height: auto; color: $warning; margin-top: 1; }
    EvaluateForm #command { height: auto; color: $text-muted; margin-top: 1; }
    """
    BINDINGS = [Binding("escape", "dismiss(None)", "Cancel")]  # noqa: RUF012

    def __init__(self, run: RunDirectory) -> None:
        super().__init__()
        from nlu_rl.evaluation.request import tasks_of_run

        self.run = run
        self._tasks = tasks_of_run(run)

    def compose(self) -> ComposeResult:
        lines = (
            ("task", self._tasks[0], ", ".join(self._tasks) if len(self._tasks) > 1 else "any task"),
            ("split", "", "empty: as its scores are quoted"),
            ("rows", ALL, "all, or how many"),
            ("seed", "1", "fixes the samples"),
            ("answers", "sample", "sample (temperature 1), or greedy"),
        )
        with Vertical(classes="dialog") as box:
            box.border_title = f"Evaluate {self.run.name}"
            box.border_subtitle = "⏎ start   esc cancel"
            for name, value, note in lines:
                with Horizontal(classes="line"):
                    yield Label(name)
                    yield Input(value, id=name, classes="field", compact=True)
                    yield Static(Text(note), classes="note")
            yield Static(id="wrong", markup=False)
            yield Static(id="command", markup=False)

    def on_mount(self) -> None:
        self.query_one("#rows").focus()
        self._look()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._look()

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        wanted = self._look()
        if wanted is not None:
            self.dismiss(wanted)

    def on_key(self, event: Any) -> None:
        if event.key in ("up", "down"):
            event.stop()
            (self.focus_previous if event.key == "up" else self.focus_next)()

    def _look(self) -> Wanted | None:
        """Return what the fields say, or show what is wrong with them."""
        values = {field.id or "": field.value.strip() for field in self.query(Input)}
        try:
            wanted = wanted_of(values)
        except NluRlError as error:
            self.query_one("#wrong", Static).update(f"▲ {error.message}")
            self.query_one("#command", Static).update("")
            return None
        self.query_one("#wrong", Static).update("")
        self.query_one("#command", Static).update(command_of({"run": self.run.name, **wanted._asdict()}))
        return wanted


def wanted_of(values: Mapping[str, str]) -> Wanted:
    """Return what fields of text ask for.

    Raises:
        NluRlError: a value that does not exist or is no number.
    """
    from nlu_rl.data.schema import check_split
    from nlu_rl.evaluation.request import choose_task

    name, _ = choose_task(values["task"] or "-", [])
    split = check_split(values["split"]) if values["split"] else None
    examples = None if values["rows"] in ("", ALL) else _number("rows", values["rows"], least=1)
    if values["answers"] not in ("sample", "greedy"):
        raise NluRlError(f"'{values['answers']}' is no way to take answers.", "Give sample or greedy.")
    return Wanted(name, split, examples, _number("seed", values["seed"], least=0), values["answers"] == "greedy")


def _number(name: str, text: str, *, least: int) -> int:
    if not text.isdecimal() or not least <= int(text) < 2**31:
        raise NluRlError(f"'{text}' is no number of {name}.", f"Give a whole number from {least}.")
    return int(text)


def command_of(arguments: Mapping[str, Any]) -> str:
    """Return the same evaluation for the shell."""
    words = ["nlu-rl", "eval", str(arguments.get("run") or arguments.get("model")), "--task", str(arguments["task"])]
    for name in ("split", "data", "examples"):
        if arguments.get(name) is not None:
            words += [f"--{name}", str(arguments[name])]
    words += ["--seed", str(arguments.get("seed"))]
    if (arguments.get("samples") or 1) != 1:
        words += ["--samples", str(arguments["samples"])]
    if arguments.get("shots"):
        words += ["--shots", str(arguments["shots"])]
    step = str(arguments.get("checkpoint") or "").removeprefix("step-")
    if arguments.get("run") and step:
        words += ["--checkpoint", step]
    return shlex.join([*words, *(["--greedy"] if arguments.get("greedy") else [])])
