"""A run over all of its steps: what `Watch` knows, and every metric from the first step to the last, in bounded memory.

Of a long file that is already there when it is opened, only every n-th step is read, so that a run of 100,000 steps
opens at once; the latest steps, and everything that is not a step, are read whole. A run that grows past the bound is
thinned to every second step.
"""

import itertools
import os
import re
from pathlib import Path
from statistics import fmean
from typing import Any

from nlu_rl.runs.events import EventReader
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.watch import KEPT_STEPS, Watch, metric

KEPT_POINTS = 2000
_STEP_BYTES = 500  # a usual step event
_NO_STEP = re.compile(rb'"type": "(?!step")')

Point = tuple[int, float]
"""(step, value)."""


class ThinningReader(EventReader):
    """Reads about `keep` of the step events that are in the file now, and all that come later."""

    def __init__(self, path: Path, keep: int) -> None:
        super().__init__(path)
        try:
            size = os.stat(path).st_size
        except OSError:
            size = 0
        self._stride_bytes = max(1, size // keep)
        self._thin_until = size - KEPT_STEPS * _STEP_BYTES if self._stride_bytes > 2 * _STEP_BYTES else 0

    def _lines(self, block: bytes, offset: int) -> list[bytes]:
        """Of what was there at first, take the line at every stride and those that are no step; the rest is not split.

        A line is looked for with `find`, so that a file of 40 MB costs little more than reading it.
        """
        thinned = block[: block.rfind(b"\n", 0, max(0, self._thin_until - offset)) + 1]
        begins = {thinned.rfind(b"\n", 0, at) + 1 for at in range(0, len(thinned), self._stride_bytes)}
        begins |= {thinned.rfind(b"\n", 0, found.start()) + 1 for found in _NO_STEP.finditer(thinned)}
        kept = [thinned[begin : thinned.index(b"\n", begin)] for begin in sorted(begins)] if thinned else []
        return [*kept, *super()._lines(block[len(thinned) :], offset + len(thinned))]


class History(Watch):
    """A `Watch` that also keeps `points`, at most twice `keep` step events besides the latest, and validations."""

    def __init__(self, run: RunDirectory, keep: int = KEPT_POINTS) -> None:
        self._keep = keep
        super().__init__(run)
        self._reader = ThinningReader(run.events_path, keep)

    def _forget(self) -> None:
        super()._forget()
        self.points: list[dict[str, Any]] = []
        self.validations: list[dict[str, Any]] = []

    def series(self, name: str) -> list[Point]:
        """Return one metric over the steps that have it."""
        found = ((event["step"], metric(event, name)) for event in self.points)
        return [(step, value) for step, value in found if value is not None]

    def scores(self, task: str | None = None) -> list[Point]:
        """Return the main validation score over the steps; of several tasks, of one of them."""
        return [
            (event["step"], score)
            for event in self.validations
            if task in (None, event.get("task")) and (score := main_score(event)) is not None
        ]

    def mean_scores(self) -> list[Point]:
        """Return the main validation score over the steps; of several tasks the mean, at steps that all have.

        By that a run's best checkpoint is chosen.
        """
        by_step: dict[int, dict[Any, float]] = {}
        for event in self.validations:
            if (value := main_score(event)) is not None:
                by_step.setdefault(event["step"], {})[event.get("task")] = value
        tasks = {task for found in by_step.values() for task in found}
        return [(step, fmean(found.values())) for step, found in by_step.items() if len(found) == len(tasks)]

    def clock(self) -> list[Point]:
        """Return the seconds from the run's first step to each of the others, pauses and interruptions included.

        Where the machine's clock was set back, no time has passed.
        """
        times = [(event["step"], t) for event in self.points if isinstance(t := event.get("t"), int | float)]
        spent, found = 0.0, [(step, 0.0) for step, _ in times[:1]]
        for (_, before), (step, t) in itertools.pairwise(times):
            spent += max(0.0, t - before)
            found.append((step, spent))
        return found

    def _drop_steps(self, after: int) -> None:
        super()._drop_steps(after)
        _drop_from(self.points, after + 1)
        if self.begins_again:
            _drop_from(self.validations, after + 1)

    @property
    def latest(self) -> dict[str, Any]:
        """The last step event; empty before the first."""
        return self.steps[-1] if self.steps else {}

    def _take(self, event: dict[str, Any]) -> None:
        super()._take(event)
        kind, number = event.get("type"), event.get("step")
        if not isinstance(number, int):
            return
        if kind == "step":
            self.points.append(event)
        elif kind == "resume":
            _drop_from(self.validations, number + 1)
        elif kind == "validation":
            self.validations.append(event)
        for kept in (self.points, self.validations):
            if len(kept) > 2 * self._keep + KEPT_STEPS:
                del kept[:-KEPT_STEPS:2]


def main_score(validation: dict[str, Any]) -> float | None:
    """Return the score by which a validation is compared: the task's main metric, else its only one."""
    scores = validation.get("scores")
    if not isinstance(scores, dict) or not scores:
        return None
    value = scores.get(validation.get("metric"), next(iter(scores.values())))
    return float(value) if isinstance(value, int | float) else None


def _drop_from(events: list[dict[str, Any]], step: int) -> None:
    """Remove the events at `step` or later from the end: a resume has superseded them."""
    while events and events[-1]["step"] >= step:
        events.pop()
