"""The writer's side of a run: what every job is handed to say where it is, and to hear what is asked of it.

`job(run)` wraps a whole worker: it takes the lock, turns signals and errors into the last state, and beats every two
seconds so that readers can tell a busy worker from a dead one.
"""

import contextlib
import errno
import logging
import os
import signal
import sys
import threading
import time
import traceback
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Self

from nlu_rl.errors import InternalError, NluRlError, RunError
from nlu_rl.runs import control
from nlu_rl.runs.events import EventWriter, append_line
from nlu_rl.runs.files import write_json
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.lock import RunBusyError, RunLock
from nlu_rl.runs.status import Failure, State, Status, host_name, process_started, read_status, write_status

HEARTBEAT_SECONDS = 2.0
PROGRESS_SECONDS = 0.2
ENDS_WHILE_LOADING = ("evaluate", "predict")
"""Kinds of jobs that have nothing to lose before they have loaded: a stop ends them there and then."""
log = logging.getLogger(__name__)


class StopNow(BaseException):
    """Raised in the worker by a second request to stop: end at once, without a checkpoint."""


class Reporter:
    """Writes status, events and samples of one run, which it holds alone. Safe to call from several threads.

    Raises (on construction):
        RunBusyError: another worker has the run; nothing is written.
    """

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self._lock = RunLock(run)
        self.stopping = False
        """Whether a stop has been acknowledged: the run then ends as `stopped` unless the job says otherwise."""
        self.result: dict[str, Any] | None = None
        self._events = EventWriter(run.events_path)
        self._guard = threading.RLock()
        self._ended = threading.Event()
        self._signals = False
        """Whether a SIGTERM is this reporter's to handle, and has not been sent by itself yet."""
        self._progress_written = 0.0
        with contextlib.suppress(OSError):
            run.result_path.unlink(missing_ok=True)  # of an earlier worker, which stopped or failed
        pid = os.getpid()
        before = read_status(run)
        self._status = Status(
            kind=before.kind,
            state="loading",
            pid=pid,
            pid_started=process_started(pid),
            host=host_name(),
            step=before.step,
            total=before.total,
            heartbeat=time.time(),
            started=time.time(),
        )
        self._write(durable=True)
        self._thread = threading.Thread(target=self._beat, name="heartbeat", daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close("failed" if sys.exc_info()[0] else "done")

    @property
    def status(self) -> Status:
        return self._status

    @property
    def closed(self) -> bool:
        return self._ended.is_set()

    @property
    def nothing_to_lose(self) -> bool:
        return self._status.state == "loading" and self._status.kind in ENDS_WHILE_LOADING

    def state(self, name: State, step: int | None = None, total: int | None = None) -> None:
        """Enter a state; it ends the phase before it."""
        with self._guard:
            changed = name != self._status.state
            self._status = replace(self._status, state=name, phase=None, progress=None)
            self._place(step, total)
            self._write()
            if changed:
                self._events.write({"type": "state", "state": name, "step": self._status.step})

    def progress(self, phase: str, done: int, total: int | None) -> None:
        """Say how far a phase is ("fetching model", bytes; "evaluating", rows). Cheap: written a few times a second."""
        with self._guard:
            self._status = replace(self._status, phase=phase, progress=(done, total))
            now = time.monotonic()
            if now - self._progress_written >= PROGRESS_SECONDS or done == total:
                self._progress_written = now
                self._write()

    def step(self, step: int, metrics: dict[str, Any], total: int | None = None) -> None:
        """Record a finished training step. Raises RunError when the disk refuses."""
        with self._guard:
            self._place(step, total)
            self._events.write({"type": "step", "step": step, "metrics": metrics})
            self._write()

    def event(self, type: str, **fields: Any) -> None:
        """Record an event. Raises RunError when the disk refuses."""
        with self._guard:
            self._events.write({"type": type, **fields})

    def sample(self, sample: dict[str, Any]) -> None:
        with self._guard:
            append_line(self.run.samples_path, {"v": 1, **sample})

    def warning(self, message: str) -> None:
        log.warning(message)
        self.event("warning", message=message, step=self._status.step)

    def requested(self) -> set[str]:
        """Return what has been asked for and not acknowledged: pause, resume, checkpoint, stop."""
        return control.pending(self.run)

    def acknowledge(self, name: str) -> None:
        """Say that a request is being carried out."""
        with self._guard:
            if name == "stop":
                self.stopping = True
            control.acknowledge(self.run, name)
            self._events.write({"type": "control", "name": name, "step": self._status.step})

    def close(self, state: State, error: NluRlError | None = None, result: dict[str, Any] | None = None) -> None:
        """Write the result (here or in `self.result`) and the last state, once; later calls do nothing."""
        with self._guard:
            if self.closed:
                return
            self._ended.set()
            self.result = result if result is not None else self.result
            failure = None if error is None else Failure(error.message, error.fix, error.exit_code)
            now = time.time()
            self._status = replace(
                self._status, state=state, phase=None, progress=None, ended=now, heartbeat=now, error=failure
            )
            try:
                if self.result is not None and state != "failed":
                    write_json(self.run.result_path, self.result, durable=True)
                self._events.write({"type": "state", "state": state, "step": self._status.step})
            except (OSError, RunError) as problem:
                log.error("could not write the end of the run: %s", problem)
            self._write(durable=True)
        if threading.current_thread() is not self._thread:
            self._thread.join(HEARTBEAT_SECONDS)
        self._lock.release()

    def _place(self, step: int | None, total: int | None) -> None:
        self._status = replace(
            self._status,
            step=self._status.step if step is None else step,
            total=self._status.total if total is None else total,
        )

    def _write(self, *, durable: bool = False) -> None:
        """Write the status. A full disk costs this update, not the run: the next beat tries again."""
        self._status = replace(self._status, heartbeat=time.time())
        try:
            write_status(self.run, self._status, durable=durable)
        except OSError as error:
            log.error("could not write status.json: %s", error)

    def _beat(self) -> None:
        while not self._ended.wait(HEARTBEAT_SECONDS):
            with self._guard:
                if self.closed:
                    continue
                if self._lock.lost:
                    log.error("%s was removed: this worker ends", self.run.path)
                    os._exit(1)  # whatever it wrote now would go into someone else's run, or nowhere
                self._write()
            if self._signals and self.nothing_to_lose and "stop" in self.requested():
                self._signals = False
                os.kill(os.getpid(), signal.SIGTERM)  # the main thread is in a library that asks nobody


@contextlib.contextmanager
def job(run: RunDirectory) -> Iterator[Reporter]:
    """Be the worker of `run`: `with job(run) as reporter: reporter.result = work(run, arguments, reporter)`.

    Ends the run as done (or stopped, when a stop was acknowledged), and on an error as failed, with SystemExit of its
    exit code. SIGTERM asks for a checkpoint and a stop; once a stop is under way it ends the run at once. A job that
    has nothing to lose while it loads (`ENDS_WHILE_LOADING`) ends there at the first, and at a request to stop.
    A run that has a worker is left alone (SystemExit 2).
    """
    try:
        reporter = Reporter(run)
    except RunBusyError as error:
        log.error("%s", error)
        raise SystemExit(error.exit_code) from None
    try:
        with _terminate_handler(reporter):
            yield reporter
        reporter.close(_last_state(reporter))
    except StopNow:
        reporter.close("stopped")
    except NluRlError as error:
        log.error("%s", error)
        reporter.close("failed", error)
        raise SystemExit(error.exit_code) from None
    except BaseException as error:  # noqa: BLE001 - whatever ends a worker, its status says so
        traceback.print_exc()  # standard error is the run's log
        failure = _explain(error)
        reporter.close("failed", failure)
        raise SystemExit(failure.exit_code) from None


def _last_state(reporter: Reporter) -> State:
    """Return the state the job's result names, else stopped when a stop was acknowledged, else done."""
    named = (reporter.result or {}).get("state")
    if named in ("done", "stopped"):
        return "stopped" if named == "stopped" else "done"
    return "stopped" if reporter.stopping else "done"


@contextlib.contextmanager
def _terminate_handler(reporter: Reporter) -> Iterator[None]:
    if threading.current_thread() is not threading.main_thread():
        yield
        return

    def handle(_number: int, _frame: Any) -> None:
        if reporter.closed:
            return
        if reporter.stopping or "stop" in reporter.requested() or reporter.nothing_to_lose:
            reporter._signals = False
            raise StopNow
        control.request(reporter.run, "stop")

    earlier = signal.signal(signal.SIGTERM, handle)
    reporter._signals = True
    try:
        yield
    finally:
        reporter._signals = False
        signal.signal(signal.SIGTERM, earlier)


def _explain(error: BaseException) -> NluRlError:
    """Return the sentence for an exception nobody expected; what is the user's to mend is named as such."""
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT):
        return RunError("The disk is full.", "Make room and resume the run; earlier checkpoints are whole.")
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return RunError(
            "There was not enough memory.",
            "Set a smaller train.micro_batch_tokens or train.gradient_checkpointing=true, and start the run again.",
        )
    return InternalError(f"{type(error).__name__}: {error}", "Please report it with the run's log.")
