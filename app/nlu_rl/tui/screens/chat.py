"""Ask a run about a text of your own, or a row of its task: what the model says before training and after, judged.

The model is loaded once, by a worker; this screen writes questions and reads answers.
"""

from typing import Any, ClassVar

from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Input, Label, Static

from nlu_rl.errors import NluRlError
from nlu_rl.evaluation.chat_protocol import Conversation
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.overview import read_recipe
from nlu_rl.runs.status import Status
from nlu_rl.tasks.base import DatasetTask
from nlu_rl.tasks.contract import Example
from nlu_rl.tasks.registry import get_task
from nlu_rl.tui.chat_text import answer_text, history_line
from nlu_rl.tui.keys import bindings
from nlu_rl.tui.screens.base import BaseScreen
from nlu_rl.tui.theme import style
from nlu_rl.tui.widgets.job_bar import job_text
from nlu_rl.tui.widgets.key_footer import KeyFooter

POLL_SECONDS = 0.25
SHOWN_EARLIER = 50
TITLES = {"before": "Before training", "after": "After training"}
GOLD = "gold"


class AskInput(Input):
    """Enter asks; it is written in the footer by our word."""

    BINDINGS: ClassVar[list[Binding]] = [  # type: ignore[assignment]
        Binding("enter", "submit", "Ask", key_display="⏎", tooltip="Ask the model, before and after training")
    ]


