"""`events.jsonl`: what happened, one JSON object a line, appended by the worker and tailed by any number of readers.

A reader never holds more than a fixed amount, stops at the last newline, and skips (and counts) lines that are not
JSON, such as the half line of a worker that was killed.
"""

import json
import math
import os
import time
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from nlu_rl.runs.files import disk_error, plain

VERSION = 1
POLL_BYTES = 1 << 22


class EventWriter:
    """Appends events; every line is one write. A number that is not finite becomes null, and a warning event follows.

    `write` raises RunError when the disk refuses; the lines before stay whole.
    """

    def __init__(self, path: Path) -> None:
        self.path = path

    def write(self, event: dict[str, Any]) -> None:
        record = {"v": VERSION, "t": round(time.time(), 3), **event}
        append_line(self.path, record)
        broken = _non_finite(record)
        if broken:
            at = f" at step {record['step']}" if "step" in record else ""
            message = f"Not a finite number{at}: {', '.join(broken)}."
            append_line(self.path, {"v": VERSION, "t": record["t"], "type": "warning", "message": message})


def has_steps(path: Path, after: int = 0) -> bool:
    """Return whether an event file tells of a training step beyond `after`."""
    reader = EventReader(path)
    while events := reader.poll():
        steps = (event.get("step") for event in events if event.get("type") == "step")
        if any(isinstance(step, int) and step > after for step in steps):
            return True
    return False


class EventReader:
    """Reads a growing file by byte offset.

    `skipped` counts unreadable lines, `replaced` how often the file turned out to be another one.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self.skipped = 0
        self.replaced = 0
        self._offset = 0
        self._inode: int | None = None
        self._inside_long_line = False

    def poll(self) -> list[dict[str, Any]]:
        """Return the whole new lines, at most `POLL_BYTES` of them; call again until empty to catch up."""
        try:
            with self.path.open("rb") as file:
                self._notice_replacement(os.fstat(file.fileno()))
                file.seek(self._offset)
                block = file.read(POLL_BYTES)
        except OSError:
            return []
        end = block.rfind(b"\n") + 1
        if not end:
            if len(block) == POLL_BYTES:  # one line longer than we are willing to hold
                self._offset += len(block)
                self._inside_long_line = True
            return []
        begin = 0
        if self._inside_long_line:
            self._inside_long_line = False
            self.skipped += 1
            begin = block.index(b"\n") + 1
        lines = self._lines(block[begin:end], self._offset + begin)
        self._offset += end
        return [event for line in lines if line.strip() and (event := self._parse(line)) is not None]

    def _lines(self, block: bytes, _offset: int) -> list[bytes]:
        """Return the lines to parse of a block of whole lines that begins at `_offset` of the file."""
        return block.split(b"\n")

    def _notice_replacement(self, found: os.stat_result) -> None:
        if (self._inode is not None and found.st_ino != self._inode) or found.st_size < self._offset:
            self._offset = 0
            self._inside_long_line = False
            self.replaced += 1
        self._inode = found.st_ino

    def _parse(self, line: bytes) -> dict[str, Any] | None:
        try:
            event = json.loads(line)
        except (ValueError, RecursionError):
            event = None
        if not isinstance(event, dict):
            self.skipped += 1
            return None
        return event


def append_line(path: Path, record: dict[str, Any]) -> None:
    """Append one JSON line in one write, after a newline if the file ends inside a line.

    Raises:
        RunError: the disk refuses; what was written of the line is taken back.
    """
    line = (json.dumps(plain(record), ensure_ascii=False, allow_nan=False) + "\n").encode("utf-8", "replace")
    try:
        file = os.open(path, os.O_RDWR | os.O_APPEND | os.O_CREAT | os.O_CLOEXEC, 0o644)
        try:
            size = os.fstat(file).st_size
            if size and os.pread(file, 1, size - 1) != b"\n":
                line = b"\n" + line
            written = os.write(file, line)
            while written < len(line):
                try:
                    written += os.write(file, line[written:])
                except OSError:
                    os.ftruncate(file, size)
                    raise
        finally:
            os.close(file)
    except OSError as error:
        raise disk_error(error, f"write {path}") from None


def read_events(path: Path) -> Iterable[dict[str, Any]]:
    """Yield every event now in the file."""
    reader = EventReader(path)
    while events := reader.poll():
        yield from events


def merged_steps(events: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the step events as one history: a resume from step n, or a step seen again, supersedes what came after."""
    steps: list[dict[str, Any]] = []
    for event in events:
        number = event.get("step")
        if event.get("type") not in ("step", "resume") or not isinstance(number, int):
            continue
        is_step = event["type"] == "step"
        while steps and steps[-1]["step"] >= number + (0 if is_step else 1):
            steps.pop()
        if is_step:
            steps.append(event)
    return steps


def _non_finite(value: Any, name: str = "") -> list[str]:
    """Return the names of the numbers in `value` that JSON cannot hold."""
    if isinstance(value, dict):
        return [found for key, item in value.items() for found in _non_finite(item, str(key))]
    if isinstance(value, list | tuple):
        return [found for item in value for found in _non_finite(item, name)]
    if hasattr(value, "tolist"):
        return _non_finite(value.tolist(), name)
    return [name] if isinstance(value, float) and not math.isfinite(value) else []
