"""Step 4: is everything there, does it fit, how long will it take, and how the shell would say it."""

import contextlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, Vertical, VerticalScroll
from textual.widgets import Static

from nlu_rl.errors import NluRlError
from nlu_rl.models.machine import named_accelerator
from nlu_rl.recipe import Recipe
from nlu_rl.runs import control
from nlu_rl.runs.checks import Check, check_recipe
from nlu_rl.runs.estimate import Pace, known_pace
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.prompt_sizes import plan_on_rows
from nlu_rl.runs.status import Status
from nlu_rl.tui import jobs, sample_text
from nlu_rl.tui.format import cut, meter, short, size, span
from nlu_rl.tui.theme import style
from nlu_rl.tui.widgets.job_bar import JobBar
from nlu_rl.tui.widgets.wizard_step import WizardStep

if TYPE_CHECKING:
    from nlu_rl.tui.widgets.task_step import TaskStep

MARKS = {"ok": ("✔", "good"), "warn": ("▲", "warn"), "fail": ("✖", "bad")}
PARTS = (
    ("weights", "weights_bytes"),
    ("LoRA, grads", "lora_bytes"),
    ("optimizer", "optimizer_bytes"),
    ("activations", "activation_bytes"),
    ("logits", "logits_bytes"),
    ("KV cache", "kv_bytes"),
    ("slack", "slack_bytes"),
)
BAR_CELLS = 9


@dataclass(frozen=True, slots=True)
class Looked:
    """What was found out about a recipe, in a thread."""

    checks: list[Check]
    plan: dict[str, Any] | None
    pace: Pace | None


