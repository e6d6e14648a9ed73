"""What the container starts instead of `nlu-rl`: it runs one command, and outlives it while jobs are at work.

Workers lead sessions of their own, so neither the end of the command nor a signal to it reaches them. On SIGTERM this
process asks each worker to stop, which ends a run with a checkpoint of the last finished step, and waits for that; a
second SIGTERM ends them at once. Workers are found in the process table, because evaluations, exports and fetches are
jobs as well; only those under this root and in this container count. Not an init: reaping orphans is left to the one
that starts it. Standard library only.
"""

import contextlib
import os
import signal
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nlu_rl import paths
from nlu_rl.errors import NluRlError
from nlu_rl.runs import control
from nlu_rl.runs.layout import RunDirectory

WORKER_MODULE = b"nlu_rl.worker"
POLL_SECONDS = 0.1
FAREWELL_SECONDS = 3.0
"""How long the command has to end by itself once its jobs have ended, before it is signalled, then killed."""
SETTLE_SECONDS = 2.0
"""How long a worker may outlast the command before it is told: one that has just finished is gone by then."""
FOLDERS = ("NLU_RL_HOME", "HOME", "TMPDIR", "XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME", "XDG_STATE_HOME")


def live_workers(home: Path, processes: Path = Path("/proc")) -> dict[int, Path]:
    """Return the run directory of every worker at work under `home`, by process id."""
    workers = {}
    for entry in processes.iterdir():
        if not entry.name.isdigit():
            continue
        try:
            words = (entry / "cmdline").read_bytes().split(b"\0")
        except OSError:  # it has ended meanwhile
            continue
        if WORKER_MODULE not in words[:-1]:
            continue
        run = Path(os.fsdecode(words[words.index(WORKER_MODULE) + 1]))
        if run.is_relative_to(home) and _namespace(entry) == _namespace(processes / "self"):
            workers[int(entry.name)] = run
    return workers


def _namespace(process: Path) -> str | None:
    """Return the process-id namespace of a process; None where that may not be read."""
    try:
        return os.readlink(process / "ns" / "pid")
    except OSError:
        return None


def make_folders(environment: Mapping[str, str]) -> str | None:
    """Make the folders that libraries are told to write to; return what to tell the user when one cannot be made."""
    for name in FOLDERS:
        folder = environment.get(name)
        if not folder:
            continue
        try:
            Path(folder).mkdir(parents=True, exist_ok=True)
        except OSError as error:
            return _unwritable(folder, error.strerror or str(error))
        if name == "TMPDIR":
            with contextlib.suppress(OSError):  # someone else's, who opened it to all
                Path(folder).chmod(0o1777)
        if not os.access(folder, os.W_OK | os.X_OK):
            return _unwritable(folder, "Permission denied")
    return None


def _unwritable(folder: str, reason: str) -> str:
    return (
        f"User {os.getuid()} cannot write {folder}: {reason}. Mount a folder that this user owns, "
        'or start the container with --user "$(id -u):$(id -g)".'
    )


class Supervisor:
    """Runs one command; `run` returns its exit code once it and every worker have ended."""

    def __init__(self, command: Sequence[str], home: Path) -> None:
        self._command = command
        self._home = home
        self._terminations = 0
        self._interrupts = 0
        self._asked: set[Path] = set()

    def run(self) -> int:
        # Handlers, not SIG_IGN: the command must get the default actions. Ctrl-C is for the command, while it lives.
        signal.signal(signal.SIGTERM, self._on_terminate)
        signal.signal(signal.SIGINT, self._on_interrupt)
        signal.signal(signal.SIGHUP, lambda *_: None)
        signal.signal(signal.SIGTSTP, signal.SIG_IGN)  # no shell is here that could bring the command back
        command = subprocess.Popen(self._command)
        code = self._wait_for_command(command)
        self._wait_for_workers()
        return code if code >= 0 else 128 - code

    def _wait_for_command(self, command: "subprocess.Popen[bytes]") -> int:
        """Wait for the command's end; after SIGTERM, for its jobs' end first, and then make it end."""
        passed_on = 0
        while command.poll() is None:
            if self._interrupts > passed_on and not os.isatty(0):  # a terminal tells the command itself
                passed_on = self._interrupts
                command.send_signal(signal.SIGINT)
            if self._terminations:
                had_workers = self._wait_for_workers()
                if had_workers:
                    with contextlib.suppress(subprocess.TimeoutExpired):
                        return command.wait(FAREWELL_SECONDS)  # a command that follows a run sums it up
                return _end(command)
            time.sleep(POLL_SECONDS)
        return command.returncode

    def _wait_for_workers(self) -> bool:
        """Wait until no worker is left, after SIGTERM asking each to stop; return whether there was one."""
        interrupts_before, signalled, told = self._interrupts, False, False
        had_workers, since = False, time.monotonic()
        while workers := live_workers(self._home):
            had_workers = True
            if self._interrupts > interrupts_before:  # Ctrl-C at a container whose command has ended
                self._terminations += 1
                interrupts_before = self._interrupts
            if self._terminations:
                self._ask_to_stop(set(workers.values()))
            elif not told and time.monotonic() - since > SETTLE_SECONDS:
                _say(f"Still at work: {_names(workers)}. The container stays; 'docker stop' ends it with a checkpoint.")
                told = True
            if self._terminations > 1 and not signalled:
                signalled = True
                for pid in workers:
                    with contextlib.suppress(ProcessLookupError):
                        os.kill(pid, signal.SIGTERM)
            time.sleep(POLL_SECONDS)
        return had_workers

    def _ask_to_stop(self, runs: set[Path]) -> None:
        for path in runs - self._asked:
            self._asked.add(path)
            _say(f"Stopping {path.name} after the step it is in.")
            try:
                control.request(RunDirectory(path), "stop")
            except NluRlError as error:
                _say(f"{error.message} {error.fix}")

    def _on_terminate(self, _number: int, _frame: Any) -> None:
        self._terminations += 1

    def _on_interrupt(self, _number: int, _frame: Any) -> None:
        self._interrupts += 1


def _end(command: "subprocess.Popen[bytes]") -> int:
    command.terminate()
    try:
        return command.wait(FAREWELL_SECONDS)
    except subprocess.TimeoutExpired:
        command.kill()
        return command.wait()


def _names(workers: Mapping[int, Path]) -> str:
    return ", ".join(sorted({path.name for path in workers.values()}))


def _say(message: str) -> None:
    with contextlib.suppress(OSError):  # the terminal may be gone
        sys.stderr.write(f"{message}\n")


def main(arguments: Sequence[str]) -> int:
    """Run `nlu-rl` with `arguments`: bare, it is the user interface on a terminal and the help otherwise."""
    problem = make_folders(os.environ)
    if problem:
        _say(problem)
    return Supervisor([sys.executable, "-P", "-m", "nlu_rl.cli.main", *arguments], paths.home()).run()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
