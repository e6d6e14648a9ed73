"""The container's supervisor: it passes the command's end on, stays for workers, and ends them with a checkpoint."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from nlu_rl.supervisor import live_workers, make_folders

COMMAND = "import sys; from pathlib import Path; from nlu_rl.supervisor import Supervisor; "
WORKER = """
import signal, sys, time
from pathlib import Path
run = Path(sys.argv[2])
signal.signal(signal.SIGTERM, lambda *_: sys.exit((run / "signalled").touch()))
(run / "ready").touch()
while sys.argv[3] == "deaf" or not (run / "control" / "stop").exists():
    time.sleep(0.02)
(run / "checkpoint").touch()
"""


def wait_until(condition: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 30
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def supervise(home: Path, code: str) -> "subprocess.Popen[str]":
    """Start a supervisor of `home` whose command is the Python `code`."""
    program = f"{COMMAND} sys.exit(Supervisor([sys.executable, '-c', {code!r}], Path({str(home)!r})).run())"
    return subprocess.Popen([sys.executable, "-c", program], stderr=subprocess.PIPE, text=True)


@pytest.fixture
def start_worker(tmp_path: Path) -> Iterator[Callable[..., Path]]:
    """Start what looks like a worker in the process table, in a session of its own; return its run directory."""
    started = []

    def start(name: str = "tiny", *, obeys: bool = True) -> Path:
        run = tmp_path / "runs" / name
        run.mkdir(parents=True)
        words = ["nlu_rl.worker", str(run), "obeys" if obeys else "deaf"]
        started.append(subprocess.Popen([sys.executable, "-c", WORKER, *words], start_new_session=True))
        wait_until((run / "ready").exists)
        return run

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_the_exit_code_is_the_commands(tmp_path: Path) -> None:
    assert supervise(tmp_path, "raise SystemExit(2)").wait(30) == 2


def test_a_command_killed_by_a_signal_ends_as_a_shell_says(tmp_path: Path) -> None:
    assert supervise(tmp_path, "import os; os.kill(os.getpid(), 9)").wait(30) == 137


def test_workers_of_this_root_are_found_and_no_others(tmp_path: Path, start_worker: Callable[..., Path]) -> None:
    run = start_worker()
    assert list(live_workers(tmp_path).values()) == [run]
    assert live_workers(tmp_path / "elsewhere") == {}


def test_it_outlives_its_command_and_then_stops_the_worker(tmp_path: Path, start_worker: Callable[..., Path]) -> None:
    run = start_worker()
    supervisor = supervise(tmp_path, "")
    assert supervisor.stderr is not None
    assert "Still at work: tiny" in supervisor.stderr.readline()
    assert supervisor.poll() is None
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(30) == 0
    assert (run / "checkpoint").exists()
    assert not (run / "signalled").exists()


def test_a_worker_that_ends_with_its_command_is_not_told(tmp_path: Path, start_worker: Callable[..., Path]) -> None:
    stop = start_worker() / "control" / "stop"
    stop.parent.mkdir()
    supervisor = supervise(tmp_path, f"import threading; threading.Timer(0.5, open, ({str(stop)!r}, 'w')).start()")
    _, told = supervisor.communicate(timeout=30)
    assert (supervisor.returncode, told) == (0, "")


def test_sigterm_waits_for_the_checkpoint_before_the_command_is_ended(
    tmp_path: Path, start_worker: Callable[..., Path]
) -> None:
    run = start_worker()
    follow = f"""
import pathlib, time
run = pathlib.Path({str(run)!r})
(run / "following").touch()
while not (run / "checkpoint").exists():
    time.sleep(0.02)
raise SystemExit(7)
"""
    supervisor = supervise(tmp_path, follow)
    wait_until((run / "following").exists)
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(30) == 7
    assert (run / "checkpoint").exists()


def test_sigterm_without_workers_ends_the_command(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    supervisor = supervise(tmp_path, f"import time; open({str(ready)!r}, 'w').close(); time.sleep(60)")
    wait_until(ready.exists)
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(30) == 128 + signal.SIGTERM


def test_a_second_sigterm_is_passed_on(tmp_path: Path, start_worker: Callable[..., Path]) -> None:
    run = start_worker(obeys=False)
    supervisor = supervise(tmp_path, "")
    assert supervisor.stderr is not None
    supervisor.stderr.readline()
    supervisor.send_signal(signal.SIGTERM)
    assert "Stopping tiny" in supervisor.stderr.readline()
    supervisor.send_signal(signal.SIGTERM)
    assert supervisor.wait(30) == 0
    assert (run / "signalled").exists()
    assert not (run / "checkpoint").exists()


def test_ctrl_c_without_a_terminal_is_passed_on(tmp_path: Path) -> None:
    ready = tmp_path / "ready"
    wait = f"open({str(ready)!r}, 'w').close(); time.sleep(60)"
    code = f"import time\ntry: {wait}\nexcept KeyboardInterrupt: raise SystemExit(130)"
    program = f"{COMMAND} sys.exit(Supervisor([sys.executable, '-c', {code!r}], Path({str(tmp_path)!r})).run())"
    process = subprocess.Popen([sys.executable, "-c", program], stdin=subprocess.DEVNULL)
    wait_until(ready.exists)
    process.send_signal(signal.SIGINT)
    assert process.wait(30) == 130


def test_the_folders_libraries_write_to_are_made(tmp_path: Path) -> None:
    environment = {"NLU_RL_HOME": str(tmp_path / "data"), "TMPDIR": str(tmp_path / "data" / "tmp")}
    assert make_folders(environment) is None
    assert (tmp_path / "data" / "tmp").stat().st_mode & 0o7777 == 0o1777


def test_a_root_that_cannot_be_written_is_named_with_the_way_out(tmp_path: Path) -> None:
    (tmp_path / "data").touch()
    problem = make_folders({"NLU_RL_HOME": str(tmp_path / "data" / "deeper")})
    assert problem is not None
    assert "--user" in problem
