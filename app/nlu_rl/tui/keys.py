"""Every key of every screen, once: footer, help and command palette are made from this table.

`label` is the footer's word (empty: not in the footer, which has room for eight), `about` the sentence of help, palette
and tooltip. The action is a method of the screen.
"""

from typing import NamedTuple

from textual.binding import Binding
from textual.keys import Keys, format_key


class Key(NamedTuple):
    key: str
    action: str
    label: str
    about: str
    shown: str = ""
    """How the key is written, where its name is not."""
    changes: bool = False
    """Whether it starts, changes or removes something, so that who only looks on has not got it."""

    @property
    def title(self) -> str:
        """The action in a word or two: `save_as` is "Save as", `panel(-1)` is "Panel, previous"."""
        verb = self.action.partition("(")[0].replace("_", " ").capitalize()
        return verb + (", previous" if "(-1)" in self.action else ", next" if "(1)" in self.action else "")

    @property
    def name(self) -> str:
        """How `tui.yaml` calls it: `panel(-1)` is `panel_previous`, `panel(1)` is `panel_1`."""
        return self.action.replace("(-1)", "_previous").replace("(", "_").replace("'", "").rstrip(")")


COMMON = (
    Key("question_mark", "help", "Help", "Every key of this screen", "?"),
    Key("ctrl+p", "command_palette", "", "Every action by its name", "^p"),
    Key("ctrl+q", "leave", "", "Quit; a run in training goes on, or is stopped, as you say", "^q"),
)
BACK = Key("escape", "back", "Back", "Go back", "esc")
CURSOR = (
    Key("left", "cursor(-1)", "", "On a chart: the values one place earlier; the pointer does the same", "◂"),
    Key("right", "cursor(1)", "", "On a chart: the values one place later", "▸"),
)
LEAVE = Key("q", "leave", "", "Quit; a run in training goes on, or is stopped, as you say")