class ChatScreen(BaseScreen):
    """One run, one of its tasks at a time."""

    KEYS_NAME: ClassVar[str] = "chat"
    BINDINGS = bindings("chat")
    CSS = """
    ChatScreen #chat-head { height: 1; padding: 0 1; text-wrap: nowrap; text-overflow: ellipsis; }
    ChatScreen #question { height: auto; max-height: 9; overflow-y: auto; }
    ChatScreen .asked { height: 1; }
    ChatScreen .asked Label { width: 16; color: $text-muted; }
    ChatScreen .asked Input { width: 1fr; }
    ChatScreen #sides { height: 1fr; }
    ChatScreen .side { width: 1fr; height: 1fr; }
    ChatScreen #earlier-box { height: 7; }
    ChatScreen.-tall #earlier-box { height: 1fr; }
    ChatScreen #earlier { width: auto; }
    """

    def __init__(self, run: RunDirectory) -> None:
        super().__init__()
        self.run = run
        recipe = read_recipe(run)
        self._model = str(recipe.get("model"))
        self._names = [str(name) for name in recipe.get("tasks") or []]
        self._place = 0
        self._talk: Conversation | None = None
        self._examples: dict[str, list[Example]] = {}
        self._row = -1
        self._row_text = ""
        self._greedy = True
        self._status: Status | None = None
        self._answers: dict[int, dict[str, Any]] = {}

    @property
    def task_name(self) -> str:
        return self._names[self._place]

    def compose(self) -> ComposeResult:
        yield Static(id="chat-head")
        yield Vertical(id="question", classes="box")
        with Horizontal(id="sides"):
            for side, title in TITLES.items():
                with VerticalScroll(id=side, classes="box side", can_focus=False) as box:
                    box.border_title = title
                    yield Static(id=f"{side}-text")
        with VerticalScroll(id="earlier-box", classes="box", can_focus=False) as box:
            box.border_title = "Asked so far: before → after"
            yield Static(id="earlier")
        yield KeyFooter()

    def on_mount(self) -> None:
        self.query_one("#before").border_title = f"Before training: {self._model}"
        self.query_one("#after").border_title = f"After training: {self.run.path.name}"
        self.set_interval(POLL_SECONDS, self._look)
        self._ask_fields()
        self.in_background(self._begin, self._begun, group="begin")

    def on_unmount(self) -> None:
        if self._talk is not None:
            self._talk.close()

    def _begin(self) -> Conversation:
        """In a thread: load the model in a worker, while the first question is typed."""
        from nlu_rl.evaluation.request import resolve_subject

        talk = Conversation(resolve_subject(self.run.name))
        talk.start()
        return talk

    def _begun(self, talk: Conversation) -> None:
        self._talk = talk
        step = str(talk.subject.get("checkpoint") or "").replace("-", " ")
        self.query_one("#after").border_title = f"After training: {self.run.path.name} {step}"

    def _ask_fields(self) -> None:
        """Put in place one line for each text of the task, and one for the right answer."""
        task = get_task(self.task_name)
        box = self.query_one("#question", Vertical)
        box.border_title = f"{task.name}: {task.title}"
        answers = _kinds_of_answers(task)
        box.remove_children()
        rows = []
        for name in task.schema.fields:
            rows.append(_line(name, name, f"type the {name.replace('_', ' ')}, then ⏎"))
        rows.append(_line(GOLD, "right answer", f"if you know it: {answers}"))
        box.mount(*rows)
        self.call_after_refresh(self._focus_first)
        self._row, self._row_text = -1, ""
        box.border_subtitle = ""
        self._show_head()

    def _focus_first(self) -> None:
        if self._inputs():
            self._inputs()[0].focus()

    def _inputs(self) -> list[Input]:
        return list(self.query_one("#question").query(Input))

    def _look(self) -> None:
        talk = self._talk
        if talk is not None and self.is_seen:
            self.in_background(lambda: (talk.status, talk.answers()), self._take, group="answers")

    def _take(self, found: tuple[Status | None, list[dict[str, Any]]]) -> None:
        self._status, fresh = found
        for answer in fresh:
            kept = self._answers.setdefault(int(answer.get("id") or 0), {})
            kept[str(answer.get("side") or "error")] = answer
        self._show_head()
        if fresh:
            self._show_answers()
        status = self._status
        if status is not None and status.error is not None and self._talk is not None:
            self._talk.job = None  # the next question starts another worker
            self.app.show_error(NluRlError(status.error.message, status.error.fix))

    def _show_head(self) -> None:
        text = Text.assemble(("Try ▸ ", style(self.app, "title")), (self.run.name, style(self.app, "bold")))
        text.append(f" · {'greedy' if self._greedy else 'a sample at temperature 1'}   ", style(self.app, "dim"))
        status = self._status
        if status is None and (self._talk is None or self._talk.job is not None):
            text.append("starting…", style(self.app, "dim"))
        elif status is not None and status.live and status.phase == "waiting for a question":
            waiting = self._talk is not None and len(self._answers) < self._talk.asked
            text.append("● answering…" if waiting else "● ready", style(self.app, "good"))
        elif status is not None and status.live:
            text.append(job_text(self.app, status))
        else:
            text.append("○ at rest; a question loads the model again", style(self.app, "dim"))
        head = self.query_one("#chat-head", Static)
        if head.content != text:
            head.update(text)

    def _show_answers(self) -> None:
        if not self._answers:
            return
        latest = self._answers[max(self._answers)]
        for side in TITLES:
            answer = latest.get(side) or latest.get("error")
            shown = answer_text(self.app, answer) if answer else Text("…", style(self.app, "dim"))
            self.query_one(f"#{side}-text", Static).update(shown)
        earlier = Text(no_wrap=True)
        for number in sorted(self._answers, reverse=True)[:SHOWN_EARLIER]:
            earlier.append(history_line(self.app, self._answers[number]))
        self.query_one("#earlier", Static).update(earlier)

    def on_input_changed(self, event: Input.Changed) -> None:
        """Tell of a right answer that cannot be one while it is typed: it would not be asked."""
        event.stop()
        if event.input.name == GOLD:
            wrong = _not_an_answer(self.task_name, event.value)
            self.query_one("#question").border_subtitle = f"▲ {wrong}" if wrong else self._row_text

    def on_input_submitted(self, event: Input.Submitted) -> None:
        """Ask, once every text is there."""
        event.stop()
        values = {field.name or "": field.value.strip() for field in self._inputs()}
        gold = values.pop(GOLD, "")
        if wrong := _not_an_answer(self.task_name, gold):
            self.notify(wrong, severity="warning", timeout=5)
            return
        for field in self._inputs():
            if field.name != GOLD and not field.value.strip():
                field.focus()
                return
        talk, task = self._talk, self.task_name
        if talk is None:
            self.notify("The model is being looked for…", timeout=3)
            return
        greedy = self._greedy
        for side in TITLES:
            self.query_one(f"#{side}-text", Static).update(Text("…", style(self.app, "dim")))
        self.in_background(
            lambda: talk.ask(task, values, gold or None, greedy=greedy, seed=talk.asked + 1),
            lambda _: self._show_head(),
            group="ask",
        )

    def action_row(self, by: int) -> None:
        """Fill in a row of the task's validation split, with its right answer."""
        name = self.task_name
        if name in self._examples:
            self._fill(by)
            return

        def take(found: list[Example]) -> None:
            self._examples[name] = found
            self._fill(by)

        self.in_background(lambda: get_task(name).load("validation"), take, group="rows")

    def _fill(self, by: int) -> None:
        examples = self._examples[self.task_name]
        if not examples:
            return
        self._row = (self._row + by) % len(examples)
        example = examples[self._row]
        for field in self._inputs():
            field.value = str((example.gold or "") if field.name == GOLD else example.fields.get(field.name or "", ""))
        self._row_text = f"validation row {self._row + 1} of {len(examples):,}"
        self.query_one("#question").border_subtitle = self._row_text

    def action_decoding(self) -> None:
        self._greedy = not self._greedy
        self._show_head()

    def action_next_task(self) -> None:
        if len(self._names) < 2:
            self.notify("The run has one task.", timeout=2)
            return
        self._place = (self._place + 1) % len(self._names)
        self._ask_fields()

    def action_prompt(self) -> None:
        """Show the prompt of the last answer, exactly as the model saw it."""
        from nlu_rl.tui.screens.ask import TextDialog

        latest = self._answers[max(self._answers)] if self._answers else {}
        answer = next((found for found in latest.values() if "prompt" in found), None)
        if answer is None:
            self.notify("Nothing was asked yet.", timeout=2)
        else:
            title = f"Prompt as the model saw it, {answer.get('prompt_tokens')} tokens"
            self.app.push_screen(TextDialog(title, Text(str(answer["prompt"]))))


def _line(name: str, label: str, hint: str) -> Horizontal:
    asked = AskInput(placeholder=hint, name=name, compact=True, select_on_focus=False)
    return Horizontal(Label(label.replace("_", " ")[:15]), asked, classes="asked")


def _kinds_of_answers(task: DatasetTask) -> str:
    if task.answers:
        return ", ".join(task.answers)
    schema = task.schema
    return "a text" if schema.free_text else f"a number from {schema.low:g} to {schema.high:g}"


def _not_an_answer(task_name: str, gold: str) -> str:
    """Return why a text cannot be a right answer of the task; empty when it can."""
    answers, gold = get_task(task_name).answers, gold.strip()
    if not gold or answers is None or gold in answers:
        return ""
    return f"'{gold}' is no answer of {task_name}: it is one of {', '.join(answers)}."
