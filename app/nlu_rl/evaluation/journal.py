"""The file of predictions: appended chunk by chunk, so that an interrupted evaluation goes on where it was.

`settings.json` beside it states what the predictions depend on; a file made under other settings is refused, never
mixed. What counts on resuming is the longest run of whole chunks in the planned order; a cut last line, or a part of a
chunk, is done again, so that a resumed file equals an uninterrupted one to the byte.
"""

import json
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nlu_rl.errors import RunError
from nlu_rl.evaluation.fingerprint import differences, of_value
from nlu_rl.runs.files import disk_error, write_json

Line = dict[str, Any]
Key = tuple[int, int]
"""Row number and sample."""


class Journal:
    """The predictions of one evaluation on disk.

    Raises:
        RunError: the folder holds predictions made under other settings, or cannot be written.
    """

    def __init__(self, path: Path, settings: Mapping[str, Any]) -> None:
        self.path = path
        self._settings_path = path.with_name("settings.json")
        plain = json.loads(json.dumps(settings))
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            earlier = read_settings(path.parent)
            if earlier is None and not path.exists():
                write_json(self._settings_path, {"fingerprint": of_value(plain), "settings": plain})
            elif earlier != plain:
                changed = ", ".join(differences(earlier or {}, plain)) or "settings.json"
                raise RunError(
                    f"{path.parent} holds predictions made under other settings (different: {changed}).",
                    "Start a new evaluation; the earlier predictions are kept.",
                )
        except OSError as error:
            raise disk_error(error, f"write the predictions to {path.parent}") from None

    def resume(self, chunks: Sequence[Sequence[Key]]) -> tuple[int, list[Line]]:
        """Cut the file after its last whole chunk.

        Returns:
            How many chunks are done, and their lines.
        """
        lines, ends = self._whole_lines()
        keys = [(line["index"], line["sample"]) for line in lines]
        planned = [key for chunk in chunks for key in chunk]
        if len(keys) == len(planned) and set(keys) == set(planned):
            return len(chunks), lines
        done, count = 0, 0
        for chunk in chunks:
            if keys[count : count + len(chunk)] != list(chunk):
                break
            done, count = done + 1, count + len(chunk)
        if self.path.exists():
            os.truncate(self.path, ends[count - 1] if count else 0)
        return done, lines[:count]

    def append(self, lines: Sequence[Line]) -> None:
        """Add a chunk.

        Raises:
            RunError: the disk refuses; the chunks before are kept.
        """
        try:
            with self.path.open("a", encoding="utf-8") as file:
                file.write("".join(_text(line) for line in lines))
        except OSError as error:
            raise disk_error(error, f"write the predictions to {self.path}") from None

    def finish(self) -> None:
        """Put the lines in the order of the rows."""
        lines, _ = self._whole_lines()
        ordered = sorted(lines, key=lambda line: (line["index"], line["sample"]))
        if ordered == lines:
            return
        temporary = self.path.with_name(f".{self.path.name}.tmp")
        try:
            temporary.write_text("".join(_text(line) for line in ordered), encoding="utf-8")
            os.replace(temporary, self.path)
        except OSError as error:
            temporary.unlink(missing_ok=True)
            raise disk_error(error, f"write the predictions to {self.path}") from None

    def _whole_lines(self) -> tuple[list[Line], list[int]]:
        """Return the lines up to the first that is cut or damaged, and the byte at which each ends."""
        lines: list[Line] = []
        ends: list[int] = []
        position = 0
        for raw in self.path.read_bytes().splitlines(keepends=True) if self.path.exists() else ():
            position += len(raw)
            line = _parsed(raw)
            if line is None:
                break
            lines.append(line)
            ends.append(position)
        return lines, ends


def read_settings(folder: Path) -> dict[str, Any] | None:
    """Return the settings of the predictions in `folder`; None when there are none, {} when they are damaged."""
    try:
        settings = json.loads((folder / "settings.json").read_text(encoding="utf-8"))["settings"]
    except FileNotFoundError:
        return None
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return settings if isinstance(settings, dict) else {}


def read_lines(path: Path) -> list[Line]:
    """Return the predictions in a file, up to a cut last line.

    Raises:
        RunError: it cannot be read.
    """
    try:
        parsed = [_parsed(raw) for raw in path.read_bytes().splitlines(keepends=True)]
    except OSError as error:
        raise RunError(f"Cannot read the predictions {path}: {error.strerror}.", "Evaluate again.") from None
    return [line for line in parsed if line is not None]


def _text(line: Line) -> str:
    return json.dumps(line, ensure_ascii=False, allow_nan=False) + "\n"


def _parsed(raw: bytes) -> Line | None:
    if not raw.endswith(b"\n"):
        return None
    try:
        line = json.loads(raw)
    except ValueError:
        return None
    return line if isinstance(line, dict) and {"index", "sample", "id", "completion"} <= line.keys() else None
