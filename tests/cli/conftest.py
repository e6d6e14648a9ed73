"""The command line as a process, in a home that holds the rows of sst2 and the demo, with a stand-in for the worker."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from command import Cli

RECIPE = """\
model: smollm2-135m
tasks: [sst2]
method: ppo
train: {max_steps: 3, learning_rate: 0.05, batch: 4}
"""


def write_rows(dataset: str) -> None:
    from nlu_rl.data.cache import write_splits
    from nlu_rl.data.checks import SplitRows
    from nlu_rl.data.schema import get_schema

    schema = get_schema(dataset)
    parts = []
    for split in ("train", "validation", "test"):
        rows = [
            {
                "id": f"{split}-{number}",
                "fields": dict.fromkeys(schema.fields, f"{split} text {number}"),
                "gold": (schema.answers or ("1.0",))[number % len(schema.answers or ("1.0",))],
            }
            for number in range(8)
        ]
        parts.append(SplitRows(schema, split, "a test", rows))
    write_splits(schema.name, parts)


@pytest.fixture
def cli(home: Path) -> Iterator[Cli]:
    write_rows("sst2")
    write_rows("movie-snippets")
    (home / "r.yaml").write_text(RECIPE)
    yield Cli(home)
    _end_workers(home)


def _end_workers(home: Path) -> None:
    """End the workers a test has left behind."""
    import psutil

    for process in psutil.process_iter(["cmdline"]):
        line = process.info["cmdline"] or []
        if "stand_in_worker" in line and any(str(home) in part for part in line):
            process.kill()


@pytest.fixture
def wait_for() -> Callable[[Callable[[], object]], None]:
    """Return a function that waits until a condition holds, or fails after ten seconds."""
    import time

    def wait(condition: Callable[[], object]) -> None:
        deadline = time.monotonic() + 10
        while not condition():
            assert time.monotonic() < deadline, "waited too long"
            time.sleep(0.03)

    return wait
