"""`status.json`: where a run is now. The worker alone writes it; readers derive `lost` from the process it names.

A worker is alive when its process id exists with the start time it wrote, or on another machine (or container) when its
heartbeat is fresh. The start time guards against a process id used again.
"""

import json
import socket
import time
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING, Any, Literal, get_args

from nlu_rl.runs.files import json_text, write_json, write_over

if TYPE_CHECKING:
    from nlu_rl.runs.layout import RunDirectory

State = Literal[
    "queued",
    "loading",
    "baseline",
    "training",
    "paused",
    "saving",
    "evaluating",
    "done",
    "failed",
    "stopped",
    "lost",
]
ENDED: frozenset[str] = frozenset({"done", "failed", "stopped", "lost"})
VERSION = 1
PREPARED = "waiting for its launcher"
"""The phase of a run that was only prepared: whoever launches its worker may take days."""
QUEUE_SECONDS = 60.0  # a worker writes its process id within seconds of its launch
SILENCE_SECONDS = 60.0  # a worker beats every 2 seconds
_START_TOLERANCE_SECONDS = 2.0


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a run failed, as `NluRlError` has it."""

    message: str
    fix: str = ""
    exit_code: int = 1


@dataclass(frozen=True, slots=True)
class Status:
    """All that `status.json` holds. Times are seconds since the epoch; `progress` is (done, total) of `phase`."""

    kind: str = "train"
    state: State = "queued"
    pid: int | None = None
    pid_started: float | None = None
    host: str | None = None
    step: int = 0
    total: int | None = None
    phase: str | None = None
    progress: tuple[int, int | None] | None = None
    heartbeat: float = 0.0
    started: float | None = None
    ended: float | None = None
    error: Failure | None = None
    v: int = VERSION

    @property
    def live(self) -> bool:
        return self.state not in ENDED

    @property
    def is_prepared(self) -> bool:
        """Whether no worker of the run was ever launched, nor is about to be by us."""
        return self.state == "queued" and self.pid is None and self.phase == PREPARED


def write_status(run: "RunDirectory", status: Status, *, durable: bool = False) -> None:
    """Replace `status.json`; on a full disk the end of a run is written over the earlier status.

    Raises:
        OSError: it cannot be written; the earlier status stays.
    """
    try:
        write_json(run.status_path, asdict(status), durable=durable)
    except OSError:
        if status.live:
            raise
        write_over(run.status_path, json_text(asdict(status)))


def read_status(run: "RunDirectory", *, now: float | None = None) -> Status:
    """Return the status, with `lost` when the worker is gone. A damaged file reads as lost too."""
    moment = time.time() if now is None else now
    status = _written(run)
    if status.live and not _worker_alive(status, moment):
        status = _written(run)  # it may have written how it ended between the two looks
    if status.live and not _worker_alive(status, moment):
        failure = Failure(
            "The worker ended without a word: killed, out of memory, or the machine went down.",
            f"{_how_to_go_on(run, status)}; see {run.log_path}.",
            1,
        )
        return replace(status, state="lost", error=failure)
    return status


def _written(run: "RunDirectory") -> Status:
    try:
        return parse_status(json.loads(run.status_path.read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):
        failure = Failure("The status of the run is missing or damaged.", "Give its command again, or resume it.", 1)
        return Status(state="lost", error=failure)


def _how_to_go_on(run: "RunDirectory", status: Status) -> str:
    from nlu_rl.runs.checkpoints import how_to_go_on

    return how_to_go_on(run) if status.kind == "train" else "Give the same command again"


def parse_status(data: Any) -> Status:
    """Return the status in decoded JSON. Keys of later versions are ignored.

    Raises:
        ValueError, TypeError: it is not a status.
    """
    if not isinstance(data, dict) or data.get("state") not in get_args(State):
        raise ValueError("not a status")
    known = {field.name for field in fields(Status)}
    values = {key: value for key, value in data.items() if key in known}
    if values.get("progress") is not None:
        done, total = values["progress"]
        values["progress"] = (int(done), None if total is None else int(total))
    if values.get("error") is not None:
        error = values["error"]
        values["error"] = Failure(str(error["message"]), str(error.get("fix", "")), int(error.get("exit_code", 1)))
    values["heartbeat"] = float(values.get("heartbeat") or 0.0)
    status = Status(**values)
    numbers = (status.step, status.total, status.pid, status.pid_started, status.started, status.ended)
    if not all(number is None or isinstance(number, int | float) for number in numbers):
        raise ValueError("not a status")
    return status


def process_started(pid: int) -> float | None:
    """Return when the process started, in seconds since the epoch; None when it is gone (or a zombie)."""
    import psutil

    try:
        process = psutil.Process(pid)
        return None if process.status() == psutil.STATUS_ZOMBIE else float(process.create_time())
    except psutil.Error:
        return None


def host_name() -> str:
    return socket.gethostname()


def _worker_alive(status: Status, now: float) -> bool:
    silence = now - status.heartbeat
    if status.pid is None:
        return status.is_prepared or silence < QUEUE_SECONDS
    if status.host != host_name():
        return silence < SILENCE_SECONDS
    started = process_started(status.pid)
    if started is None:
        return False
    same = status.pid_started is None or abs(started - status.pid_started) < _START_TOLERANCE_SECONDS
    return same or silence < SILENCE_SECONDS / 6  # the clock was set, not the process changed
