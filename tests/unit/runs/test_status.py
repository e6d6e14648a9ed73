"""Status is always whole, and `lost` is told from alive by process, start time and heartbeat."""

import os
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from nlu_rl import paths
from nlu_rl.runs import status as status_module
from nlu_rl.runs.jobs import Job
from nlu_rl.runs.layout import RunDirectory, create_run
from nlu_rl.runs.resume import requeue
from nlu_rl.runs.status import PREPARED, Failure, Status, host_name, process_started, read_status, write_status
from nlu_rl.runs.trash import remove


@pytest.fixture
def run(home: Path) -> RunDirectory:
    return create_run(paths.runs_dir(), "run", Job("train"))


def mine(**changes: object) -> Status:
    """A status of this very process."""
    me = Status(
        state="training",
        pid=os.getpid(),
        pid_started=process_started(os.getpid()),
        host=host_name(),
        heartbeat=time.time(),
    )
    return replace(me, **changes)  # type: ignore[arg-type]


def test_round_trip(run: RunDirectory) -> None:
    status = mine(step=3, total=9, phase="validation", progress=(1, None), error=Failure("a", "b", 2))
    write_status(run, status)
    assert read_status(run) == status


def test_a_live_worker_is_not_lost_even_when_silent(run: RunDirectory) -> None:
    write_status(run, mine(heartbeat=time.time() - 3600))
    assert read_status(run).state == "training"


def test_a_dead_worker_is_lost(run: RunDirectory) -> None:
    gone = subprocess.Popen([sys.executable, "-c", ""])
    gone.wait()
    write_status(run, mine(pid=gone.pid))
    status = read_status(run)
    assert status.state == "lost"
    assert status.error is not None
    assert f"nlu-rl resume {run.name}" in status.error.fix


def test_how_it_ended_is_seen_when_the_worker_ends_between_the_two_looks(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def ends(_: int) -> None:
        write_status(run, mine(state="failed", error=Failure("No network.", "Fetch it elsewhere.", 2)))

    write_status(run, mine(heartbeat=0.0))
    monkeypatch.setattr(status_module, "process_started", ends)
    found = read_status(run)
    assert (found.state, found.error) == ("failed", Failure("No network.", "Fetch it elsewhere.", 2))


def test_a_prepared_run_waits_for_its_launcher_for_days(run: RunDirectory) -> None:
    write_status(run, Status(phase=PREPARED, heartbeat=time.time() - 1e6))
    assert read_status(run).state == "queued"
    assert requeue(run) == 0, "it can be given a worker here"
    write_status(run, Status(phase=PREPARED, heartbeat=time.time() - 1e6))
    assert remove(run).is_dir()


def test_a_zombie_is_lost(run: RunDirectory) -> None:
    zombie = subprocess.Popen([sys.executable, "-c", ""])
    deadline = time.monotonic() + 10
    while process_started(zombie.pid) is not None and time.monotonic() < deadline:
        time.sleep(0.02)
    write_status(run, mine(pid=zombie.pid))
    assert read_status(run).state == "lost"
    zombie.wait()


def test_a_process_id_used_again_is_lost(run: RunDirectory) -> None:
    write_status(run, mine(pid_started=1000.0, heartbeat=time.time() - 30))
    assert read_status(run).state == "lost"


def test_a_clock_that_was_set_does_not_lose_a_run(run: RunDirectory) -> None:
    write_status(run, mine(pid_started=1000.0, heartbeat=time.time() - 1))
    assert read_status(run).state == "training"


@pytest.mark.parametrize(("silence", "state"), [(5, "training"), (120, "lost")])
def test_another_machine_is_judged_by_its_heartbeat(run: RunDirectory, silence: float, state: str) -> None:
    write_status(run, mine(host="elsewhere", heartbeat=time.time() - silence))
    assert read_status(run).state == state


@pytest.mark.parametrize(("age", "state"), [(5, "queued"), (120, "lost")])
def test_a_run_that_never_started_is_lost_after_a_while(run: RunDirectory, age: float, state: str) -> None:
    write_status(run, Status(heartbeat=time.time() - age))
    assert read_status(run).state == state


@pytest.mark.parametrize("state", ["done", "failed", "stopped"])
def test_an_ended_run_stays_ended(run: RunDirectory, state: str) -> None:
    write_status(run, mine(state=state, pid=2**22 + 1))
    assert read_status(run).state == state


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"{",
        b"\xff\xfe",
        b"[]",
        b'{"state": "flying"}',
        b'{"state": "done", "error": 1}',
        b'{"state": "done", "step": "many"}',
        b'{"state": "training", "pid": "x"}',
    ],
)
def test_a_damaged_status_reads_as_lost(run: RunDirectory, content: bytes) -> None:
    run.status_path.write_bytes(content)
    assert read_status(run).state == "lost"


def test_keys_of_later_versions_are_ignored(run: RunDirectory) -> None:
    run.status_path.write_text('{"v": 2, "state": "done", "mood": "good", "step": 4}')
    assert read_status(run).step == 4


def test_a_full_disk_leaves_the_earlier_status(run: RunDirectory, full_disk: Callable[[], None]) -> None:
    write_status(run, mine(step=7))
    full_disk()
    with pytest.raises(OSError, match="No space left"):
        write_status(run, mine(step=8))
    assert read_status(run).step == 7
    assert not list(run.path.glob(".*.tmp"))


def test_a_reader_never_sees_half_a_status(run: RunDirectory) -> None:
    import threading

    write_status(run, mine())
    over = threading.Event()

    def write() -> None:
        for number in range(300):
            write_status(run, mine(step=number, phase="x" * (number % 7) * 1000))
        over.set()

    writer = threading.Thread(target=write)
    writer.start()
    while not over.is_set():
        assert read_status(run).state == "training"
    writer.join()


def test_the_last_status_is_written_over_the_old_one_on_a_full_disk(
    run: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    from nlu_rl.runs import files
    from nlu_rl.runs.status import Failure

    write_status(run, Status(kind="train", state="training", pid=os.getpid(), heartbeat=time.time()))

    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(files.os, "replace", full)
    with pytest.raises(OSError, match="No space"):
        write_status(run, Status(kind="train", state="training", step=3))
    ended = Status(kind="train", state="failed", error=Failure("The disk is full.", "Make room.", 2))
    write_status(run, ended)
    assert read_status(run) == ended