KEYS: dict[str, tuple[Key, ...]] = {
    "home": (
        Key("n", "new", "New", "New run: choose a model, a task and a recipe", changes=True),
        Key("enter", "open", "Open", "Watch the run under the cursor", "⏎"),
        Key("space", "mark", "Mark", "Mark or unmark the run, to compare or delete several", "␣"),
        Key("c", "compare", "Compare", "Lay the curves and settings of the marked runs side by side"),
        Key("e", "evaluate", "Eval", "Measure the run on held-out rows"),
        Key("x", "export", "Export", "Merge the run into a model folder and prove it"),
        Key("t", "chat", "", "Ask the run something: its answer before and after training", changes=True),
        Key("slash", "filter", "Filter", "Show only runs whose line has these words", "/"),
        Key("o", "sort", "", "Sort by age, name, score or state"),
        Key("r", "resume", "", "Go on with a stopped, failed or lost run", changes=True),
        Key("d", "delete", "", "Remove the run, or the marked ones; you are asked first", changes=True),
        Key("u", "undelete", "", "Bring back what was removed last", changes=True),
        Key("D", "demo", "", "Train the demo: a small model, on this machine, in minutes", changes=True),
        LEAVE,
    ),
    "monitor": (
        Key("space", "pause", "Pause", "Pause after this step, or go on", "␣", changes=True),
        Key("r", "resume", "Resume", "Go on with a paused, stopped, failed or lost run", changes=True),
        Key("k", "checkpoint", "Checkpoint", "Write a checkpoint after this step", changes=True),
        Key("s", "stop", "Stop…", "Stop with or without a checkpoint; you are asked first", changes=True),
        Key("e", "evaluate", "Eval", "Measure the run on held-out rows"),
        Key("x", "export", "Export", "Merge the run into a model folder and prove it"),
        Key("t", "chat", "Try", "Ask the run something: before and after training, side by side", changes=True),
        Key("m", "zoom", "Zoom", "Give the panel the whole screen, and back"),
        Key("escape", "back", "Runs", "Go back to the runs; training goes on", "esc"),
        Key("right_square_bracket", "panel(1)", "", "Next panel", "]"),
        Key("left_square_bracket", "panel(-1)", "", "Previous panel", "["),
        *CURSOR,
        *(Key(str(n), f"show_panel({n})", "", f"Panel {n}") for n in range(1, 10)),
        Key("S", "smoothing", "", "Smooth curves more, or less"),
        Key("L", "log_scale", "", "Logarithmic scale"),
        Key("w", "wall_time", "", "Curves over wall time, or over steps"),
        Key("slash", "filter", "", "Show only samples with these words", "/"),
        Key("f", "freeze", "", "Hold the samples still, or let them go on"),
        Key("y", "copy", "", "Copy the run's name"),
        LEAVE,
    ),
    "wizard": (
        Key("enter", "next", "Next", "Go on when this step is right; start the run at the last", "⏎"),
        Key("escape", "back", "Back", "One step back; nothing is lost", "esc"),
        Key("left_square_bracket", "example(-1)", "", "Previous example of the task", "["),
        Key("right_square_bracket", "example(1)", "", "Next example of the task", "]"),
        Key("f", "fetch", "Fetch", "Fetch the model, or the data of the task; again stops a fetch"),
        Key("i", "import_rows", "Import", "Make a task of a CSV, TSV, JSON lines or Parquet file of your own"),
        Key("t", "try_completion", "Try", "Type a completion and see what is read and rewarded"),
        Key("d", "dry_run", "Dry run", "Do three steps, to see that it runs and how long it takes"),
        Key("a", "whole", "All settings", "The whole recipe as YAML"),
        Key(
            "u",
            "undo",
            "",
            "Undo the last change to the recipe; those from before only if you say so",
        ),
        Key("y", "copy", "Copy", "Copy the prompt, or the equivalent shell command"),
        Key("ctrl+s", "save_as", "", "Save the whole recipe as a file", "^s"),
        Key("ctrl+r", "afresh", "", "Begin afresh with the demo's recipe", "^r"),
        *(Key(str(n), f"step({n})", "", f"Step {n}") for n in range(1, 5)),
    ),
    "compare": (
        Key("m", "metric", "Metric", "Next metric"),
        Key("S", "smoothing", "Smooth", "Smooth curves more, or less"),
        Key("L", "log_scale", "Log-Y", "Logarithmic scale"),
        Key("w", "wall_time", "Wall/step", "Curves over wall time, or over steps"),
        *CURSOR,
        Key("d", "differences", "All/diff", "All settings, or only those that differ"),
        Key(
            "e",
            "evaluate",
            "Paired eval",
            "Evaluate the runs on the same rows, and say whether the difference is real",
            changes=True,
        ),
        BACK,
    ),
    "evaluate": (
        Key("n", "new", "New", "Evaluate the run: task, split, rows, seed, sampled or greedy", changes=True),
        Key("z", "zero_shot", "Base", "Evaluate its base model on the same rows, before training", changes=True),
        Key("enter", "open", "Open", "The result, or the row that changed, in full", "⏎"),
        Key("r", "reference", "Ref", "Hold the others against the evaluation under the cursor"),
        Key("f", "show('fixed')", "Fixed", "Only rows that became right"),
        Key("b", "show('broken')", "Broken", "Only rows that became wrong"),
        Key("a", "show('all')", "All", "All rows that changed"),
        Key("s", "stop", "", "Stop the evaluation under way; it can go on later", changes=True),
        Key("x", "export", "Export", "Merge the run into a model folder and prove it"),
        Key("t", "chat", "", "Ask the run something: its answer before and after training", changes=True),
        Key("y", "copy", "", "Copy the command of the evaluation under the cursor"),
        BACK,
    ),
    "export": (
        Key(
            "enter",
            "start",
            "Export",
            "Merge the best checkpoint into its base, prove it, write the folder",
            "⏎",
            changes=True,
        ),
        Key("a", "another", "Another", "Make another export beside this one, with or without a GGUF file"),
        Key("g", "gguf", "GGUF", "Also write a GGUF file, or not"),
        Key("s", "stop", "Stop", "Stop the export under way; nothing is left behind", changes=True),
        Key("y", "copy", "Copy", "Copy the command under the cursor"),
        Key("p", "copy_path", "Path", "Copy the path of the exported folder"),
        Key("e", "evaluate", "Eval", "The evaluations of the run"),
        Key("t", "chat", "Try", "Ask the run something: its answer before and after training", changes=True),
        BACK,
    ),
    "chat": (
        Key("pagedown", "row(1)", "Next row", "Fill in the next row of the validation split", "PgDn"),
        Key("pageup", "row(-1)", "", "Fill in the previous row of the validation split", "PgUp"),
        Key("ctrl+t", "decoding", "Greedy/sample", "The most likely answer, or one sample at temperature 1", "^t"),
        Key("ctrl+o", "prompt", "Prompt", "Show the prompt exactly as the model saw it", "^o"),
        Key("ctrl+n", "next_task", "", "Next task of a run with several", "^n"),
        BACK,
    ),
    "sample": (
        Key("left", "turn(-1)", "Previous", "Previous sample", "◂"),
        Key("right", "turn(1)", "Next", "Next sample", "▸"),
        Key("y", "copy", "Copy", "Copy the completion"),
        BACK,
    ),
}


def keys_of(screen: str) -> tuple[Key, ...]:
    """Return the keys of a screen, those of every screen last."""
    return (*KEYS[screen], *COMMON)


def changes(screen: str, action: str) -> bool:
    """Return whether an action of a screen, without its arguments, starts, changes or removes something."""
    return any(key.changes and key.action.partition("(")[0] == action for key in KEYS.get(screen, ()))


def bindings(screen: str, *, common: bool = True) -> list[Binding | tuple[str, str] | tuple[str, str, str]]:
    """Return a screen's keys as Textual wants them; their ids allow the user to remap them."""
    return [
        Binding(
            key.key,
            key.action,
            key.label or key.about,
            show=bool(key.label),
            key_display=key.shown or None,
            tooltip=key.about,
            id=f"{screen}.{key.name}",
        )
        for key in (keys_of(screen) if common else KEYS[screen])
    ]


_WRITTEN = {"enter": "⏎", "space": "␣", "escape": "esc", "left": "◂", "right": "▸"}


def written(key: str, *, plain: bool = False) -> str:
    """Return how a key is written for people; `plain` in ASCII."""
    if key in _WRITTEN:
        return key.replace("escape", "esc") if plain else _WRITTEN[key]
    return format_key(key).replace("ctrl+", "^")


def is_key(name: str) -> bool:
    """Return whether this is a key as Textual calls it: a character or a name, with ctrl+, alt+ or shift+ before."""
    *modifiers, last = name.split("+") if len(name) > 1 else [name]
    if any(modifier not in ("ctrl", "alt", "shift") for modifier in modifiers):
        return False
    if len(last) == 1:
        return last.isprintable() and last not in (" ", ",")
    return last in {key.value for key in Keys} or len(format_key(last)) == 1
