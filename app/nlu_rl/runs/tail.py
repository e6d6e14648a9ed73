"""The end of a file that may be huge and may grow: the last JSON lines of samples, the last lines of a log."""

import os
from pathlib import Path

from nlu_rl.runs.events import EventReader

TAIL_BYTES = 1 << 18


class TailReader(EventReader):
    """An `EventReader` that begins near the end of what is there, at a whole line."""

    def __init__(self, path: Path, tail_bytes: int = TAIL_BYTES) -> None:
        super().__init__(path)
        self._tail_bytes = tail_bytes
        self._begin(file_size(path) or 0)

    def _begin(self, size: int) -> None:
        self._offset = max(0, size - self._tail_bytes)
        self._inside_long_line = self._offset > 0  # the line it falls into is skipped

    def _notice_replacement(self, found: os.stat_result) -> None:
        before = self.replaced
        super()._notice_replacement(found)
        if self.replaced != before:
            self._begin(found.st_size)


def file_size(path: Path) -> int | None:
    """Return the bytes of a file; None when it is not there."""
    try:
        return os.stat(path).st_size
    except OSError:
        return None


def last_lines(path: Path, count: int, tail_bytes: int = TAIL_BYTES) -> list[str]:
    """Return the last lines of a text file; none when it cannot be read."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - tail_bytes))
            text = file.read(tail_bytes).decode("utf-8", "replace")
    except OSError:
        return []
    return text.splitlines()[-count:]
