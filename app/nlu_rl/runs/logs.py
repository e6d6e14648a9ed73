"""Reading a worker's log, which may grow while it is read."""

import time
from collections import deque
from collections.abc import Callable, Iterator
from pathlib import Path

POLL_SECONDS = 0.3
BLOCK_CHARACTERS = 1 << 16


def tail(path: Path, last_lines: int | None, *, follow: Callable[[], bool]) -> Iterator[str]:
    """Yield the text of a log (its last lines, or all of it), then what is added for as long as `follow()` says so.

    A log that is not there yet is empty. Bytes that are not UTF-8 are shown as replacement characters.
    """
    while not path.exists():
        if not follow():
            return
        time.sleep(POLL_SECONDS)
    with path.open(encoding="utf-8", errors="replace", newline="") as file:
        if last_lines is not None:
            yield "".join(deque(file, maxlen=last_lines)) if last_lines else "".join(deque(file, maxlen=1))[:0]
        while True:
            going_on = follow()  # asked before reading, so that the last words are read
            while text := file.read(BLOCK_CHARACTERS):
                yield text
            if not going_on:
                return
            time.sleep(POLL_SECONDS)
