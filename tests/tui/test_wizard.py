"""The wizard by keys alone: from nothing to a run that is training."""

import re
import threading
from pathlib import Path
from typing import Any

import pytest
from textual.widgets import Input, TextArea

from cli.conftest import write_rows
from nlu_rl import paths
from nlu_rl.models.machine import named_accelerator
from nlu_rl.runs import jobs
from nlu_rl.runs.layout import list_runs
from nlu_rl.runs.row_checks import check_answer_room
from nlu_rl.tasks.registry import get_task
from nlu_rl.tui import operations
from nlu_rl.tui.draft import first_draft
from nlu_rl.tui.kept_draft import KeptDraft
from nlu_rl.tui.model_choices import model_choices
from nlu_rl.tui.screens.home import HomeScreen
from nlu_rl.tui.screens.monitor import MonitorScreen
from nlu_rl.tui.screens.wizard import WizardScreen
from nlu_rl.tui.screens.yaml_editor import wrong_line
from nlu_rl.tui.widgets import review_step, task_step
from nlu_rl.tui.widgets.recipe_step import RecipeStep
from tui.conftest import Open, screen_text, settled, until

pytestmark = pytest.mark.anyio


@pytest.fixture
def ready(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with rows, no model, and workers that are never started."""
    write_rows("movie-snippets")
    write_rows("sst2")

    def rendered(model: str, chats: list[Any]) -> list[dict[str, Any]]:
        return [{"text": f"<user>{model} sees row {number}", "tokens": 40 + number} for number in range(len(chats))]

    monkeypatch.setattr(task_step, "rendered_prompts", rendered)
    monkeypatch.setattr(operations, "launch", lambda run: 0)
    assert jobs.WORKER
    return home


async def step(pilot: Any, *keys: str) -> str:
    await pilot.press(*keys)
    await settled(pilot)
    return screen_text(pilot)


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_enter_four_times_starts_a_run(open_app: Open, ready: Path, size: tuple[int, int]) -> None:
    async with open_app(size) as pilot:
        shown = await step(pilot, "n")
        assert "[1 Model]" in shown
        assert shown.splitlines()[-1].startswith("⏎ Next esc Back")
        assert "smollm2-135m" in shown
        shown = await step(pilot, "enter")
        assert "[2 Task]" in shown
        assert "smollm2-135m sees row 0" in shown
        assert "40 tokens" in shown
        shown = await step(pilot, "enter")
        assert "[3 Recipe]" in shown
        assert "learning rate" in shown
        shown = await step(pilot, "enter")
        assert "[4 Review]" in shown
        assert "nlu-rl run demo" in shown
        assert "fits" in shown
        assert re.search(r"total +[0-9.]+ GB [█░]+ +[0-9]+%", shown)  # in the unit of the checks beside it
        assert shown.splitlines()[-1].startswith("⏎ Start esc Back")
        await step(pilot, "enter")
        assert isinstance(pilot.app.screen, MonitorScreen)
        assert [run.name for run in list_runs()] == ["movie-snippets-smollm2-135m-ppo-01"]


async def test_digits_go_to_a_step_where_they_are_not_typed(open_app: Open, ready: Path) -> None:
    async with open_app() as pilot:
        await step(pilot, "n")
        assert "[3 Recipe]" in await step(pilot, "3")
        pilot.app.screen.query_one("#knob-1").focus()
        await step(pilot, "end", "1")
        assert pilot.app.screen.draft.recipe.train.max_steps % 10 == 1
        shown = await step(pilot, "escape", "2")
        assert "[2 Task]" in shown
        shown = await step(pilot, "question_mark")
        assert "1…4    Go to a step" in shown
        assert "alt+" not in shown


def test_encoders_are_no_models_to_choose(home: Path) -> None:
    for name in ("minilm-l6", "my-own"):
        (paths.model_dir(name)).mkdir(parents=True)
        (paths.model_dir(name) / "config.json").write_text("{}")
    names = [choice.name for choice in model_choices(named_accelerator("a100-80g"))]
    assert "my-own" in names
    assert "minilm-l6" not in names


async def test_a_completion_can_be_tried(open_app: Open, ready: Path) -> None:
    async with open_app() as pilot:
        await step(pilot, "n", "enter")
        shown = await step(pilot, "t", *"negative</Judgement>")
        assert "read as negative (strict)" in shown
        assert "strict: just the answer, tag closed" in shown
        shown = await step(pilot, "escape", "right_square_bracket")
        assert "sees row 1" in shown


async def test_what_is_wrong_stands_beside_the_field_and_keeps_one_there(open_app: Open, ready: Path) -> None:
    async with open_app((140, 36)) as pilot:
        await step(pilot, "n", "enter")
        await step(pilot, "enter")
        pilot.app.screen.query_one("#knob-1").focus()
        shown = await step(pilot, "end", "backspace", "backspace", "x", "enter")
        assert "✖ Input should be a valid integer" in shown
        assert "[3 Recipe]" in shown
        shown = await step(pilot, "backspace", *"7", "enter")
        assert "[4 Review]" in shown
        assert "nlu-rl run demo train.max_steps=7" in shown


async def test_back_loses_nothing_and_asks_before_it_leaves(open_app: Open, ready: Path) -> None:
    async with open_app() as pilot:
        await step(pilot, "n", "enter")
        await step(pilot, "enter")
        screen = pilot.app.screen
        assert isinstance(screen, WizardScreen)
        screen.draft = screen.draft.changed("train.max_steps=9")
        await step(pilot, "escape")
        await step(pilot, "enter")
        assert screen.draft.recipe.train.max_steps == 9
        shown = await step(pilot, "escape", "escape", "escape")
        assert "Leave the new run?" in shown
        await step(pilot, "l")
        assert not isinstance(pilot.app.screen, WizardScreen)


async def test_a_wizard_in_which_nothing_was_changed_is_left_without_a_question(open_app: Open, ready: Path) -> None:
    async with open_app() as pilot:
        await step(pilot, "n", "enter")
        await step(pilot, "escape", "escape")
        assert isinstance(pilot.app.screen, HomeScreen)
        kept = KeptDraft()
        kept.keep(first_draft().changed("seed=7"))
        kept.release()
        await step(pilot, "n")
        await step(pilot, "escape")
        assert isinstance(pilot.app.screen, HomeScreen)
        assert KeptDraft().draft() is not None


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_the_whole_of_an_error_can_be_read(open_app: Open, ready: Path, size: tuple[int, int]) -> None:
    async with open_app(size) as pilot:
        await step(pilot, "n", "3")
        field = pilot.app.screen.query_one("#knob-2", Input)
        field.focus()
        field.value = "many"
        await settled(pilot)
        (error,) = pilot.app.screen.query_one(RecipeStep)._errors.values()
        assert error.endswith("(got 'many').")
        assert "(got 'many')." in screen_text(pilot)
        note = pilot.app.screen.query_one("#note-2")
        assert note.size.width * note.size.height >= len(error)
        field.value = "16"
        await settled(pilot)
        assert note.size.height == 1


async def test_a_run_that_can_come_to_nothing_is_started_only_when_that_is_confirmed(
    open_app: Open, ready: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    some = check_answer_room(get_task("sst2"), get_task("sst2").load("train"), lambda text: 6 + text.count("neg"), 6)
    assert (some.state, some.holds, some.fix) == ("warn", False, "Add generation.max_new_tokens=9.")
    cut = check_answer_room(get_task("sst2"), get_task("sst2").load("train"), len, 2)
    monkeypatch.setattr(review_step, "check_recipe", lambda recipe: [cut])
    async with open_app() as pilot:
        await step(pilot, "n", "4")
        await until(pilot, "every one is")
        shown = await step(pilot, "enter")
        assert "Start it all the same?" in shown
        await step(pilot, "escape")
        assert list_runs() == []
        assert isinstance(pilot.app.screen, WizardScreen)
        await step(pilot, "enter", "s")
        assert isinstance(pilot.app.screen, MonitorScreen)


async def test_the_whole_recipe_can_be_edited(open_app: Open, ready: Path) -> None:
    async with open_app() as pilot:
        await step(pilot, "n", "enter")
        await step(pilot, "enter")
        await step(pilot, "a")
        area = pilot.app.screen.query_one(TextArea)
        text = area.text
        area.text = "model: ["
        assert "not valid YAML" in await step(pilot)
        area.text = text.replace("seed: 1", "seed: 5")
        await step(pilot, "ctrl+s")
        assert pilot.app.screen.draft.command == "nlu-rl run demo seed=5"


async def test_a_start_that_is_asked_for_while_checks_go_on_is_not_forgotten(
    open_app: Open, ready: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    go_on, look = threading.Event(), review_step._look

    def slowly(*arguments: Any) -> Any:
        assert go_on.wait(60)
        return look(*arguments)

    monkeypatch.setattr(review_step, "_look", slowly)
    async with open_app() as pilot:
        await pilot.press("n", "enter", "enter", "enter", "enter")
        review = pilot.app.screen.query_one(review_step.ReviewStep)
        for _ in range(200):  # what waits in a thread goes on, so nothing settles
            await pilot.pause(0.05)
            if asked := review._wish is not None:
                break
        assert asked
        assert not list_runs()
        go_on.set()
        await until(pilot, "7 Samples")
        assert isinstance(pilot.app.screen, MonitorScreen)
        assert len(list_runs()) == 1


async def test_changes_are_undone_one_at_a_time(open_app: Open, ready: Path) -> None:
    async with open_app() as pilot:
        await step(pilot, "n", "3")
        screen = pilot.app.screen
        assert isinstance(screen, WizardScreen)
        first = screen.draft
        screen.query_one("#knob-1").focus()
        await step(pilot, "end", "0", "0")
        steps = screen.draft
        screen.query_one("#knob-0").focus()
        assert "✖ Unknown value" in await step(pilot, "x")
        assert "✖ Unknown value" not in await step(pilot, "escape", "u")
        assert screen.draft == steps
        screen.query_one("#knob-4").focus()
        await step(pilot, "end", "4")
        assert screen.draft != steps != first
        await step(pilot, "escape", "u")
        assert screen.draft == steps
        assert screen.query_one("#knob-4", Input).value == "16"
        await step(pilot, "4", "u")  # at the review too, where the command follows
        assert screen.draft == first
        assert "max_steps" not in screen_text(pilot)
        await step(pilot, "u")
        assert screen.draft == first
        screen.draft = kept = first.changed("seed=7")
        assert "These changes are from before: seed=7" in await step(pilot, "u")
        await step(pilot, "escape")
        assert screen.draft == kept
        await step(pilot, "u", "y")
        assert screen.draft == first


@pytest.mark.parametrize(
    ("old", "new", "refused"),
    [
        ("learning_rate: 0.0005", "learning_rate: fast", "  learning_rate: fast"),
        ("seed: 1", "seed: [", "seed: ["),
        ("  scale: group", "  scale: x", "  scale: x"),
        ("train:", "train:\n  stepps: 3", "  stepps: 3"),
        ("  every: null", "  every: x", "  every: x"),
    ],
)
async def test_a_refused_recipe_is_shown_at_its_line(
    open_app: Open, ready: Path, old: str, new: str, refused: str
) -> None:
    async with open_app((80, 24)) as pilot:
        await step(pilot, "n", "a")
        area = pilot.app.screen.query_one(TextArea)
        area.text = area.text.replace(old, new)
        await step(pilot, "ctrl+s")
        assert area.has_focus
        assert area.document[area.cursor_location[0]] == refused
        assert not area.selected_text, "the next key would take it away"
        assert refused.strip() in screen_text(pilot)


def test_a_key_that_is_not_there_is_shown_at_its_section() -> None:
    text = "model: m\nppo:\n  kl: 1\ngrpo:\n  clip: 2\n"
    assert wrong_line(text, "The key 'ppo.clip' is missing.") == 2
    assert wrong_line(text, "grpo.clip: no.") == 5
    assert wrong_line(text, "The key 'tasks' is missing.") is None


async def test_a_task_brings_its_recipes(open_app: Open, ready: Path) -> None:
    async with open_app() as pilot:
        await step(pilot, "n", "enter")
        await step(pilot, "down")
        assert pilot.app.screen.draft.path == paths.recipes_dir() / "sst2-sft.yaml"
        shown = await step(pilot, "enter")
        assert "sst2-grpo" in shown


def test_a_key_of_any_characters_is_shown_at_its_line() -> None:
    message = "Unknown key '[/b]bad[red]'. Known: evaluate, seed."
    assert wrong_line('seed: 1\n"[/b]bad[red]": 3\nevaluate: {}\n', message) == 2
