"""The export of a run: its checks as progress, its figures, and the commands that serve it."""

import json
from pathlib import Path

import pytest
from textual.widgets import Static

from nlu_rl.export.check_text import CHECKING, MERGING, figures
from nlu_rl.runs.jobs import Job, read_job
from nlu_rl.runs.layout import RunDirectory, create_run, list_runs, open_run
from nlu_rl.runs.status import Failure, Status, write_status
from nlu_rl.tui import operations
from nlu_rl.tui.export_text import checks_text, place_of
from nlu_rl.tui.screens.dialogs import ProblemDialog
from nlu_rl.tui.screens.export import ExportScreen
from tui.conftest import Open, screen_text, settled

pytestmark = pytest.mark.anyio
FIGURES = {
    "weights_checked": 210,
    "kept_update": 0.89,
    "logit_rms": 0.1,
    "logit_rms_allowed": 0.2,
    "prompts": 8,
    "same_answers": 1.0,
    "rows": 120,
    "changed_completions": 4,
    "score_adapter": 0.9,
    "score_export": 0.9,
    "p": 1.0,
    "bytes": 272_000_000,
}


@pytest.fixture(autouse=True)
def no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(operations, "launch", lambda run: 0)


def exported(home: Path, gguf: str | None = None) -> RunDirectory:
    """Write a finished export of the done run."""
    folder = home / "exports" / "done-run"
    folder.mkdir(parents=True)
    run = open_run("done-run")
    job = create_run(run.export_dir, "export", Job("export", {"run": run.name, "to": str(folder), "gguf": gguf}))
    more = {"gguf": str(folder / "model.gguf"), "gguf_check": "it loads"} if gguf else {}
    job.result_path.write_text(json.dumps({"path": str(folder), "checkpoint": "step-40", **FIGURES, **more}))
    write_status(job, Status(kind="export", state="done"))
    return job


async def test_enter_starts_the_job_the_shell_would_start(open_app: Open, runs: Path) -> None:
    async with open_app(run="done-run") as pilot:
        await pilot.press("x")
        await settled(pilot)
        assert isinstance(pilot.app.screen, ExportScreen)
        assert "○ Every weight is base + adapter" in screen_text(pilot)
        await pilot.press("g", "enter")
        await settled(pilot)
        [made] = list_runs(open_run("done-run").export_dir)
        job = read_job(made)
        assert (job.kind, job.arguments["to"]) == ("export", str(runs / "exports" / "done-run"))
        assert job.arguments["gguf"] == "bf16"
        assert "● The base model's files are here" in screen_text(pilot)


async def test_what_was_proven_and_the_commands_to_copy(open_app: Open, runs: Path) -> None:
    exported(runs, gguf="bf16")
    async with open_app((80, 24), run="done-run") as pilot:
        await pilot.press("x")
        await settled(pilot)
        assert "✔ Weights: 210 adapted tensors" in screen_text(pilot)
        for program in ("vLLM", "transformers", "llama.cpp", "Ollama"):
            assert program in screen_text(pilot)
        await pilot.press("down", "y")
        await settled(pilot)
        assert pilot.app.clipboard == f"transformers serve {runs / 'exports' / 'done-run'}"
        await pilot.press("up", "enter")
        await settled(pilot)
        assert pilot.app.clipboard.startswith("vllm serve ")
        await pilot.press("p")
        assert pilot.app.clipboard == str(runs / "exports" / "done-run")


async def test_another_export_can_be_made_with_a_gguf_file(open_app: Open, runs: Path) -> None:
    exported(runs)
    async with open_app((80, 24), run="done-run") as pilot:
        await pilot.press("x")
        await settled(pilot)
        await pilot.press("g")
        assert "[ ] GGUF file" in screen_text(pilot)
        await pilot.press("a")
        await settled(pilot)
        assert "What goes to exports/done-run-2" in screen_text(pilot)
        assert "○ Every weight is base + adapter" in screen_text(pilot)
        await pilot.press("g", "y")
        assert "[x] GGUF file" in screen_text(pilot)
        assert pilot.app.clipboard == f"nlu-rl export done-run --to {runs / 'exports' / 'done-run-2'} --gguf"
        await pilot.press("enter")
        await settled(pilot)
        made = read_job(list_runs(open_run("done-run").export_dir)[-1])
        assert made.arguments["to"] == str(runs / "exports" / "done-run-2")
        assert made.arguments["gguf"] == "bf16"
        await pilot.press("a")
        assert "What goes to exports/done-run-2" in screen_text(pilot)  # not while one is under way


async def test_one_that_fails_says_why(open_app: Open, runs: Path) -> None:
    async with open_app(run="done-run") as pilot:
        await pilot.press("x", "enter")
        await settled(pilot)
        [made] = list_runs(open_run("done-run").export_dir)
        error = Failure("The exported model is not the one that was trained: its weights.", "It was left aside.")
        write_status(made, Status(kind="export", state="failed", phase=CHECKING, progress=(0, 4), error=error))
        for _ in range(20):
            await settled(pilot)
            if "✖" in str(pilot.app.screen.query_one("#checks", Static).content):
                break
            await pilot.pause(0.2)
        assert "✖ Every weight is base + adapter" in screen_text(pilot)
        assert "It was left aside." in screen_text(pilot)


async def test_what_is_in_the_way_is_told(open_app: Open, runs: Path) -> None:
    (runs / "exports" / "done-run").mkdir(parents=True)
    (runs / "exports" / "done-run" / "mine").touch()
    async with open_app(run="done-run") as pilot:
        await pilot.press("x", "enter")
        await settled(pilot)
        assert isinstance(pilot.app.screen, ProblemDialog)


async def test_the_checks_are_the_progress(open_app: Open) -> None:
    assert place_of(Status(kind="export", state="saving", phase=MERGING, progress=(0, None)), gguf=False) == 1
    status = Status(kind="export", state="evaluating", phase=CHECKING, progress=(2, 4))
    async with open_app() as pilot:
        marks = [line[0] for line in checks_text(pilot.app, status, {}, gguf=True).plain.splitlines()]
        assert "".join(marks) == "✔✔✔✔●○○○○"
    assert figures(FIGURES)[0].startswith("weights: 210 adapted tensors are base + adapter in bfloat16, 89%")
