"""`nlu-rl reproduce` on the tiny model: the plan, what is run, killed and gone on with, and the table."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from nlu_rl import paths, worker
from nlu_rl.cli import reproduce_run
from nlu_rl.cli.main import run_cli
from nlu_rl.data.cache import write_splits
from nlu_rl.data.checks import SplitRows
from nlu_rl.data.schema import get_schema
from nlu_rl.runs.checkpoints import latest_checkpoint
from nlu_rl.runs.jobs import read_job
from nlu_rl.runs.layout import RunDirectory, create_run, list_runs
from nlu_rl.runs.resume import requeue
from nlu_rl.runs.status import read_status
from nlu_rl.tasks.registry import get_task
from tiny_encoder import write_tiny_encoder
from trained_run import write_sst2


@pytest.fixture(autouse=True)
def rows(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "160")
    write_sst2(validation=12, train=24)


@pytest.fixture
def followed(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Let the worker run in this process, which has the heavy libraries already; return what it was started for."""
    started: list[str] = []

    def follow(run: RunDirectory, *, json: bool, over: Callable[[], bool] | None = None) -> str:
        started.append(run.name)
        if not read_status(run).live:
            requeue(run)
        with reproduce_run._watched(run, over):
            worker.main(str(run.path))
        return read_status(run).state

    monkeypatch.setattr(reproduce_run, "_follow", follow)
    return started


def one_row(name: str) -> SplitRows:
    schema = get_schema(name)
    row = {"id": "0", "fields": dict.fromkeys(schema.fields, "a text"), "gold": (schema.answers or ("1.0",))[0]}
    return SplitRows(schema, get_task(name).evaluation_split, "a test", [row])


@pytest.fixture
def command(tiny_model_dir: Path, tmp_path: Path) -> list[str]:
    encoder = write_tiny_encoder(tmp_path / "tiny-bert")
    small = ["--set", "train.batch=4", "--set", "train.micro_batch_tokens=4000", "--set", "generation.max_new_tokens=3"]
    return [
        "reproduce",
        "glue",
        "--model",
        str(tiny_model_dir),
        *("--tasks", "sst2", "--methods", "zero-shot,few-shot,sft-st,ppo-st,encoder", "--encoder", str(encoder)),
        *("--budget", "2steps", "--shots", "2", *small),
    ]


def answer(capsys: pytest.CaptureFixture[str], *arguments: str, code: int = 0) -> Any:
    found = run_cli([*arguments, "--json"])
    out, err = capsys.readouterr()
    assert found == code, err
    assert "Traceback" not in err
    return json.loads(out)


def test_the_plan_runs_nothing(command: list[str], capsys: pytest.CaptureFixture[str], followed: list[str]) -> None:
    plan = answer(capsys, *command, "--dry-run")
    assert [step["step"] for step in plan["steps"]] == [
        "score zero-shot on sst2, seed 1",
        "score few-shot (2 shots) on sst2, seed 1",
        "train sft on sst2, seed 1",
        "score SFT-ST on sst2, seed 1",
        "train ppo on sst2, seed 1",
        "score PPO-ST on sst2, seed 1",
        "train encoder on sst2, seed 1",
        "score encoder on sst2, seed 1",
    ]
    assert {step["state"] for step in plan["steps"]} == {"to do"}
    assert plan["seconds"] > 0
    assert not followed
    assert not list_runs()
    assert run_cli([*command, "--dry-run"]) == 0
    shown = capsys.readouterr().out
    assert "8 of 8 steps to do" in shown
    assert "2 steps a training run" in shown


