"""Lines and tab-separated columns, as the GLUE files mean them: no quoting, and a row ends at a line feed only.

Python's own line reading would also split rows at the carriage returns that stand inside some texts, and csv's quoting
would swallow rows at a lone quotation mark.
"""

import os
from collections.abc import Iterator
from pathlib import Path

from nlu_rl.data.checks import Refusal
from nlu_rl.errors import DataError

_BOM = b"\xef\xbb\xbf"


def read_bytes(path: Path) -> bytes:
    """Return the whole file. Raises DataError when it is missing, unreadable, or not a file that has an end."""
    require_file(path)
    try:
        return path.read_bytes()
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}.", "Give a readable file.") from None


def require_file(path: Path) -> None:
    """Raise DataError for what exists and is not a regular file: reading a pipe would wait for a writer for ever."""
    if os.path.isdir(path):
        raise DataError(f"Cannot read {path}: it is a folder.", "Give a file.")
    if os.path.exists(path) and not os.path.isfile(path):
        raise DataError(f"Cannot read {path}: it is a pipe or a device, not a file.", "Save the rows to a file first.")


def read_lines(path: Path) -> Iterator[tuple[int, str | Refusal]]:
    """Yield each line with its number (from 1), without its end; a line that is not UTF-8 comes as a Refusal.

    A byte order mark is skipped, and so are blank lines at the end of the file.
    """
    content = read_bytes(path).removeprefix(_BOM).rstrip(b"\r\n")
    for number, line in enumerate(content.split(b"\n") if content else (), start=1):
        try:
            yield number, line.removesuffix(b"\r").decode()
        except UnicodeDecodeError:
            yield number, Refusal(number, "the line is not UTF-8 text")


def read_columns(path: Path) -> Iterator[tuple[int, list[str] | Refusal]]:
    """As `read_lines`, each line split at its tabs."""
    for number, line in read_lines(path):
        yield number, line if isinstance(line, Refusal) else line.split("\t")
