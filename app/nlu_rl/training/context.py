"""What a trainer is given besides its model: the recipe, the run's files, the engine, the rows, the validation."""

import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

from nlu_rl.policy.policy import Policy
from nlu_rl.recipe import Recipe
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.reporter import Reporter
from nlu_rl.training.processes import Processes
from nlu_rl.training.rows import Rows
from nlu_rl.training.validation import Validation


@dataclass
class StepMetrics:
    """Numbers of the step in progress, under their event names, and stopwatches for its parts."""

    values: dict[str, float] = field(default_factory=dict)
    seconds: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    started: float = field(default_factory=time.monotonic)

    @contextmanager
    def timed(self, part: str) -> Iterator[None]:
        """Add the time spent inside to `<part>_seconds`."""
        start = time.monotonic()
        try:
            yield
        finally:
            self.seconds[f"{part}_seconds"] += time.monotonic() - start

    def take(self) -> dict[str, float]:
        """Return everything recorded since the last call, with `step_seconds`, and start afresh."""
        now = time.monotonic()
        taken = {**self.values, **self.seconds, "step_seconds": now - self.started}
        self.values.clear()
        self.seconds.clear()
        self.started = now
        return taken


@dataclass
class Context:
    """Everything a trainer shares with the run it belongs to."""

    recipe: Recipe
    run: RunDirectory
    reporter: Reporter
    policy: Policy
    tokenizer: Any
    rows: Rows
    validation: Validation | None
    metrics: StepMetrics = field(default_factory=StepMetrics)
    processes: Processes = field(default_factory=Processes)
