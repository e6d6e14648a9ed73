"""How our own PPO step grows along each axis: which points are measured, and having them measured by one worker."""

from dataclasses import asdict, dataclass, replace
from statistics import median
from typing import Any

from bench.measure import Setup, say
from bench.rows import training_rows
from bench.work import Work
from bench.workers import PRODUCT_PYTHON, Worker, worker

REPEATS = 2
DOUBLING_REPEATS = 3
MOST_ROWS = 64


@dataclass(frozen=True)
class Point:
    """One size of a PPO batch of `prompts * copies` rows."""

    prefix_tokens: int = 76
    prompts: int = 16
    copies: int = 1
    new_tokens: int = 8
    micro_batch_tokens: int = 4096


@dataclass(frozen=True)
class Axis:
    """One table."""

    title: str
    unit: str
    points: dict[int, Point]


AXES = (
    Axis("Shared prefix", "tokens", {n: Point(prefix_tokens=n) for n in (76, 152, 300, 600, 1200)}),
    Axis("Completions of each of 4 prompts", "completions", {n: Point(prompts=4, copies=n) for n in (1, 2, 4, 8, 16)}),
    Axis("Batch", "rows", {n: Point(prompts=n) for n in (4, 8, 16, 32, 64)}),
    Axis("Completion", "tokens", {n: Point(new_tokens=n) for n in (1, 4, 8, 16, 32, 64)}),
    Axis(
        "Tokens in one packed row, 64 rows",
        "most tokens",
        {n: Point(prompts=64, micro_batch_tokens=n) for n in (256, 512, 1024, 2048, 4096)},
    ),
)
DOUBLING = Point(prompts=64)


def measure_scaling(setup: Setup) -> dict[str, Any]:
    """Return `axes` (title, unit, points with their seconds) and `doubling`.

    Raises:
        WorkerError: the worker ended.
    """
    work = Work(
        method="ppo",
        task=setup.task.name,
        model=str(setup.model),
        dtype=setup.dtype,
        rows=training_rows(setup.task, setup.tokenizer, MOST_ROWS),
        folder=str(setup.folder / "scaling"),
    )
    with worker("bench.scaling_worker", PRODUCT_PYTHON, work, setup.threads) as measured:
        _seconds(measured, Point(), 1)  # warm-up
        axes = []
        for axis in AXES:
            points = []
            for value, point in axis.points.items():
                seconds = _seconds(measured, point, REPEATS)
                say(f"scaling: {axis.title}, {value} {axis.unit}: {min(seconds):.2f} s")
                points.append({"value": value, "seconds": seconds})
            axes.append({"title": axis.title, "unit": axis.unit, "points": points})
        return {"axes": axes, "doubling": _doubling(measured)}


def _doubling(measured: Worker) -> dict[str, Any]:
    """Measure the step with the prefix once and twice as long, in turn."""
    once, twice = DOUBLING, replace(DOUBLING, prefix_tokens=2 * DOUBLING.prefix_tokens)
    short, long = [], []
    for _ in range(DOUBLING_REPEATS):
        short += _seconds(measured, once, 1)
        long += _seconds(measured, twice, 1)
    added = median(long) / median(short) - 1
    say(f"scaling: doubling the shared prefix adds {added:.1%}")
    return {
        "rows": once.prompts,
        "from_tokens": once.prefix_tokens,
        "to_tokens": twice.prefix_tokens,
        "seconds_from": short,
        "seconds_to": long,
        "added": added,
    }


def _seconds(measured: Worker, point: Point, repeats: int) -> list[float]:
    return list(measured.ask(**asdict(point), repeats=repeats)["steps"])
