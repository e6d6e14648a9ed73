"""The worker's side: every end is recorded, the lock holds, requests are heard, and a full disk is survived."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from nlu_rl import paths
from nlu_rl.errors import DataError, RunError
from nlu_rl.runs import control, reporter
from nlu_rl.runs.events import read_events
from nlu_rl.runs.jobs import Job
from nlu_rl.runs.layout import RunDirectory, create_run
from nlu_rl.runs.lock import RunBusyError, RunLock
from nlu_rl.runs.reporter import Reporter, job
from nlu_rl.runs.status import read_status


@pytest.fixture
def run(home: Path) -> RunDirectory:
    return create_run(paths.runs_dir(), "run", Job("train"))


def types(run: RunDirectory) -> list[str]:
    return [event["type"] for event in read_events(run.events_path)]


def test_a_job_from_start_to_result(run: RunDirectory) -> None:
    with job(run) as told:
        status = read_status(run)
        assert (status.state, status.pid) == ("loading", os.getpid())
        told.state("training", step=0, total=2)
        told.progress("validation", 3, 10)
        assert read_status(run).progress == (3, 10)
        told.step(1, {"reward": 0.5})
        told.sample({"step": 1, "prompt": "p"})
        assert (read_status(run).step, read_status(run).total) == (1, 2)
        told.state("evaluating")
        assert read_status(run).progress is None
        told.result = {"scores": {"accuracy": 0.5}}
    status = read_status(run)
    assert status.state == "done"
    assert status.ended is not None
    assert json.loads(run.result_path.read_text()) == {"scores": {"accuracy": 0.5}}
    assert types(run) == ["state", "step", "state", "state"]
    assert json.loads(run.samples_path.read_text())["prompt"] == "p"


def test_the_users_error_is_recorded_with_its_fix(run: RunDirectory) -> None:
    with pytest.raises(SystemExit) as end, job(run):
        raise DataError("No rows.", "Fetch them.")
    assert end.value.code == 2
    status = read_status(run)
    assert status.state == "failed"
    assert status.error is not None
    assert (status.error.message, status.error.fix, status.error.exit_code) == ("No rows.", "Fetch them.", 2)


@pytest.mark.parametrize(
    ("error", "words", "code"),
    [
        (ZeroDivisionError("oh"), "ZeroDivisionError: oh", 1),
        (MemoryError(), "not enough memory", 2),
        (OSError(28, "No space left on device"), "disk is full", 2),
        (FileNotFoundError(2, "No such file"), "FileNotFoundError", 1),
    ],
)
def test_an_unexpected_error_is_recorded(
    run: RunDirectory, error: Exception, words: str, code: int, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as end, job(run):
        raise error
    assert end.value.code == code
    status = read_status(run)
    assert status.state == "failed"
    assert status.error is not None
    assert words in status.error.message
    assert "Traceback" in capsys.readouterr().err  # the log's


def test_an_acknowledged_stop_ends_as_stopped(run: RunDirectory) -> None:
    control.request(run, "stop")
    with job(run) as told:
        assert told.requested() == {"stop"}
        told.acknowledge("stop")
        assert told.requested() == set()
    assert read_status(run).state == "stopped"
    assert "control" in types(run)


def test_the_result_may_name_the_state(run: RunDirectory) -> None:
    with job(run) as told:
        told.acknowledge("stop")
        told.result = {"state": "done"}
    assert read_status(run).state == "done"


def test_terminate_asks_first_and_then_ends(run: RunDirectory) -> None:
    with job(run) as told:
        os.kill(os.getpid(), signal.SIGTERM)
        assert told.requested() == {"stop"}
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
        pytest.fail("not ended")
    assert read_status(run).state == "stopped"
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


@pytest.mark.parametrize("way", ["request", "signal"])
def test_an_evaluation_that_loads_ends_at_the_first_stop(home: Path, monkeypatch: pytest.MonkeyPatch, way: str) -> None:
    monkeypatch.setattr(reporter, "HEARTBEAT_SECONDS", 0.02)
    run = create_run(paths.runs_dir(), "evaluation", Job("evaluate"))
    with job(run):
        if way == "request":
            control.request(run, "stop")
        else:
            os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(20)  # as a library does that loads a model
        pytest.fail("not ended")
    assert read_status(run).state == "stopped"
    assert signal.getsignal(signal.SIGTERM) == signal.SIG_DFL


def test_an_evaluation_that_answers_ends_its_rows_first(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporter, "HEARTBEAT_SECONDS", 0.02)
    run = create_run(paths.runs_dir(), "evaluation", Job("evaluate"))
    with job(run) as told:
        told.state("evaluating")
        control.request(run, "stop")
        beat = read_status(run).heartbeat
        while read_status(run).heartbeat == beat:
            time.sleep(0.02)
        assert told.requested() == {"stop"}
        told.acknowledge("stop")
    assert read_status(run).state == "stopped"


def test_a_second_worker_is_refused_and_changes_nothing(run: RunDirectory) -> None:
    with Reporter(run) as told:
        told.state("training", step=5)
        before = run.status_path.read_text(), run.events_path.read_text()
        script = (
            "import sys; from pathlib import Path; from nlu_rl.runs.layout import RunDirectory;"
            "from nlu_rl.runs.reporter import job\n"
            "with job(RunDirectory(Path(sys.argv[1]))): print('ran')"
        )
        second = subprocess.run([sys.executable, "-c", script, run.path], capture_output=True, text=True, check=False)
        assert second.returncode == 2
        assert f"already has a worker (process {os.getpid()})" in second.stderr
        assert "ran" not in second.stdout
        assert json.loads(before[0])["pid"] == json.loads(run.status_path.read_text())["pid"]
        assert run.events_path.read_text() == before[1]


def test_the_lock_of_a_killed_process_is_free(run: RunDirectory) -> None:
    script = (
        "import sys, time; from pathlib import Path; from nlu_rl.runs.layout import RunDirectory;"
        "from nlu_rl.runs.lock import RunLock\n"
        "lock = RunLock(RunDirectory(Path(sys.argv[1]))); print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, run.path], stdout=subprocess.PIPE, text=True) as holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(RunBusyError, match=f"process {holder.pid}"):
            RunLock(run)
        holder.kill()
        holder.wait()
        with RunLock(run):
            pass


def test_a_worker_whose_run_was_removed_ends_and_leaves_the_next_one_alone(run: RunDirectory) -> None:
    script = (
        "import sys, time; from pathlib import Path; from nlu_rl.runs import reporter\n"
        "from nlu_rl.runs.layout import RunDirectory\n"
        "reporter.HEARTBEAT_SECONDS = 0.05\n"
        "with reporter.job(RunDirectory(Path(sys.argv[1]))): print('held', flush=True); time.sleep(60)"
    )
    with subprocess.Popen([sys.executable, "-c", script, run.path], stdout=subprocess.PIPE, text=True) as orphan:
        assert orphan.stdout is not None
        orphan.stdout.readline()
        shutil.rmtree(run.path)
        again = create_run(run.path.parent, run.path.name, Job("train"), exact=True)
        assert orphan.wait(10) == 1
    assert read_status(again).state == "queued"
    assert again.events_path.read_text() == ""


def test_the_heart_beats(run: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(reporter, "HEARTBEAT_SECONDS", 0.02)
    with Reporter(run):
        first = read_status(run).heartbeat
        deadline = time.monotonic() + 5
        while read_status(run).heartbeat == first:
            assert time.monotonic() < deadline
            time.sleep(0.01)


def test_a_full_disk_surfaces_at_the_step(run: RunDirectory, full_disk: Callable[[], None]) -> None:
    with Reporter(run) as told:
        told.state("training", step=4, total=9)
        full_disk()
        with pytest.raises(RunError, match="No space left"):
            told.step(5, {"reward": 1.0})
    assert read_status(run).state == "done"  # the end is written over what was there


def test_a_status_that_cannot_be_written_does_not_end_the_run(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device")

    with job(run) as told:
        with monkeypatch.context() as patch:
            patch.setattr(reporter, "write_status", full)
            told.step(1, {"reward": 1.0})
        told.step(2, {"reward": 1.0})
        assert read_status(run).step == 2
    assert read_status(run).state == "done"
    assert types(run).count("step") == 2


def test_results_and_events_hold_no_nan(run: RunDirectory) -> None:
    with job(run) as told:
        told.result = {"score": float("nan"), "path": Path("/x")}
    assert json.loads(run.result_path.read_text()) == {"score": None, "path": "/x"}


def test_an_unknown_request_is_our_mistake(run: RunDirectory) -> None:
    with pytest.raises(ValueError, match="unknown request"):
        control.request(run, "../../etc")
    (run.control_dir / "stop.swp").touch()
    assert control.pending(run) == set()
    for name in control.NAMES:
        control.request(run, name)
    control.clear(run)
    assert control.pending(run) == set()


def test_a_run_whose_folder_is_gone(home: Path) -> None:
    with pytest.raises(RunError):
        Reporter(RunDirectory(home / "nowhere"))
