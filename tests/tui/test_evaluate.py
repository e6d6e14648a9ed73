"""The evaluations of a run on one axis, the rows that changed, and the jobs that are started from there."""

import json
import time
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable, Input, Static

from cli.conftest import write_rows
from nlu_rl.errors import NluRlError
from nlu_rl.evaluation.listing import evaluations_about, shared_rows
from nlu_rl.runs.jobs import read_job
from nlu_rl.runs.layout import list_runs, open_run
from nlu_rl.runs.status import Failure, Status, write_status
from nlu_rl.tui import operations
from nlu_rl.tui.score_table import axis_of, columns
from nlu_rl.tui.screens.compare import CompareScreen
from nlu_rl.tui.screens.dialogs import ProblemDialog
from nlu_rl.tui.screens.evaluate import EvaluateScreen
from nlu_rl.tui.screens.evaluate_form import EvaluateForm, command_of, wanted_of
from tui.conftest import Open, screen_text, settled
from tui.recorded import record, record_evaluation

pytestmark = pytest.mark.anyio
FIELDS = {"task": "sst2", "split": "", "rows": "all", "seed": "1", "answers": "sample"}


@pytest.fixture
def measured(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A run and its base model, both evaluated on eight rows: four fixed, one broken. No worker is ever started."""
    monkeypatch.setattr(operations, "launch", lambda run: 0)
    write_rows("sst2")
    record_evaluation(None, "--++?-++")
    record_evaluation(record(home, "done-run"), "-+-+-++-")
    return home


def shown(pilot: Pilot[Any], selector: str) -> str:
    return str(pilot.app.screen.query_one(selector, Static).content)


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (200, 55)])
async def test_intervals_confusions_and_changes(open_app: Open, measured: Path, size: tuple[int, int]) -> None:
    async with open_app(size, run="done-run") as pilot:
        await pilot.press("e")
        await settled(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, EvaluateScreen)
        text = screen_text(pilot)
        assert "A ◆  smollm2-135m" in text
        assert "B    done-run@40" in text
        assert text.count("●") == 2
        assert "4 fixed, 1 broken" in text
        assert "No real difference can be told between A and B" in shown(pilot, "#paired")
        assert "[3]" in shown(pilot, "#confusion")
        table = screen.query_one("#changes", DataTable)
        for key, count in (("f", 4), ("b", 1), ("a", 5)):
            await pilot.press(key)
            await settled(pilot)
            assert table.row_count == count
        await pilot.press("tab", "enter")
        await settled(pilot)
        opened = screen_text(pilot)
        assert all(word in opened for word in ("right", "text", "A wrote", "B wrote"))


async def test_evaluations_of_one_run_are_told_apart(open_app: Open, measured: Path) -> None:
    for changed in ({"greedy": True, "shots": 2}, {"samples": 3}):
        other = record_evaluation(open_run("done-run"), "++++++++")
        job = json.loads(other.job_path.read_text())
        other.job_path.write_text(json.dumps({**job, "arguments": {**job["arguments"], **changed}}))
    async with open_app((80, 24), run="done-run") as pilot:
        await pilot.press("e")
        await settled(pilot)
        text = screen_text(pilot)
        assert all(how in text for how in ("seed 1", "2-shot greedy", "3 samples"))
        await pilot.press("down", "down", "r", "up")
        await settled(pilot)
        assert "2-shot greedy" in shown(pilot, "#paired"), "what is compared was not answered alike"


async def test_an_evaluation_under_way_is_no_reference(open_app: Open, measured: Path) -> None:
    other = record_evaluation(open_run("done-run"), "++++++++")
    job = json.loads(other.job_path.read_text())
    other.job_path.write_text(json.dumps({**job, "arguments": {**job["arguments"], "seed": 7}}))
    write_status(other, Status(kind="evaluate", state="queued", heartbeat=time.time()))
    async with open_app(run="done-run") as pilot:
        await pilot.press("e")
        await settled(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, EvaluateScreen)
        before = screen.reference
        while screen.current is None or screen.current.result:
            await pilot.press("down")
        await pilot.press("r")
        assert screen.reference == before


async def test_it_opens_where_there_is_something_to_compare(open_app: Open, measured: Path) -> None:
    other = record_evaluation(open_run("done-run"), "++++++++")
    job = json.loads(other.job_path.read_text())
    other.job_path.write_text(json.dumps({**job, "arguments": {**job["arguments"], "examples": 8}}))
    async with open_app(run="done-run") as pilot:
        await pilot.press("e")
        await settled(pilot)
        assert pilot.app.screen.query_one("#scores", DataTable).row_count == 3
        assert "4 fixed, 1 broken" in screen_text(pilot)
        assert "read strict 1.00: just an answer, tag closed · lenient 1.00" in screen_text(pilot)
        await pilot.press("down")
        await settled(pilot)
        assert "0 fixed" not in screen_text(pilot)  # it is the only one on its rows
        await pilot.press("enter")
        assert "lenient 1.00: found in the text" in screen_text(pilot)


async def test_another_reference_turns_the_comparison_round(open_app: Open, measured: Path) -> None:
    async with open_app(run="done-run") as pilot:
        await pilot.press("e")
        await settled(pilot)
        await pilot.press("r", "up")
        await settled(pilot)
        assert "1 fixed, 4 broken" in screen_text(pilot)
        assert "between B and A" in shown(pilot, "#paired")


async def test_starting_one_makes_the_job_the_shell_would_make(open_app: Open, measured: Path) -> None:
    async with open_app(run="done-run") as pilot:
        await pilot.press("e")
        await settled(pilot)
        await pilot.press("n")
        await settled(pilot)
        form = pilot.app.screen
        assert isinstance(form, EvaluateForm)
        form.query_one("#rows", Input).value = "none"
        await settled(pilot)
        assert "is no number of rows" in shown(pilot, "#wrong")
        await pilot.press("enter")
        assert pilot.app.screen is form
        form.query_one("#rows", Input).value = "4"
        form.query_one("#answers", Input).value = "greedy"
        await settled(pilot)
        assert shown(pilot, "#command") == "nlu-rl eval done-run --task sst2 --examples 4 --seed 1 --greedy"
        await pilot.press("enter")
        await settled(pilot)
        made = list_runs(open_run("done-run").eval_dir)[-1]
        asked = read_job(made).arguments
        assert (asked["task"], asked["examples"], asked["greedy"]) == ("sst2", 4, True)
        assert pilot.app.screen.has_class("-running")
        write_status(made, Status(kind="evaluate", state="failed", error=Failure("No memory.", "Use less.")))
        for _ in range(20):
            await settled(pilot)
            if isinstance(pilot.app.screen, ProblemDialog):
                break
            await pilot.pause(0.2)
        assert "No memory." in screen_text(pilot)


async def test_the_base_model_is_measured_on_the_same_rows(open_app: Open, home: Path, monkeypatch: Any) -> None:
    monkeypatch.setattr(operations, "launch", lambda run: 0)
    asked: list[Any] = []
    monkeypatch.setattr(operations, "evaluate", lambda name, **values: asked.append((name, values)) or open_run("r"))
    write_rows("sst2")
    record_evaluation(record(home, "r"), "-+-+-++-")
    async with open_app(run="r") as pilot:
        await pilot.press("e")
        await settled(pilot)
        await pilot.press("z")
        await settled(pilot)
    ((name, values),) = asked
    assert name == "smollm2-135m"
    assert (values["task"], values["split"], values["seed"]) == ("sst2", "validation", 1)


async def test_rows_that_are_not_there_are_explained(open_app: Open, runs: Path) -> None:
    async with open_app(run="done-run") as pilot:
        await pilot.press("e")
        await settled(pilot)
        assert "Nothing was evaluated yet" in screen_text(pilot)
        await pilot.press("n")
        await settled(pilot)
        await pilot.press("enter")
        await settled(pilot)
        assert isinstance(pilot.app.screen, ProblemDialog)


async def test_two_runs_are_held_against_each_other(open_app: Open, measured: Path) -> None:
    other = record(measured, "other-run")
    first = open_run("done-run")
    assert shared_rows(first, other) is None
    async with open_app() as pilot:
        await pilot.app.push_screen(CompareScreen([first, other]))
        await settled(pilot)
        assert "e evaluates A, B on the same rows" in shown(pilot, "#paired")
        await pilot.press("e", "e")
        await settled(pilot)
        (made,) = list_runs(other.eval_dir) or [None]
        assert made is None  # the first run's evaluation goes before
    record_evaluation(other, "-+-+-+-+")
    async with open_app() as pilot:
        await pilot.app.push_screen(CompareScreen([first, other]))
        await settled(pilot)
        assert "sst2: No real difference can be told between A and B" in shown(pilot, "#paired")


def test_what_lies_beside_a_run(measured: Path) -> None:
    record_evaluation(None, "--------", model="qwen2.5-0.5b")
    found = evaluations_about(open_run("done-run"))
    assert [one.name for one in found] == ["smollm2-135m", "done-run@40"]
    first, last = axis_of(found)
    assert 0 <= first < last <= 1
    assert [title for title, _ in columns(found, 120)][:5] == ["", "evaluated", "rows", "answers", "score"]
    assert sum(cells + 2 for _, cells in columns(found, 44)) <= 44


@pytest.mark.parametrize(
    "wrong", [{"task": "ssst2"}, {"split": "dev"}, {"rows": "0"}, {"seed": "-1"}, {"answers": "x"}]
)
def test_what_cannot_be_asked(wrong: dict[str, str]) -> None:
    with pytest.raises(NluRlError):
        wanted_of({**FIELDS, **wrong})


def test_the_same_evaluation_for_the_shell(measured: Path) -> None:
    (base, own) = evaluations_about(open_run("done-run"))
    assert command_of(base.arguments) == "nlu-rl eval smollm2-135m --task sst2 --split validation --seed 1"
    assert command_of(own.arguments).endswith("--seed 1 --checkpoint 40")
