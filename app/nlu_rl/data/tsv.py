"""Lines and tab-separated columns, as the GLUE files mean them: no quoting, and a row ends at a line feed only.

Python's own line reading would also split rows at the carriage returns that stand inside some texts, and csv's quoting
would swallow rows at a lone quotation mark.
"""

import gzip
import os
import zlib
from collections.abc import Iterator
from pathlib import Path

from nlu_rl.data.checks import Refusal
from nlu_rl.errors import DataError

PACKED = ".gz"
_BOM = b"\xef\xbb\xbf"


def read_bytes(path: Path) -> bytes:
    """Return the whole file, unpacked where its name ends in .gz.

    Raises:
        DataError: it is missing, unreadable, not a file that has an end, or not what its name says.
    """
    require_file(path)
    try:
        content = path.read_bytes()
        return gzip.decompress(content) if path.suffix.casefold() == PACKED else content
    except (gzip.BadGzipFile, EOFError, zlib.error):
        raise DataError(f"{path} is not a whole gzip file.", "Download it again, or give it unpacked.") from None
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}.", "Give a readable file.") from None


def kind_suffix(path: Path) -> str:
    """Return the ending that says what a file is, in small letters: `.csv` of `rows.csv` and `rows.CSV.gz`."""
    suffix = path.suffix.casefold()
    return path.with_suffix("").suffix.casefold() if suffix == PACKED else suffix


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
