"""Removing can be undone, and nothing that runs is removed or started twice."""

import json
import os
import time
from pathlib import Path

import pytest

from nlu_rl import paths
from nlu_rl.errors import RunError
from nlu_rl.runs import control
from nlu_rl.runs.jobs import Job
from nlu_rl.runs.layout import RunDirectory, create_run, list_runs, open_run
from nlu_rl.runs.lock import RunBusyError, RunLock
from nlu_rl.runs.resume import drop_samples, requeue
from nlu_rl.runs.status import Status, host_name, process_started, read_status, write_status
from nlu_rl.runs.trash import at_work, empty, removable, remove, restore, trashed


def test_a_damaged_run_is_removed_as_it_is(home: Path) -> None:
    run = make("done")
    run.job_path.write_text("{")
    files = {path.name for path in run.path.iterdir()}
    with pytest.raises(RunError, match="no run 'none'"):
        removable("none")
    there = remove(removable("run-01"))
    assert {path.name for path in there.iterdir()} == files  # no lock is written into it
    assert restore("run-01").path == run.path


def make(state: str, kind: str = "train") -> RunDirectory:
    run = create_run(paths.runs_dir(), "run", Job(kind))  # type: ignore[arg-type]
    pid = os.getpid()
    status = Status(
        kind=kind, state=state, pid=pid, pid_started=process_started(pid), host=host_name(), step=9, total=20
    )  # type: ignore[arg-type]
    write_status(run, status)
    return run


def test_removed_runs_come_back(home: Path) -> None:
    run = make("done")
    remove(run)
    assert list_runs() == []
    assert trashed() == ["run-01"]
    again = make("done")
    with pytest.raises(RunError, match="again"):
        restore("run-01")
    remove(again)
    assert len(trashed()) == 2
    assert restore("run-01").path == again.path
    with pytest.raises(RunError, match="Unknown removed run"):
        restore("rnu")
    assert empty() == 1
    with pytest.raises(RunError, match="No run has been removed"):
        restore("run-01")


def test_a_run_with_an_evaluation_at_work_is_not_removed(home: Path) -> None:
    run = make("done")
    evaluation = create_run(run.eval_dir, "sst2", Job("evaluate"))
    write_status(evaluation, Status(kind="evaluate", state="queued", heartbeat=time.time()))
    with pytest.raises(RunError, match="run-01/eval/sst2-01 is queued"):
        remove(run)
    assert at_work(run) == evaluation
    write_status(evaluation, Status(kind="evaluate", state="done"))
    assert at_work(run) is None
    remove(run)
    assert trashed() == ["run-01"]


def test_samples_of_steps_that_are_done_again_are_dropped(home: Path) -> None:
    run = make("lost")
    drop_samples(run, 0)  # there are none
    lines = [json.dumps({"step": step, "id": f"row-{step}-{n}"}) for step in (1, 2, 3) for n in range(2)]
    run.samples_path.write_text("\n".join([*lines, ""]) + "{half", encoding="utf-8")
    drop_samples(run, 3)
    assert run.samples_path.read_text(encoding="utf-8").splitlines()[:-1] == lines
    drop_samples(run, 2)
    assert run.samples_path.read_text(encoding="utf-8").splitlines() == lines[:4]
    drop_samples(run, 0)
    assert not run.samples_path.read_text(encoding="utf-8")


def test_a_live_or_locked_run_is_not_removed(home: Path) -> None:
    with pytest.raises(RunError, match="is training"):
        remove(make("training"))
    run = make("done")
    with RunLock(run), pytest.raises(RunBusyError):
        remove(run)
    inner = create_run(run.eval_dir, "e", Job("evaluate"))
    with pytest.raises(RunError, match="is not in"):
        remove(inner)
    assert open_run(run.name)


@pytest.mark.parametrize("state", ["stopped", "failed"])
def test_resume_goes_on_from_the_latest_whole_checkpoint(home: Path, state: str) -> None:
    run = make(state)
    for step, whole in ((4, True), (8, True), (9, False)):
        (run.checkpoints_dir / f"step-{step}").mkdir()
        if whole:
            (run.checkpoints_dir / f"step-{step}" / "complete").touch()
    control.request(run, "stop")
    assert requeue(run) == 8
    status = read_status(run)
    assert (status.state, status.step, status.total, status.pid) == ("queued", 8, 20, None)
    assert control.pending(run) == set()
    with pytest.raises(RunError, match="queued"):
        requeue(run)


def test_a_lost_run_is_resumed(home: Path) -> None:
    run = make("training")
    write_status(run, Status(state="training", pid=2**22 + 1, host=host_name(), heartbeat=time.time()))
    assert requeue(run) == 0


@pytest.mark.parametrize(("state", "words"), [("done", "nothing to resume"), ("training", "already has a worker")])
def test_what_cannot_be_resumed(home: Path, state: str, words: str) -> None:
    run = make(state)
    before = run.status_path.read_bytes()
    with pytest.raises(RunError, match=words):
        requeue(run)
    assert run.status_path.read_bytes() == before


def test_a_held_lock_refuses_resume(home: Path) -> None:
    run = make("failed")
    with RunLock(run), pytest.raises(RunBusyError):
        requeue(run)
