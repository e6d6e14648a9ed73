"""Step 4: is everything there, does it fit, and how the shell would say it."""

from typing import Any

from rich.text import Text
from textual.app import ComposeResult
from textual.containers import Horizontal, VerticalScroll
from textual.widgets import Static

from nlu_rl.errors import NluRlError
from nlu_rl.models.machine import named_accelerator
from nlu_rl.models.memory import GIB
from nlu_rl.models.recipe_plan import plan_recipe
from nlu_rl.recipe import Recipe
from nlu_rl.runs.checks import Check, check_recipe
from nlu_rl.tui.format import meter
from nlu_rl.tui.theme import style
from nlu_rl.tui.widgets.wizard_step import WizardStep

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


class ReviewStep(WizardStep):
    """Checks, the memory plan, and the equivalent command. A failed check keeps the run from starting."""

    DEFAULT_CSS = """
    ReviewStep Horizontal { height: 1fr; }
    ReviewStep #checks { width: 1fr; border: round $border; border-title-color: $primary; padding: 0 1; }
    ReviewStep #checks:focus { border: round $primary; }
    ReviewStep #memory { width: 40; height: 1fr; }
    ReviewStep #command { height: 5; }
    """

    def __init__(self) -> None:
        super().__init__(id="step-4")
        self._checks: list[Check] | None = None

    def compose(self) -> ComposeResult:
        with Horizontal():
            with VerticalScroll(id="checks", can_focus=True):
                yield Static(id="check-list")
            yield Static(id="memory", classes="box")
        yield Static(id="command", classes="box")

    def enter(self) -> None:
        recipe = self.draft.recipe
        self._checks = None
        self.query_one("#checks").border_title = "Checks"
        self.query_one("#memory").border_title = "Memory, estimate"
        command = self.query_one("#command", Static)
        command.border_title = "Same run from the shell   y copies"
        command.update(Text(self.draft.command))
        self.query_one("#check-list", Static).update(Text("Looking…", style="dim"))
        self.query_one("#checks").focus()
        self.later(lambda: (check_recipe(recipe), _plan(recipe)), self._take, "review")

    def problem(self) -> str:
        if self._checks is None:
            return "Looking…"
        return next((check.message for check in self._checks if check.state == "fail"), "")

    def _take(self, found: tuple[list[Check], dict[str, Any] | None]) -> None:
        self._checks, plan = found
        text = Text()
        for check in self._checks:
            mark, role = MARKS[check.state]
            text.append(f"{mark} ", style(self.app, role))
            text.append(f"{check.message}\n")
            if check.fix and check.state != "ok":
                text.append(f"  {check.fix}\n", style(self.app, "dim"))
        self.query_one("#check-list", Static).update(text)
        self.query_one("#memory", Static).update(self._memory(plan))

    def _memory(self, plan: dict[str, Any] | None) -> Text:
        if plan is None:
            return Text("The shape of the model is not known before it is here.")
        budget = plan["budget_bytes"]
        text = Text()
        for label, key in PARTS:
            text.append(f"{label:<12}{plan[key] / GIB:6.2f} G ")
            text.append(meter(plan[key] / budget, 12) + "\n", style(self.app, "good"))
        role, verdict = ("good", "✔ fits") if plan["fits"] else ("bad", "✖ does not fit")
        text.append(f"\n{plan['total_bytes'] / GIB:.2f} of {budget / GIB:.1f} G  {verdict}\n", style(self.app, role))
        if plan["change"]:
            text.append(f"It does with {' '.join(plan['change'])}", style(self.app, "warn"))
        return text


def _plan(recipe: Recipe) -> dict[str, Any] | None:
    try:
        return plan_recipe(recipe, named_accelerator(None))
    except NluRlError:
        return None
