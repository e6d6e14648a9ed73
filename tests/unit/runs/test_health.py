"""Each concern is raised by what it is about and by nothing else."""

from typing import Any

import pytest

from nlu_rl.runs.curve import extremes, means, smooth
from nlu_rl.runs.health import HOLD_SECONDS, Concern, Held, Pulse, examine
from nlu_rl.runs.status import Failure, Status

LIVE = Status(state="training", pid=1, heartbeat=100.0)


def steps(count: int = 50, **metrics: float) -> list[dict[str, Any]]:
    rising = [{"reward": n / count, "accuracy": 0.5, "parse_rate": 0.95, "kl": 0.1} for n in range(count)]
    return [{"type": "step", "step": n, "metrics": {**values, **metrics}} for n, values in enumerate(rising, start=1)]


@pytest.mark.parametrize(
    ("changed", "warnings", "status", "silence", "names"),
    [
        ({}, [], LIVE, 1.0, []),
        ({}, [], LIVE, 30.0, ["late"]),
        ({}, ["Not a finite number at step 3: loss."], LIVE, 1.0, ["nan"]),
        ({"parse_rate": 0.5}, [], LIVE, 1.0, ["unparsed"]),
        ({"parse_rate": 0.5, "parse_rate_lenient": 0.9}, [], LIVE, 1.0, []),
        ({"kl": 9.0}, [], LIVE, 1.0, ["kl"]),
        ({"zero_variance_groups": 0.9}, [], LIVE, 1.0, ["zero-variance"]),
        ({"reward": 0.2}, [], LIVE, 1.0, ["flat"]),
        ({"reward": 1.0, "accuracy": 1.0}, [], LIVE, 1.0, []),
        ({}, [], Status(state="failed", error=Failure("No memory.", "Use less.")), 900.0, ["failed"]),
    ],
)
def test_concerns(
    changed: dict[str, float], warnings: list[str], status: Status, silence: float, names: list[str]
) -> None:
    found = examine(status, steps(**changed), warnings, silence)
    assert [concern.name for concern in found] == names
    assert all(concern.message.endswith(".") and concern.advice for concern in found)


def test_a_run_that_has_just_begun_raises_nothing() -> None:
    assert examine(LIVE, steps(3, parse_rate=0.0, kl=99.0), [], 1.0) == []


def test_what_hovers_at_a_threshold_does_not_come_and_go() -> None:
    late, flat, unparsed = (Concern(name, "Seen.", "Do.") for name in ("late", "flat", "unparsed"))
    held = Held()
    assert held.hold([late, flat], 0.0) == [late, flat]
    assert held.hold([unparsed], 5.0) == [unparsed, flat]
    assert held.hold([], HOLD_SECONDS - 1) == [unparsed, flat]
    assert held.hold([], HOLD_SECONDS + 1) == [unparsed]
    assert held.hold([], HOLD_SECONDS + 5) == []


def test_silence_is_told_whatever_happens_to_the_clock() -> None:
    pulse = Pulse()
    assert pulse.silence_seconds(100.0, now=130.0, monotonic=5.0) == 30.0  # silent before anyone looked
    assert pulse.silence_seconds(131.0, now=131.0, monotonic=6.0) == 0.0
    assert pulse.silence_seconds(131.0, now=3731.0, monotonic=7.0) == 1.0  # the clock was set an hour forward
    assert pulse.silence_seconds(10.0, now=10.0, monotonic=8.0) == 0.0  # and back by more
    assert pulse.silence_seconds(10.0, now=1.0, monotonic=38.0) == 30.0
    ahead = Pulse()
    assert ahead.silence_seconds(9999.0, now=10.0, monotonic=1.0) == 0.0  # of a machine whose clock is ahead
    assert ahead.silence_seconds(9999.0, now=10.0, monotonic=21.0) == 20.0


def test_smoothing_is_not_drawn_to_zero_and_can_be_off() -> None:
    assert smooth([(1, 4.0), (2, 4.0)], 0.9) == [(1, pytest.approx(4.0)), (2, pytest.approx(4.0))]
    assert smooth([(1, 4.0), (2, 8.0)], 0.0) == [(1, 4.0), (2, 8.0)]
    assert smooth([(1, 0.0), (2, 1.0)], 0.5)[1][1] == pytest.approx(2 / 3)


def test_thinning_keeps_the_peaks_and_the_order() -> None:
    points = [(float(n), 0.0) for n in range(1000)]
    points[501] = (501.0, 9.0)
    kept = extremes(points, 20)
    assert (501.0, 9.0) in kept
    assert len(kept) <= 40
    assert kept == sorted(kept)
    assert means([1.0, 3.0, 5.0, 7.0], 2) == [2.0, 6.0]
    assert means([1.0], 8) == [1.0]