def test_the_table_is_made_killed_gone_on_with_and_not_made_twice(
    command: list[str], capsys: pytest.CaptureFixture[str], followed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    follow = reproduce_run._follow

    def killed(run: RunDirectory, **options: Any) -> str:
        if read_job(run).kind == "train" and len(followed) >= 3:
            raise KeyboardInterrupt  # after the run was made, before its worker did anything
        return follow(run, **options)

    with monkeypatch.context() as patch:
        patch.setattr(reproduce_run, "_follow", killed)
        assert run_cli(command) == 130
    page = next((paths.home() / "reports").rglob("report.html"))
    assert "zero-shot" in page.read_text(encoding="utf-8"), "what was done until then is written"
    capsys.readouterr()
    done = list(followed)
    result = answer(capsys, *command)
    assert (result["cells"], result["done"], result["failures"]) == (5, 5, [])
    assert not set(done) & set(followed[len(done) :]), "nothing that was done is done again"
    kinds = [read_job(run).kind for run in list_runs()]
    assert sorted(kinds) == ["encoder", "evaluate", "evaluate", "train", "train"]
    before = len(followed)
    again = answer(capsys, *command)
    assert again["done"] == 5
    assert len(followed) == before
    plan = answer(capsys, *command, "--dry-run")
    assert {step["state"] for step in plan["steps"]} == {"done"}
    assert plan["seconds"] == 0
    text = Path(result["md"]).read_text(encoding="utf-8")
    for line in ("| PPO-ST | ", "| paper: PPO-ST | 96.4 |", "| encoder | ", "2 steps a training run"):
        assert line in text, line
    assert "<svg" in Path(result["html"]).read_text(encoding="utf-8")
    more = answer(capsys, *command, "--seeds", "1,2", "--methods", "zero-shot")
    assert more["done"] == 2
    assert len(followed) == before + 1, "only the new seed is run"


def test_time_that_is_up_ends_a_run_with_a_checkpoint_that_is_scored(
    command: list[str], capsys: pytest.CaptureFixture[str], followed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reproduce_run, "POLL_SECONDS", 0.01)
    limited = [*command, "--methods", "sft-st", "--budget", "0.0005min,5000steps"]
    result = answer(capsys, *limited)
    assert result["done"] == 1
    [run] = list_runs()
    assert read_status(run).state == "stopped"
    assert latest_checkpoint(run) is not None
    assert read_status(run).step < 5000
    before = len(followed)
    assert answer(capsys, *limited)["done"] == 1
    assert len(followed) == before, "a run that has had its time is not started again"


def test_a_step_that_fails_does_not_stop_the_others(
    command: list[str], capsys: pytest.CaptureFixture[str], followed: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    from nlu_rl.errors import DataError

    follow = reproduce_run._follow

    def failing(run: RunDirectory, **options: Any) -> str:
        if read_job(run).kind == "train":
            raise DataError("The disk is gone.", "Bring it back.")
        return follow(run, **options)

    monkeypatch.setattr(reproduce_run, "_follow", failing)
    assert run_cli([*command, "--methods", "sft-st,zero-shot", "--json"]) == 2
    out, err = capsys.readouterr()
    result = json.loads(out)
    assert result["done"] == 1
    assert result["failures"] == ["train sft on sst2, seed 1: The disk is gone."]
    assert "1 of 3 steps failed" in err


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        (["gleu", "--model", "MODEL"], "Did you mean 'glue'"),
        (["glue", "--model", "nothing"], "Unknown model 'nothing'"),
        (["glue", "--model", "minilm-l6"], "writes no text"),
        (["glue", "--model", str(Path(__file__).parent), "--tasks", "sst2", "--dry-run"], "has no config.json"),
        (["glue", "--model", "MODEL", "--tasks", "sst3"], "Did you mean 'sst2'"),
        (["glue", "--model", "MODEL", "--tasks", "cola"], "no rows to score cola on"),
        (["glue", "--model", "MODEL", "--tasks", "sst2", "--methods", "ppo"], "Unknown method 'ppo'"),
        (["glue", "--model", "MODEL", "--tasks", "sst2", "--budget", "soon"], "'soon' is not a budget"),
        (["glue", "--model", "MODEL", "--tasks", "sst2", "--seeds", "one"], "not a list of seeds"),
        (["glue", "--model", "MODEL", "--tasks", "sst2", "--shots", "0"], "not a number of demonstrations"),
        (["glue", "--model", "MODEL", "--tasks", "sst2", "--encoder", "bert"], "Unknown encoder 'bert'"),
        (["glue", "--model", "MODEL", "--tasks", "sst2", "--set", "train.btach=2"], "btach"),
        (["glue", "--model", "MODEL", "--tasks", "sst2", "--also", "nowhere"], "Unknown run or model 'nowhere'"),
        (["glue", "--model", "MODEL", "--tasks", "sst2", "--shots", "6"], "from 1 to 5"),
        (["glue", "--model", "MODEL", "--tasks", ","], "',' names nothing"),
        (["glue", "--model", "MODEL", "--tasks", "sst2", "--methods", " , "], "names nothing"),
        (["glue", "--model", "MODEL", "--tasks", "sst2", "--budget", "2steps,3steps"], "names steps twice"),
        (["glue", "--model", "MODEL", "--tasks", "sst2", "--budget", "2min,1h"], "names times twice"),
        (["squad", "--model", "MODEL"], "no rows to score squad on"),
    ],
    ids=lambda value: " ".join(value[3:]) if isinstance(value, list) else "",
)
def test_what_cannot_be_is_told_before_anything_runs(
    changes: list[str], expected: str, tiny_model_dir: Path, capsys: pytest.CaptureFixture[str], followed: list[str]
) -> None:
    names = [str(tiny_model_dir) if part == "MODEL" else part for part in changes]
    assert run_cli(["reproduce", *names]) == 2
    err = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert expected in err
    assert "Traceback" not in err
    assert not followed


