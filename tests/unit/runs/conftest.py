"""A disk that is full from the moment a test says so."""

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest


@pytest.fixture
def full_disk(monkeypatch: pytest.MonkeyPatch) -> Callable[[], None]:
    """Return a function after which nothing can be written under the run any more: not a line, not a new file."""
    real_open = Path.open

    def refuse(*_: object) -> int:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def open_temporary(path: Path, mode: str = "r", *args: Any, **kwargs: Any) -> Any:
        file = real_open(path, mode, *args, **kwargs)
        if path.suffix == ".tmp":  # it can be made, and not filled
            file.close()
            refuse()
        return file

    def fill() -> None:
        monkeypatch.setattr(os, "write", refuse)
        monkeypatch.setattr(Path, "open", open_temporary)

    return fill
