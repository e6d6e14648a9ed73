"""Stopping a worker from outside: by request, or at once.

A process is signalled only when it is the one the status names; a process id used again is left alone.
"""

import contextlib
import os
import signal
import time
from dataclasses import replace

from nlu_rl.errors import RunError
from nlu_rl.runs import control
from nlu_rl.runs.jobs import exit_code
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.lock import RunBusyError, RunLock
from nlu_rl.runs.status import ENDED, Status, host_name, process_started, read_status, write_status

KILL_AFTER_SECONDS = 10.0


def stop_now(run: RunDirectory, *, pid: int | None = None, patience_seconds: float = KILL_AFTER_SECONDS) -> Status:
    """End the worker: SIGTERM, then SIGKILL of its process group after `patience_seconds`; return the last status.

    `pid` is the worker this process launched, for when it has not yet written its own.

    Raises:
        RunError: it runs on another machine.
    """
    control.request(run, "stop")
    deadline = time.monotonic() + patience_seconds
    signalled: int | None = None
    while (status := read_status(run)).state not in ENDED and time.monotonic() < deadline:
        target = pid if pid is not None and exit_code(pid) is None else status.pid
        if status.pid is not None and status.host != host_name():
            raise RunError(f"The run {run.name} is on the machine {status.host}.", "Stop it there.")
        if target is not None and target != signalled and process_started(target) is not None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(target, signal.SIGTERM)
            signalled = target
        if pid is not None and exit_code(pid) is not None:
            break
        time.sleep(0.1)
    if status.state not in ENDED and signalled is not None and process_started(signalled) is not None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(signalled, signal.SIGKILL)
        while process_started(signalled) is not None and time.monotonic() < deadline + patience_seconds:
            time.sleep(0.05)
    return _settle(run)


def wait_until_ended(run: RunDirectory) -> Status:
    """Return the status with which the run ends, once it has."""
    while (status := read_status(run)).live:
        time.sleep(0.1)
    return status


def _settle(run: RunDirectory) -> Status:
    """Write `stopped` for a worker that was ended before it could; return the status as it then is."""
    if read_status(run).state in ENDED - {"lost"}:
        return read_status(run)
    try:
        with RunLock(run):
            status = read_status(run)
            if status.state == "lost" or status.pid is None:
                write_status(run, replace(status, state="stopped", error=None, ended=time.time()), durable=True)
            control.clear(run)
    except RunBusyError:
        pass  # it lives on after all; its status says so
    return read_status(run)