class ReviewStep(WizardStep):
    """Checks, memory, time and the equivalent command.

    A failed check keeps the run from starting, a grave warning until it is confirmed.
    """

    DEFAULT_CSS = """
    ReviewStep Horizontal { height: 1fr; }
    ReviewStep #checks { width: 1fr; border: round $border; border-title-color: $primary; padding: 0 1; }
    ReviewStep #checks:focus { border: round $primary; }
    ReviewStep #costs { width: 40; }
    ReviewStep #memory { height: auto; border: round $border; border-title-color: $primary; padding: 0 1; }
    ReviewStep #time { height: 1fr; border: round $border; border-title-color: $primary; padding: 0 1; }
    ReviewStep #trial { display: none; height: auto; border: round $border; border-title-color: $primary; padding: 0 1;}
    ReviewStep.-tried #trial { display: block; }
    ReviewStep #trial-bar { display: none; }
    ReviewStep.-trying #trial-bar { display: block; }
    ReviewStep #command { height: auto; max-height: 6; min-height: 3; }
    """

    def __init__(self) -> None:
        super().__init__(id="step-4")
        self._checks: list[Check] | None = None
        self._looked: Looked | None = None
        self._trial: jobs.Trial | None = None
        self._wish: Callable[[], None] | None = None

    def compose(self) -> ComposeResult:
        with Horizontal():
            with VerticalScroll(id="checks", can_focus=True):
                yield Static(id="check-list")
            with Vertical(id="costs"):
                yield Static(id="memory")
                yield Static(id="time")
        with Vertical(id="trial") as trial:
            trial.border_title = "Dry run: three steps"
            yield JobBar(id="trial-bar")
            yield Static(id="trial-text")
        yield Static(id="command", classes="box")

    def enter(self) -> None:
        recipe = self.draft.recipe
        self._checks = self._wish = None
        tokens = self._prompt_tokens(recipe)
        self.query_one("#checks").border_title = "Checks"
        self.query_one("#memory").border_title = "Memory, estimate"
        self.query_one("#time").border_title = "Time"
        command = self.query_one("#command", Static)
        command.border_title = "Same run from the shell   y copies"
        command.update(Text(self.draft.command))
        self.query_one("#check-list", Static).update(Text("Looking…", style="dim"))
        self.query_one("#checks").focus()
        self.set_class(self._fitting_trial is not None or self._bar.run is not None, "-tried")
        self.later(lambda: _look(recipe, tokens), lambda found: self._take(recipe, found), "review")

    def problem(self) -> str:
        return next((check.message for check in self._checks or [] if check.state == "fail"), "")

    def when_ready(self, do: Callable[[], None]) -> None:
        if self._checks is not None:
            do()
        else:
            self._wish = do
            self.notify("Goes on when the checks are done.", timeout=2)

    @property
    def doubts(self) -> list[Check]:
        """The warnings that a run should not be started over without a word."""
        return [check for check in self._checks or [] if check.state == "warn" and check.holds]

    @property
    def _bar(self) -> JobBar:
        return self.query_one("#trial-bar", JobBar)

    @property
    def _fitting_trial(self) -> jobs.Trial | None:
        """The trial that was made of this recipe."""
        trial = self._trial
        return trial if trial is not None and trial.recipe == jobs.trial_recipe(self.draft.recipe) else None

    def _prompt_tokens(self, recipe: Recipe) -> int | None:
        step = cast("TaskStep", self.wizard.query_one("#step-2"))
        return step.longest_prompt(recipe.tasks[0], recipe.model)

    def try_steps(self) -> None:
        """Do three steps of the recipe, as a run would; asked again while they go on, stop. Waits for the checks."""
        self.when_ready(self._try_steps)

    def _try_steps(self) -> None:
        if self._bar.run is not None:
            control.request(self._bar.run, "stop")
            self.notify("Stopping the dry run.", timeout=3)
            return
        if self.problem():
            self.notify(self.problem(), severity="warning", timeout=4)
            return
        path, recipe = self.draft.path, self.draft.recipe
        self.add_class("-tried", "-trying")
        self.query_one("#trial-text", Static).update(Text("Starting; d stops it.", style="dim"))
        self.later(lambda: jobs.start_trial(path, recipe), lambda job: self._follow(job, recipe), "trial")

    def _follow(self, job: RunDirectory, recipe: Recipe) -> None:
        self.query_one("#trial-text", Static).update(Text("d stops it; the run itself is not started.", style="dim"))

        def ended(status: Status) -> None:
            self.remove_class("-trying")
            if status.state == "done":
                self.later(lambda: jobs.finish_trial(job, recipe), self._take_trial, "trial-end")
                return
            why = f"✖ {status.error.message} {status.error.fix}" if status.error else "It was stopped."
            self.query_one("#trial-text", Static).update(Text(why, style(self.app, "bad" if status.error else "dim")))
            jobs.discard(job)

        self._bar.follow(job, ended)

    def _take_trial(self, trial: jobs.Trial) -> None:
        self._trial = trial
        text = Text(no_wrap=True, overflow="ellipsis")
        text.append("✔ It runs here. ", style(self.app, "good"))
        if trial.pace is not None:
            text.append(f"{short(trial.pace.step_seconds)} s/step")
        if trial.peak_bytes:
            text.append(f"   at most {size(trial.peak_bytes)}")
        for sample in trial.samples:
            glyph, role = sample_text.verdict(sample)
            text.append(f"\n{glyph} ", style(self.app, role))
            text.append(f"gold {sample.get('gold')}  read {sample.get('extracted') or '∅'}  ")
            text.append(cut(str(sample.get("completion")), 50), style(self.app, "dim"))
        self.query_one("#trial-text", Static).update(text)
        self._show_time()

    def _take(self, recipe: Recipe, found: Looked) -> None:
        if recipe != self.draft.recipe:  # changed while it was looked at
            self.enter()
            return
        self._looked, self._checks = found, found.checks
        text = Text()
        for check in found.checks:
            mark, role = MARKS[check.state]
            text.append(f"{mark} ", style(self.app, role))
            text.append(f"{check.message}\n")
            if check.fix and check.state != "ok":
                text.append(f"  {check.fix}\n", style(self.app, "dim"))
        self.query_one("#check-list", Static).update(text)
        self.query_one("#memory", Static).update(self._memory(found.plan))
        self._show_time()
        wish, self._wish = self._wish, None
        if wish is not None and self.app.screen is self.wizard and self.wizard.step == 4:
            wish()

    def _show_time(self) -> None:
        recipe, trial = self.draft.recipe, self._fitting_trial
        pace = trial.pace if trial and trial.pace else self._looked.pace if self._looked else None
        if pace is None:
            text = Text("Not known here yet: d does three steps and measures it.", style(self.app, "dim"))
        else:
            text = Text.assemble((f"≈ {span(pace.seconds(recipe))}", style(self.app, "bold")))
            text.append(f"   {recipe.train.max_steps} steps of {short(pace.step_seconds)} s\n")
            text.append(pace.source, style(self.app, "dim"))
        self.query_one("#time", Static).update(text)

    def _memory(self, plan: dict[str, Any] | None) -> Text:
        if plan is None:
            return Text("The shape of the model is not known before it is here.")
        budget, whole = plan["budget_bytes"], plan["total_bytes"]
        text, before = Text(no_wrap=True), 0.0
        for number, (label, key) in enumerate(PARTS):
            text.append(f"{label:<12}{plan[key] / 1e9:6.2f} GB ")
            first, before = round(before / whole * BAR_CELLS), before + plan[key]
            cells = max(round(before / whole * BAR_CELLS) - first, 1 if plan[key] else 0)
            first = min(first, BAR_CELLS - cells)
            text.append("·" * first, style(self.app, "dim"))
            text.append("█" * cells, style(self.app, f"series-{number % 3}"))
            text.append("·" * (BAR_CELLS - first - cells) + "\n", style(self.app, "dim"))
        role, verdict = ("good", "✔ fits") if plan["fits"] else ("bad", "✖ does not fit")
        text.append(f"total       {plan['total_bytes'] / 1e9:6.2f} GB ", style(self.app, "bold"))
        text.append(meter(whole / budget, BAR_CELLS) + f" {whole / budget:.0%}\n", style(self.app, role))
        text.append(f"{verdict}, of {budget / 1e9:.1f} GB on {plan['gpu']}", style(self.app, role))
        if plan["change"]:
            text.append(f"\nfits with {' '.join(plan['change'])}", style(self.app, "warn"))
        return text


def _look(recipe: Recipe, prompt_tokens: int | None) -> Looked:
    plan: dict[str, Any] | None = None
    with contextlib.suppress(NluRlError):
        plan, _ = plan_on_rows(recipe, named_accelerator(None))
    checks = check_recipe(recipe)
    if prompt_tokens is not None:
        seen = f"The chat template renders; the longest prompt looked at has {prompt_tokens} tokens."
        checks.append(Check("prompt", "ok", seen))
    return Looked(checks, plan, known_pace(recipe))
