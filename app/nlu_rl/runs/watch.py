"""The reader's side of a run: everything a display needs, from status and events, in bounded memory.

A finished run reads the same as a live one.
"""

import statistics
from collections import deque
from collections.abc import Sequence
from typing import Any

from nlu_rl.runs.events import EventReader
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.status import ENDED, Status, read_status

KEPT_STEPS = 200


class Watch:
    """Follows one run. After `poll`, the attributes say what is known of it."""

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self._reader = EventReader(run.events_path)
        self._forget()
        self.status: Status = read_status(run)

    def _forget(self) -> None:
        self.steps: deque[dict[str, Any]] = deque(maxlen=KEPT_STEPS)
        self.warnings: deque[str] = deque(maxlen=3)
        self._between: deque[float] = deque(maxlen=KEPT_STEPS)
        self.baselines: dict[str, dict[str, Any]] = {}
        self.validated: dict[str, dict[str, Any]] = {}
        """The validation before training, and the last one, of each task."""
        self.checkpoint: dict[str, Any] | None = None
        self._goes_on = False
        """Whether the worker has gone on since the last step, without a pause or a new start."""

    @property
    def skipped_lines(self) -> int:
        return self._reader.skipped

    @property
    def ended(self) -> bool:
        return self.status.state in ENDED

    def poll(self) -> list[dict[str, Any]]:
        """Read what is new, status first: once it has ended, the events that follow here are the last."""
        self.status = read_status(self.run)
        replaced = self._reader.replaced
        fresh: list[dict[str, Any]] = []
        while events := self._reader.poll():
            if self._reader.replaced != replaced:
                replaced = self._reader.replaced
                self._forget()
                fresh.clear()
            for event in events:
                self._take(event)
            fresh = [*fresh, *events][-KEPT_STEPS:]
        if self.begins_again:
            self._drop_steps(self.status.step)
        return fresh

    @property
    def begins_again(self) -> bool:
        """Whether the run is about to be resumed: what lies beyond its checkpoint will be done again."""
        status = self.status
        return status.kind == "train" and status.state in ("queued", "loading") and status.started is not None

    def _drop_steps(self, after: int) -> None:
        while self.steps and self.steps[-1]["step"] > after:
            self.steps.pop()

    def eta_seconds(self) -> float | None:
        """Return how long the remaining steps will take, at the pace of the last ones, validations among them."""
        seconds = [s for event in self.steps if (s := metric(event, "step_seconds")) is not None]
        return eta_seconds(seconds, self.status.step, self.status.total, self._between)

    def _note_between(self, event: dict[str, Any]) -> None:
        """Note the time since the step before that was no step's: of validations and checkpoints, not of pauses."""
        before, seconds = self.steps[-1] if self.steps else {}, metric(event, "step_seconds")
        if self._goes_on and seconds is not None and before.get("step") == event["step"] - 1:
            started, ended = before.get("t"), event.get("t")
            if isinstance(started, int | float) and isinstance(ended, int | float):
                self._between.append(max(0.0, ended - started - seconds))

    def _take(self, event: dict[str, Any]) -> None:
        kind, number = event.get("type"), event.get("step")
        if kind in ("step", "resume") and isinstance(number, int):
            self._drop_steps(number - (kind == "step"))
            if kind == "step":
                self._note_between(event)
                self.steps.append(event)
            self._goes_on = kind == "step"
        elif kind == "state" and event.get("state") == "paused":
            self._goes_on = False
        elif kind == "validation":
            task = str(event.get("task"))
            self.validated[task] = event
            if number == 0:
                self.baselines[task] = event
        elif kind == "checkpoint":
            self.checkpoint = event
        elif kind == "warning":
            self.warnings.append(str(event.get("message", "")))


def eta_seconds(
    step_seconds: Sequence[float], step: int, total: int | None, between: Sequence[float] = ()
) -> float | None:
    """Return the median of the last 20 step times, and the mean time between steps, for each step left.

    Between steps lie validations and checkpoints. None when nothing is known.
    """
    if total is None or not step_seconds:
        return None
    pace = statistics.median(step_seconds[-20:]) + (statistics.fmean(between) if between else 0.0)
    return pace * max(0, total - step)


def metric(event: dict[str, Any], name: str) -> float | None:
    """Return one metric of a step event; None when it has none."""
    metrics = event.get("metrics")
    value = metrics.get(name) if isinstance(metrics, dict) else None
    return float(value) if isinstance(value, int | float) else None
