"""What is wrong with a run and what to do about it, told from its last steps. Pure; thresholds are rules of thumb.

A concern is advice, never an action: nothing stops a run but the person.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import fmean
from typing import Any

from nlu_rl.runs.status import Status
from nlu_rl.runs.watch import metric

LATE_SECONDS = 15.0  # a worker beats every two
RECENT_STEPS = 10
FLAT_STEPS = 40
FLAT_CHANGE = 0.02
SOLVED_ACCURACY = 0.95
ZERO_VARIANCE_SHARE = 0.8
UNPARSED_SHARE = 0.2
KL_LIMIT_NATS = 5.0
HOLD_SECONDS = 20.0
HELD = ("unparsed", "kl", "zero-variance", "flat")
"""The concerns that are told from noisy values, the gravest first: at a threshold they would come and go."""


@dataclass(frozen=True, slots=True)
class Concern:
    """`name` is stable; `message` says what was seen, `advice` what to try."""

    name: str
    message: str
    advice: str


class Pulse:
    """How long a worker has been silent. Once it has been heard, by a clock that nobody can set."""

    def __init__(self) -> None:
        self._beat: float | None = None
        self._since = 0.0
        self._heard = False

    def silence_seconds(self, heartbeat: float, now: float, monotonic: float) -> float:
        """Return the seconds since the last beat; `heartbeat` and `now` by the clock of the day."""
        if heartbeat != self._beat:
            self._heard = self._beat is not None
            self._beat, self._since = heartbeat, monotonic
        silence = monotonic - self._since
        return silence if self._heard else max(silence, now - heartbeat)


class Held:
    """Keeps what is told from noisy values until it has been away for HOLD_SECONDS."""

    def __init__(self) -> None:
        self._last: dict[str, tuple[Concern, float]] = {}

    def hold(self, found: Iterable[Concern], monotonic: float) -> list[Concern]:
        """Return the concerns found, and those that have only just gone, the gravest first."""
        found = list(found)
        self._last |= {concern.name: (concern, monotonic) for concern in found if concern.name in HELD}
        kept = [self._last[name] for name in HELD if name in self._last]
        others = [concern for concern in found if concern.name not in HELD]
        return others + [concern for concern, seen in kept if monotonic - seen < HOLD_SECONDS]


def examine(
    status: Status, steps: Sequence[dict[str, Any]], warnings: Iterable[str], silence_seconds: float
) -> list[Concern]:
    """Return the concerns, the gravest first. `steps` are step events, the latest last."""
    found = [
        _ended(status),
        _late(status, silence_seconds),
        _not_finite(warnings),
        _unparsed(steps),
        _far_from_base(steps),
        _zero_variance(steps),
        _flat(steps),
    ]
    return [concern for concern in found if concern is not None]


def _ended(status: Status) -> Concern | None:
    if status.state not in ("failed", "lost"):
        return None
    error = status.error
    return Concern(status.state, error.message if error else "The run failed.", error.fix if error else "See its log.")


def _late(status: Status, silence: float) -> Concern | None:
    if not status.live or status.pid is None or silence < LATE_SECONDS:
        return None
    return Concern(
        "late",
        f"No sign of life for {silence:.0f} s.",
        "The machine may be swapping or the disk full; look at the log. The run is called lost when its worker ends.",
    )


def _not_finite(warnings: Iterable[str]) -> Concern | None:
    for warning in reversed(list(warnings)):
        if warning.startswith("Not a finite number"):
            return Concern("nan", warning, "Stop, and start again with a lower train.learning_rate.")
    return None


def _unparsed(steps: Sequence[dict[str, Any]]) -> Concern | None:
    rate = _recent(steps, "parse_rate_lenient")
    rate = _recent(steps, "parse_rate") if rate is None else rate
    if rate is None or 1 - rate <= UNPARSED_SHARE:
        return None
    return Concern(
        "unparsed",
        f"In {1 - rate:.0%} of the completions no answer can be read.",
        "Start from a supervised run (start_from), or raise generation.max_new_tokens if answers are cut off.",
    )


def _far_from_base(steps: Sequence[dict[str, Any]]) -> Concern | None:
    kl = _recent(steps, "kl")
    if kl is None or kl <= KL_LIMIT_NATS:
        return None
    return Concern(
        "kl",
        f"The model has moved {kl:.1f} nats from its base.",
        "Look whether the samples still read well; raise the KL coefficient or lower train.learning_rate.",
    )


def _zero_variance(steps: Sequence[dict[str, Any]]) -> Concern | None:
    share = _recent(steps, "zero_variance_groups")
    if share is None or share <= ZERO_VARIANCE_SHARE:
        return None
    return Concern(
        "zero-variance",
        f"In {share:.0%} of the groups all completions score alike, so they teach nothing.",
        "Raise generation.temperature or grpo.completions; if the answers are right, the task is learnt.",
    )


def _flat(steps: Sequence[dict[str, Any]]) -> Concern | None:
    rewards = _values(steps[-FLAT_STEPS:], "reward")
    accuracy = _recent(steps, "accuracy")
    if len(rewards) < FLAT_STEPS or (accuracy is not None and accuracy >= SOLVED_ACCURACY):
        return None
    half = FLAT_STEPS // 2
    if abs(fmean(rewards[half:]) - fmean(rewards[:half])) >= FLAT_CHANGE:
        return None
    return Concern(
        "flat",
        f"The reward has not moved for {FLAT_STEPS} steps.",
        "Raise train.learning_rate, lower the KL coefficient, or start from a supervised run.",
    )


def _recent(steps: Sequence[dict[str, Any]], name: str) -> float | None:
    """Return the mean of a metric over the last steps; None before there are enough."""
    values = _values(steps[-RECENT_STEPS:], name)
    return fmean(values) if len(values) >= RECENT_STEPS // 2 else None


def _values(steps: Sequence[dict[str, Any]], name: str) -> list[float]:
    return [value for event in steps if (value := metric(event, name)) is not None]
