"""Follow a run to its end: progress on standard error, Ctrl-C turned into a request to stop.

The worker does not depend on this process: closing the terminal ends the display, not the run.
"""

import contextlib
import json as jsonlib
import signal
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from nlu_rl.cli.live_view import PlainView, RichView, View
from nlu_rl.errors import InternalError, NluRlError, RunError
from nlu_rl.runs import control
from nlu_rl.runs.jobs import exit_code, launch
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.resume import requeue
from nlu_rl.runs.status import Status, read_status
from nlu_rl.runs.stop import stop_now
from nlu_rl.runs.watch import Watch

POLL_SECONDS = 0.2
SETTLE_SECONDS = 1.0
"""How long after a SIGTERM the worker is asked to stop: one that got the signal too has taken it by then."""


@dataclass(frozen=True, slots=True)
class Ended:
    """How a followed run ended. `interrupted`: by Ctrl-C or SIGTERM here."""

    status: Status
    interrupted: bool


def run_job(run: RunDirectory, *, json: bool = False) -> dict[str, Any]:
    """Start the worker of `run` (again, if it was interrupted), show its progress, and return its result.

    Raises:
        NluRlError: the error with which the job failed, with its exit code.
        KeyboardInterrupt: it was stopped by Ctrl-C or SIGTERM here.
    """
    if not read_status(run).live:
        requeue(run)
    ended = follow(run, pid=launch(run), json=json)
    raise_failure(run, ended.status)
    if ended.status.state == "stopped":
        if ended.interrupted:
            raise KeyboardInterrupt
        raise RunError(f"{run.name} was stopped before its end.", "Start it again.")
    return read_result(run)


def run_quietly(run: RunDirectory) -> dict[str, Any]:
    """Start the worker of a short job, wait for its end, and return its result. Ctrl-C ends it at once."""
    pid = launch(run)
    try:
        while exit_code(pid) is None:
            time.sleep(0.05)
    except KeyboardInterrupt:
        stop_now(run, pid=pid)
        raise
    raise_failure(run, _after_exit(run, pid), with_log=False)
    return read_result(run)


def follow(run: RunDirectory, *, pid: int | None = None, json: bool = False) -> Ended:
    """Show progress until the run ends. `pid`: the worker, when this process launched it.

    Ctrl-C or SIGTERM once asks for a checkpoint and a stop; twice ends the worker at once.
    """
    watch = Watch(run)
    watch.poll()  # what a resumed run went through before is not news
    view: View = RichView(watch) if sys.stderr.isatty() and not json else PlainView(watch)
    with _interrupts() as interrupts, view:
        seen = 0
        while True:
            view.update(watch.poll())
            if watch.ended:
                return Ended(watch.status, interrupts.count > 0)
            if pid is not None and exit_code(pid) is not None:
                return Ended(_after_exit(run, pid), interrupts.count > 0)
            if interrupts.count > seen:
                seen = interrupts.count
                if seen == 1:
                    if interrupts.terminated:  # where all processes get the signal, the worker must not be told twice
                        time.sleep(SETTLE_SECONDS)
                    control.request(run, "stop")
                    how = " with a checkpoint after this step" if watch.status.kind == "train" else ""
                    view.note(f"Stopping{how}. Ctrl-C again stops at once.")
                else:
                    view.note("Stopping at once.")
                    return Ended(stop_now(run, pid=pid), True)
            interrupts.wait(POLL_SECONDS)


def read_result(run: RunDirectory) -> dict[str, Any]:
    """Return what the job left in `result.json`.

    Raises:
        InternalError: it is missing or damaged.
    """
    try:
        result = jsonlib.loads(run.result_path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        result = None
    if not isinstance(result, dict):
        raise InternalError(f"{run.name} ended without a result.", f"See {run.log_path}.")
    return result


def raise_failure(run: RunDirectory, status: Status, *, with_log: bool = True) -> None:
    """Raise the error of a run that failed or was lost; return for any other."""
    if status.state not in ("failed", "lost"):
        return
    failure = status.error
    message = failure.message if failure else f"The run {run.name} failed."
    fix = failure.fix if failure else ""
    log = f"Log: {run.log_path}" if with_log and str(run.log_path) not in f"{message} {fix}" else ""
    code = failure.exit_code if failure else 1
    ours = code == InternalError.exit_code and status.state == "failed"  # a lost worker was ended by someone else
    error = (InternalError if ours else NluRlError)(message, f"{fix} {log}".strip())
    error.exit_code = code
    raise error


def _after_exit(run: RunDirectory, pid: int) -> Status:
    """Return the status of a run whose worker process has ended.

    Raises:
        RunError: it was refused because another worker has the run.
    """
    status = read_status(run)
    if status.live and status.pid is not None and status.pid != pid:
        raise RunError(f"The run {run.name} already has a worker (process {status.pid}).", "Let it go on, or stop it.")
    if status.live:
        code = exit_code(pid)
        raise InternalError(f"The worker of {run.name} ended at its start (exit {code}).", f"Log: {run.log_path}")
    return status


class _Interrupts:
    """Counts Ctrl-C and SIGTERM; `wait` returns early on one."""

    def __init__(self) -> None:
        self.count = 0
        self.terminated = False

    def handle(self, number: int, _frame: Any) -> None:
        self.count += 1
        self.terminated |= number == signal.SIGTERM

    def wait(self, seconds: float) -> None:
        until, before = time.monotonic() + seconds, self.count
        while self.count == before and (left := until - time.monotonic()) > 0:
            time.sleep(min(left, 0.05))


@contextlib.contextmanager
def _interrupts() -> Iterator[_Interrupts]:
    counter = _Interrupts()
    if threading.current_thread() is not threading.main_thread():
        yield counter
        return
    earlier = {number: signal.signal(number, counter.handle) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield counter
    finally:
        for number, handler in earlier.items():
            signal.signal(number, handler)
