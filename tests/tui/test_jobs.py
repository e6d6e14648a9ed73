"""Evaluation and export from the interface: which jobs are made, and how their results read."""

from pathlib import Path

import pytest

from cli.conftest import write_rows
from nlu_rl.runs.jobs import read_job
from nlu_rl.runs.layout import list_runs, open_run
from nlu_rl.tui import operations
from nlu_rl.tui.evaluation_text import interval_bar, result_text
from nlu_rl.tui.screens.dialogs import ProblemDialog
from nlu_rl.tui.screens.monitor import MonitorScreen
from tui.conftest import Open, screen_text, settled

pytestmark = pytest.mark.anyio
RESULT = {
    "task": "sst2",
    "split": "validation",
    "n": 4,
    "metric": "accuracy",
    "scores": {"f1": 0.7, "accuracy": 0.75},
    "intervals": {"f1": [0.4, 1.0], "accuracy": [0.5, 1.0]},
    "parse_rate": 1.0,
    "confusion": {"labels": ["neg", "pos"], "answers": ["neg", "pos", "unparsed"], "counts": [[1, 1, 0], [0, 2, 0]]},
    "predictions": "/p",
}


@pytest.fixture(autouse=True)
def no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "launch", lambda run: 0)


async def test_evaluating_makes_the_job_the_shell_would_make(open_app: Open, runs: Path) -> None:
    write_rows("sst2")
    async with open_app(run="done-run") as pilot:
        await pilot.press("e")
        assert "Evaluate done-run?" in screen_text(pilot)
        await pilot.press("g")
        await settled(pilot)
        assert isinstance(pilot.app.screen, MonitorScreen)
        [made] = list_runs(open_run("done-run").eval_dir)
        job = read_job(made)
        assert job.kind == "evaluate"
        assert (job.arguments["run"], job.arguments["task"], job.arguments["greedy"]) == ("done-run", "sst2", True)


async def test_exporting_makes_its_job_and_refuses_an_untrained_run(open_app: Open, runs: Path) -> None:
    async with open_app(run="done-run") as pilot:
        await pilot.press("x", "x")
        await settled(pilot)
        [made] = list_runs(open_run("done-run").export_dir)
        assert read_job(made).arguments["to"] == str(runs / "exports" / "done-run")


async def test_what_cannot_be_evaluated_is_explained(open_app: Open, runs: Path) -> None:
    async with open_app(run="done-run") as pilot:
        await pilot.press("e", "e")
        await settled(pilot)
        assert isinstance(pilot.app.screen, ProblemDialog)


async def test_an_evaluation_reads_as_intervals_and_confusions(open_app: Open) -> None:
    async with open_app() as pilot:
        shown = result_text(pilot.app, "evaluate", RESULT).plain
        lines = shown.splitlines()
        assert lines[1].startswith("accuracy        .750")
        assert lines[2].startswith("f1")
        assert "[2]" in shown
        assert "unparsed" in shown
        assert "was trained: /x" in result_text(pilot.app, "export", {"path": "/x", "same_answers": 1.0}).plain


def test_an_interval_lies_on_its_axis() -> None:
    assert interval_bar(0.0, 0.5, 1.0, 0.0, 1.0, 5) == "├─●─┤"
    assert interval_bar(0.5, 0.5, 0.5, 0.0, 1.0, 5) == "  ●  "
