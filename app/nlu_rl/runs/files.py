"""Files that are whole or not there: atomic writes, and the sentence for a disk that refuses one.

A reader never sees half a file, and a write that fails (no space left) leaves the earlier file as it was.
"""

import contextlib
import errno
import json
import math
import os
from pathlib import Path
from typing import Any

from nlu_rl.errors import NluRlError, RunError


def write_atomic(path: Path, text: str, *, durable: bool = False) -> None:
    """Write `text` beside `path` and move it into place; `durable` also survives a power cut.

    Raises:
        OSError: the file cannot be written; the earlier one is untouched.
    """
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            if durable:
                os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise


def write_json(path: Path, value: Any, *, durable: bool = False) -> None:
    """As `write_atomic`, for one JSON value; numbers that are not finite become null."""
    write_atomic(path, json_text(value), durable=durable)


def json_text(value: Any) -> str:
    return json.dumps(plain(value), ensure_ascii=False, indent=1, allow_nan=False) + "\n"


def write_over(path: Path, text: str) -> None:
    """Write into the blocks the file already has, which a full disk allows; not atomic, for last words only.

    Raises:
        OSError: it needs more room than it had.
    """
    with path.open("r+b") as file:
        file.write(text.encode())
        file.truncate()


def plain(value: Any) -> Any:
    """Return `value` as JSON types: paths as text, array scalars as numbers, non-finite numbers as None."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return float(value) if math.isfinite(value) else None
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple | set | frozenset):
        return [plain(item) for item in value]
    if hasattr(value, "tolist"):  # arrays and tensors, and their scalars
        return plain(value.tolist())
    return str(value)


def disk_error(error: OSError, doing: str) -> NluRlError:
    """Return what to tell the user when the disk refused `doing` (such as "write the run")."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return RunError(f"No space left on the disk to {doing}.", "Free some space; nothing already written is lost.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS):
        where = f" {error.filename}" if error.filename else ""
        return RunError(
            f"Not allowed to {doing}:{where} is not writable.", "Set NLU_RL_HOME to a folder you can write to."
        )
    return RunError(f"Could not {doing}: {error.strerror or error}.", "Check the disk and try again.")
