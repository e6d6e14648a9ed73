"""One moment of a run, read in a thread and never changed after: what the monitor draws from."""

import time
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nlu_rl.errors import NluRlError
from nlu_rl.runs.checkpoints import best_record, complete_checkpoints
from nlu_rl.runs.health import Concern, Held, Pulse, examine
from nlu_rl.runs.history import History, Point, main_score
from nlu_rl.runs.jobs import read_job
from nlu_rl.runs.layout import RunDirectory, open_run
from nlu_rl.runs.overview import read_recipe
from nlu_rl.runs.status import Status
from nlu_rl.runs.tail import TailReader, file_size, last_lines

KEPT_SAMPLES = 400
LOG_LINES = 200
CHECKPOINT_SECONDS = 2.0
METRICS = (
    "reward",
    "accuracy",
    "kl",
    "loss",
    "policy_loss",
    "value_loss",
    "entropy",
    "generate_seconds",
    "score_seconds",
    "update_seconds",
    "step_seconds",
    "completion_tokens",
)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """Everything a monitor shows."""

    status: Status
    kind: str
    recipe: Mapping[str, Any]
    series: Mapping[str, list[Point]]
    """By metric; those of a mix also by task, as `reward/<task>`."""
    clock: list[Point]
    """Seconds since the first step, by step."""
    scores: Mapping[str, list[Point]]
    """Main validation score by task."""
    base_scores: Mapping[str, float]
    """The same before the run that this one goes on from; empty for a run that begins with the base model."""
    latest: Mapping[str, Any]
    """The metrics of the last step."""
    eta_seconds: float | None
    best: Mapping[str, Any]
    """`{"step", "score"}`, or empty."""
    checkpoint: int | None
    concerns: tuple[Concern, ...]
    samples: tuple[Mapping[str, Any], ...]
    """The latest last."""
    log: tuple[str, ...]
    result: Mapping[str, Any]


class SnapshotReader:
    """Follows one run. `read` waits for the disk only."""

    def __init__(self, run: RunDirectory) -> None:
        self.run = run
        self._history = History(run)
        self._samples = TailReader(run.samples_path)
        self._kept: deque[Mapping[str, Any]] = deque(maxlen=KEPT_SAMPLES)
        self._kind = read_job(run).kind
        self._recipe = read_recipe(run)
        self._series: dict[str, list[Point]] = {}
        self._points = 0
        self._clock: list[Point] = []
        self._scores: dict[str, list[Point]] = {}
        self._base_scores = _base_scores(self._recipe.get("start_from"))
        self._shown_samples: tuple[Mapping[str, Any], ...] = ()
        self._log: tuple[str, ...] = ()
        self._log_size: int | None = None
        self._best: Mapping[str, Any] = {}
        self._checkpoint: int | None = None
        self._looked = -CHECKPOINT_SECONDS
        self._pulse, self._held = Pulse(), Held()

    def read(self) -> Snapshot:
        history = self._history
        if history.poll() or not self._series or len(history.points) < self._points:
            self._points = len(history.points)
            self._series, self._clock = self._all_series(), history.clock()
            tasks = dict.fromkeys(str(event.get("task")) for event in history.validations)
            self._scores = {task: history.scores(task) for task in tasks}
        if self._follow_samples():
            self._shown_samples = tuple(self._kept)
        self._look_at_files()
        latest = history.latest.get("metrics")
        return Snapshot(
            status=history.status,
            kind=self._kind,
            recipe=self._recipe,
            series=self._series,
            clock=self._clock,
            scores=self._scores,
            base_scores=self._base_scores,
            latest=latest if isinstance(latest, dict) else {},
            eta_seconds=history.eta_seconds() if history.status.live else None,
            best=self._best,
            checkpoint=self._checkpoint,
            concerns=tuple(self._concerns()),
            samples=self._shown_samples,
            log=self._log,
            result=self._result(),
        )

    def _follow_samples(self) -> bool:
        """Take what is new, drop what a resume does again; return whether there was any."""
        found: list[Mapping[str, Any]] = []
        replaced, before = self._samples.replaced, len(self._kept)
        while fresh := self._samples.poll():
            found.extend(fresh)
        if self._samples.replaced != replaced:
            self._kept.clear()
        self._kept.extend(found)
        if self._history.begins_again:
            stay = [one for one in self._kept if _step_of(one) <= self._history.status.step]
            self._kept = deque(stay, maxlen=KEPT_SAMPLES)
        return bool(found) or len(self._kept) != before

    def _look_at_files(self) -> None:
        """Read the log and the records of checkpoints again if they may have changed."""
        if (size := file_size(self.run.log_path)) != self._log_size:
            self._log_size = size
            self._log = tuple(last_lines(self.run.log_path, LOG_LINES))
        now = time.monotonic()
        if now - self._looked >= CHECKPOINT_SECONDS:
            self._looked = now
            checkpoints = complete_checkpoints(self.run)
            self._checkpoint = checkpoints[-1][0] if checkpoints else None
            self._best = best_record(self.run)

    def _concerns(self) -> list[Concern]:
        if not self.run.path.is_dir():
            advice = "Press esc; if it was removed with nlu-rl, u on the runs' screen brings it back."
            return [Concern("gone", f"The folder of {self.run.name} is no longer there.", advice)]
        history, now = self._history, time.monotonic()
        silence = self._pulse.silence_seconds(history.status.heartbeat, time.time(), now)
        found = examine(history.status, list(history.steps), history.warnings, silence)
        return self._held.hold(found, now) if history.status.live else found

    def _all_series(self) -> dict[str, list[Point]]:
        per_task = [name for name in self._metrics_of_latest() if name.startswith("reward/")]
        return {name: points for name in (*METRICS, *per_task) if (points := self._history.series(name))}

    def _metrics_of_latest(self) -> Mapping[str, Any]:
        metrics = self._history.latest.get("metrics")
        return metrics if isinstance(metrics, dict) else {}

    def _result(self) -> Mapping[str, Any]:
        """Return the result of a job that is no training, once there is one."""
        import json

        if self._kind == "train":
            return {}
        try:
            result = json.loads(self.run.result_path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return {}
        return result if isinstance(result, dict) else {}


def _step_of(sample: Mapping[str, Any]) -> int:
    step = sample.get("step")
    return step if isinstance(step, int) else 0


def _base_scores(start_from: Any) -> dict[str, float]:
    """Return what the run of that name scored at its step 0, by task; empty when it is not there any more."""
    if not isinstance(start_from, str):
        return {}
    try:
        history = History(open_run(start_from))
    except NluRlError:
        return {}
    history.poll()
    first = (event for event in history.validations if event.get("step") == 0)
    return {str(event.get("task")): score for event in first if (score := main_score(event)) is not None}