def test_what_is_left_out_for_want_of_training_rows_is_told(
    tiny_model_dir: Path, capsys: pytest.CaptureFixture[str], followed: list[str]
) -> None:
    write_splits("babi-nli", [one_row("babi-nli")])
    write_splits("emotion", [one_row("emotion")])
    command = ["reproduce", "transfer", "--model", str(tiny_model_dir), "--tasks", "babi-nli,emotion", "--dry-run"]
    assert run_cli([*command, "--json"]) == 0
    out, err = capsys.readouterr()
    plan = json.loads(out)
    steps = [step["step"] for step in plan["steps"]]
    assert "score PPO-ST on emotion, seed 1" in steps
    assert "score PPO-ST on babi-nli, seed 1" not in steps
    assert list(plan["left_out"]) == ["PPO-ST on babi-nli"], "zero-shot is asked without training rows"
    told = " ".join(err.split())
    assert (
        "Left out: PPO-ST on babi-nli. There are no rows of mnli to train on. Run 'nlu-rl data fetch glue/mnli'" in told
    )
    assert "year" not in told


def test_a_plan_of_years_is_warned_of(command: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli([*command, "--budget", "99999999999999steps", "--methods", "sft-st", "--dry-run"]) == 0
    assert "warning: this takes about" in capsys.readouterr().err


def test_two_at_once_are_refused(command: list[str], capsys: pytest.CaptureFixture[str], followed: list[str]) -> None:
    with reproduce_run.alone():
        assert run_cli([*command, "--methods", "zero-shot"]) == 2
    told = " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert "Another 'nlu-rl reproduce' is at work" in told
    assert "to do" not in told, "refused before the plan is shown"


def test_a_worker_that_outlived_its_command_counts_as_running(
    command: list[str], capsys: pytest.CaptureFixture[str], followed: list[str]
) -> None:
    assert answer(capsys, *command, "--methods", "sft-st")["done"] == 1
    [run] = list_runs()
    from nlu_rl.runs.jobs import Job
    from nlu_rl.runs.layout import RunDirectory as Directory

    source = run.source_path.read_text(encoding="utf-8")
    for path in (run.path,):
        path.rename(path.with_name("moved"))
    Directory(run.path.with_name("moved")).job_path.unlink()
    create_run(paths.runs_dir(), "other", Job("train"), source, source)
    plan = answer(capsys, *command, "--methods", "sft-st", "--dry-run")
    assert plan["steps"][0]["state"] == "running", "a queued run of this recipe, whoever made it"
