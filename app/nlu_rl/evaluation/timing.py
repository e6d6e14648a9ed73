"""How long answering takes: seconds and completions, summed over the restarts of an evaluation (`timing.json`)."""

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from nlu_rl.runs.files import write_json


class Timing:
    """Adds up the time spent answering; without a file, for this process alone."""

    def __init__(self, out: Path | None) -> None:
        self._path = None if out is None else out.with_name("timing.json")
        self._completions, self._seconds = _read(self._path)

    @contextmanager
    def of(self, completions: int) -> Iterator[None]:
        """Count the time inside as that of so many completions."""
        started = time.perf_counter()
        yield
        self._seconds += time.perf_counter() - started
        self._completions += completions
        if self._path is not None and self._path.parent.is_dir():
            write_json(self._path, {"completions": self._completions, "seconds": self._seconds})


def seconds_per_completion(out: Path) -> float | None:
    """Return the mean time of one completion of the predictions in `out`; None where it was not measured."""
    completions, seconds = _read(out.with_name("timing.json"))
    return seconds / completions if completions else None


def _read(path: Path | None) -> tuple[int, float]:
    if path is None:
        return 0, 0.0
    try:
        kept = json.loads(path.read_text(encoding="utf-8"))
        return int(kept["completions"]), float(kept["seconds"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0, 0.0
