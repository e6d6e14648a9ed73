"""A table of the user's own becomes a task: which columns were taken, the labels, and what a model would be asked."""

from pathlib import Path

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Vertical, VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Input, Static
from textual.worker import Worker, WorkerState

from nlu_rl.errors import DataError, NluRlError
from nlu_rl.tasks.new_task import NewTask, beside, new_task, write_task
from nlu_rl.tasks.own import is_task_file
from nlu_rl.tasks.registry import get_task
from nlu_rl.tui.format import counted, meter
from nlu_rl.tui.prompts import plain_prompt
from nlu_rl.tui.screens.outliving import Outliving
from nlu_rl.tui.theme import style

SHOWN_LABELS = 8
HELP = """\
The path of a CSV, TSV, JSON lines or Parquet file with a text column and a label column, then ⏎.
A task file (.yaml) of an earlier import is taken as it is."""

COLUMNS = "columns other than guessed: the texts, then the label, such as title,body,topic"


class ImportDialog(Outliving, ModalScreen[str | None]):
    """Answers the path of a task file. The first Enter reads the rows, the second takes them."""

    CSS = """
    ImportDialog > .dialog {
        width: 100; max-width: 95%; height: auto; max-height: 90%;
        border: round $primary; background: $surface; padding: 1 2;
    }
    ImportDialog #columns { display: none; }
    ImportDialog.-read #columns { display: block; }
    ImportDialog Input { margin-bottom: 1; }
    ImportDialog #found { height: auto; max-height: 16; }
    """
    BINDINGS = [Binding("escape", "dismiss(None)", "Cancel")]  # noqa: RUF012

    def __init__(self) -> None:
        super().__init__()
        self._new: NewTask | None = None
        self._asked = ("", "")

    def compose(self) -> ComposeResult:
        with Vertical(classes="dialog") as box:
            box.border_title = "Import your own rows"
            box.border_subtitle = "⏎ look   esc cancel"
            yield Static(HELP)
            yield Input(placeholder="path/to/rows.csv", id="path")
            yield Input(placeholder=COLUMNS, id="columns")
            with VerticalScroll(id="found", can_focus=False):
                yield Static(id="about")

    def on_mount(self) -> None:
        self.query_one("#path").focus()

    def on_input_changed(self, event: Input.Changed) -> None:
        event.stop()
        self._new = None
        self.query_one(".dialog").border_subtitle = "⏎ look   esc cancel"

    def on_input_submitted(self, event: Input.Submitted) -> None:
        event.stop()
        asked = (self.query_one("#path", Input).value.strip(), self.query_one("#columns", Input).value.strip())
        if not asked[0]:
            return
        if self._new is not None and asked == self._asked:
            self._take(self._new)
            return
        self._asked = asked
        self._say(Text("Reading the rows…", style="dim"))
        self.run_worker(lambda: self._look(*asked), thread=True, exclusive=True, exit_on_error=False)

    def _look(self, path: str, columns: str) -> None:
        """In a thread: read the rows, and show what they make."""
        file = Path(path).expanduser().absolute()
        if is_task_file(path):
            get_task(str(file)).load("train")
            self.app.call_from_thread(self.dismiss, str(file))
            return
        *text, label = [column.strip() for column in columns.split(",")] if columns else [""]
        found = new_task(file, to=_free_place(file), text=text, label=label or None)
        self.app.call_from_thread(self._show, found)

    def on_worker_state_changed(self, event: Worker.StateChanged) -> None:
        error = event.worker.error
        if event.state is WorkerState.ERROR and error is not None:
            known = error if isinstance(error, NluRlError) else DataError(f"{error}", "Check the file.")
            fix = "Say above which columns are the text and, last, the label." if "--" in known.fix else known.fix
            self._say(Text(f"✖ {known.message} {fix}", style(self.app, "bad")))
            self.add_class("-read")

    def _show(self, new: NewTask) -> None:
        self._new = new
        self.add_class("-read")
        dim = style(self.app, "dim")
        text = Text(f"{new.file.name}: ", style(self.app, "bold"))
        text.append(", ".join(f"{split} {count:,}" for split, count in new.rows.items()))
        text.append(f"   metric {new.task.metric}\n", dim)
        text.append(f"text {', '.join(new.file.text)}   label {new.file.label}   kind {new.file.kind}\n")
        whole = sum(new.labels.values()) or 1
        for label, count in list(new.labels.items())[:SHOWN_LABELS]:
            text.append(f"  {label[:20]:<21}{count:>7,}  ")
            text.append(meter(count / whole, 16) + f" {count / whole:.0%}\n", style(self.app, "good"))
        if len(new.labels) > SHOWN_LABELS:
            text.append(f"  and {len(new.labels) - SHOWN_LABELS} more answers\n", dim)
        if new.refused:
            text.append(
                f"▲ {counted(len(new.refused), 'row')} refused, the first: {new.refused[0]}\n", style(self.app, "warn")
            )
        for split, count in new.overlap.items():
            if count:
                text.append(f"▲ {count:,} {split} rows have a text that is in train\n", style(self.app, "warn"))
        text.append(f"\n{plain_prompt(new.task, new.task.load('train')[0])}\n", dim)
        self._say(text)
        self.query_one(".dialog").border_subtitle = f"⏎ take it, writes {new.path.name}   esc cancel"

    def _say(self, text: Text) -> None:
        self.query_one("#about", Static).update(text)

    def _take(self, new: NewTask) -> None:
        try:
            self.dismiss(str(write_task(new)))
        except NluRlError as error:
            self._say(Text(f"✖ {error.message}", style(self.app, "bad")))


def _free_place(data: Path) -> Path:
    """Return where the task file goes: beside the data, under a name that is free."""
    first = beside(data)
    places = [first, *(first.with_stem(f"{first.stem}-{number}") for number in range(2, 100))]
    return next((place for place in places if not place.exists()), places[-1])
