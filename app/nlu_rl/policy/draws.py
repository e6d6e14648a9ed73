"""Random numbers that are a function of (seed, step, row, completion, token), not of one running generator.

So a sample does not change with the micro-batch, with rows that finish early, with the number of processes or with a
resume. The function is SplitMix64's finaliser applied to each coordinate in turn (Steele, Lea and Flood, 2014).
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Draws:
    """`rows` are the prompts' global row numbers; None counts them from 0."""

    seed: int
    step: int = 0
    rows: Sequence[int] | None = None

    def uniform(
        self, prompts: NDArray[np.int64], completions: NDArray[np.int64], tokens: NDArray[np.int64]
    ) -> NDArray[np.float64]:
        """Return one number in [0, 1) for each triple of prompt index, completion index and token's place."""
        rows = prompts if self.rows is None else np.asarray(self.rows, np.int64)[prompts]
        state = np.full(len(rows), self.seed, np.uint64)
        for coordinate in (self.step, rows, completions, tokens):
            state = _mix(state + np.asarray(coordinate, np.uint64))
        return (state >> np.uint64(11)).astype(np.float64) * 2.0**-53


def _mix(state: NDArray[np.uint64]) -> NDArray[np.uint64]:
    with np.errstate(over="ignore"):
        state = state + np.uint64(0x9E3779B97F4A7C15)
        state = (state ^ (state >> np.uint64(30))) * np.uint64(0xBF58476D1CE4E5B9)
        state = (state ^ (state >> np.uint64(27))) * np.uint64(0x94D049BB133111EB)
        return state ^ (state >> np.uint64(31))
