"""One file from a URL or from the package index, whole or not at all.

Resumed, checked by SHA-256, and put in place by `os.replace`: what was at the target before stays until the new file is
proven. Not here: hub downloads (`models/fetch.py`), unpacking.
"""

import fcntl
import hashlib
import http.client
import logging
import os
import re
import shutil
import ssl
import time
import urllib.error
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

from nlu_rl.connection import (
    DownloadError,
    MissingFileError,
    explain_failure,
    open_url,
    without_credentials,
)
from nlu_rl.package_index import package_file_url

__all__ = [
    "DownloadError",
    "MissingFileError",
    "Progress",
    "download",
    "fetch_package_file",
    "file_sha256",
    "package_file_url",
]

Progress = Callable[[int, int | None], None]

logger = logging.getLogger(__name__)

_CHUNK_BYTES = 1 << 18
_BACKOFF_SECONDS = (0.3, 1.0, 2.0)
_MARGIN_BYTES = 16 << 20
_RETRIED_STATUS = frozenset({408, 425, 429, 500, 502, 503, 504})


class _InterruptedError(Exception):
    """A try that may go better the next time."""


class _UnexpectedBytesError(Exception):
    """The bytes are not the ones asked for; `resumed` tells whether an older part was among them."""

    def __init__(self, message: str, resumed: bool) -> None:
        super().__init__(message)
        self.resumed = resumed


@dataclass(frozen=True)
class _Wanted:
    url: str
    target: Path
    sha256: str | None
    size: int | None
    progress: Progress | None

    @property
    def part(self) -> Path:
        return self.target.with_name(self.target.name + ".part")


def download(
    url: str, target: Path, *, sha256: str | None, size: int | None = None, progress: Progress | None = None
) -> Path:
    """Bring `url` to `target` and return it; at once when `target` already has the hash.

    `progress(done, total)` is in bytes. An interrupted transfer is resumed, also by a later call.

    Raises:
        DownloadError: no network, refused or missing file, other bytes than expected, no disk space, no permission.
    """
    if sha256 and _has_hash(target, sha256):
        return target
    wanted = _Wanted(url, target, sha256, size, progress)
    with _writing(target):
        target.parent.mkdir(parents=True, exist_ok=True)
        with _only_writer(wanted.part) as stream:
            if sha256 and _has_hash(target, sha256):  # another process was quicker
                wanted.part.unlink()
                return target
            try:
                _receive_checked(wanted, stream)
            except _UnexpectedBytesError as problem:
                wanted.part.unlink(missing_ok=True)
                raise DownloadError(
                    f"What {without_credentials(url)} delivered is damaged or another file: {problem}. It was removed.",
                    "Try again; when it happens again, a proxy or mirror in between changes the file.",
                ) from None
            os.replace(wanted.part, target)
    return target


def fetch_package_file(
    project: str, file_name: str, sha256: str, directory: Path, progress: Progress | None = None
) -> Path:
    """Bring `file_name` of `project` from the package index to `directory`; without network when it is there.

    Raises:
        DownloadError: as `download`, and when no index has the file.
    """
    target = directory / file_name
    if _has_hash(target, sha256):
        return target
    return download(package_file_url(project, file_name), target, sha256=sha256, progress=progress)


def file_sha256(path: Path) -> str:
    """Return the SHA-256 of a file in hexadecimal."""
    with path.open("rb") as stream:
        return hashlib.file_digest(stream, "sha256").hexdigest()


def _has_hash(path: Path, sha256: str) -> bool:
    return os.path.isfile(path) and os.access(path, os.R_OK) and file_sha256(path) == sha256


def _receive_checked(wanted: _Wanted, stream: IO[bytes]) -> None:
    """Fill `stream`; once more from the start when a resumed part turns out to be of another file."""
    if wanted.sha256 is None:
        stream.truncate(0)
    try:
        _receive_with_retries(wanted, stream)
    except _UnexpectedBytesError as problem:
        if not problem.resumed:
            raise
        logger.warning("the part left of %s was of another file; starting again", wanted.target.name)
        stream.truncate(0)
        _receive_with_retries(wanted, stream)


def _receive_with_retries(wanted: _Wanted, stream: IO[bytes]) -> None:
    resumed = stream.seek(0, os.SEEK_END) > 0
    for pause in (*_BACKOFF_SECONDS, None):
        try:
            _receive(wanted, stream)
            break
        except _InterruptedError as interruption:
            cause = interruption.__cause__
            if pause is None:
                raise explain_failure(wanted.url, cause if isinstance(cause, Exception) else interruption) from None
            logger.warning("%s; trying again in %s s", interruption, pause)
            time.sleep(pause)
    stream.flush()
    os.fsync(stream.fileno())
    length = stream.seek(0, os.SEEK_END)
    if wanted.size is not None and length != wanted.size:
        raise _UnexpectedBytesError(f"it has {length} bytes instead of {wanted.size}", resumed)
    if wanted.sha256 and (found := file_sha256(wanted.part)) != wanted.sha256:
        raise _UnexpectedBytesError(f"its SHA-256 is {found} instead of {wanted.sha256}", resumed)


def _receive(wanted: _Wanted, stream: IO[bytes]) -> None:
    """One try: append what is missing. Raises _InterruptedError when it is worth another."""
    have = stream.seek(0, os.SEEK_END)
    try:
        response = open_url(wanted.url, headers={"Range": f"bytes={have}-"} if have else None)
    except urllib.error.HTTPError as error:
        if error.code == 416:
            if have == _length_after_slash(error.headers.get("Content-Range")):
                return
            stream.truncate(0)
            raise _InterruptedError("the part left was too long") from error
        if error.code in _RETRIED_STATUS:
            raise _InterruptedError(f"HTTP {error.code}") from error
        raise explain_failure(wanted.url, error) from None
    except urllib.error.URLError as error:
        if isinstance(error.reason, ssl.SSLCertVerificationError | FileNotFoundError | IsADirectoryError):
            raise explain_failure(wanted.url, error) from None
        raise _InterruptedError(str(error.reason)) from error
    except (OSError, http.client.HTTPException) as error:
        raise _InterruptedError(str(error)) from error
    with response:
        if have and not _continues(response, have):
            stream.truncate(0)
            have = 0
        _append(wanted, response, stream, have)


def _append(wanted: _Wanted, response: Any, stream: IO[bytes], have: int) -> None:
    declared = response.headers.get("Content-Length")
    total = have + int(declared) if declared and declared.isdigit() else wanted.size
    if total is not None:
        _require_space(wanted.target, total - have)
    done = have
    if wanted.progress:
        wanted.progress(done, total)
    while True:
        try:
            chunk = response.read(_CHUNK_BYTES)
        except (OSError, http.client.HTTPException) as error:
            raise _InterruptedError(f"the transfer broke off ({error})") from error
        if not chunk:
            break
        stream.write(chunk)
        done += len(chunk)
        if wanted.progress:
            wanted.progress(done, total)
    if total is not None and done < total:
        raise _InterruptedError(f"the transfer ended after {done} of {total} bytes")


def _continues(response: Any, have: int) -> bool:
    found = re.match(r"bytes (\d+)-", response.headers.get("Content-Range") or "")
    return response.status == 206 and found is not None and int(found.group(1)) == have


def _length_after_slash(content_range: str | None) -> int | None:
    tail = (content_range or "").rpartition("/")[2]
    return int(tail) if tail.isdigit() else None


def _require_space(target: Path, needed_bytes: int) -> None:
    free = shutil.disk_usage(target.parent).free
    if free < needed_bytes + _MARGIN_BYTES:
        raise no_space(target, needed_bytes, free)


def no_space(target: Path, needed_bytes: int | None, free_bytes: int) -> DownloadError:
    """Return the error of a full disk; `needed_bytes` is what is still to be written, where known."""
    need = f"needs {needed_bytes / 1e6:.0f} MB more, and " if needed_bytes is not None else "does not fit: "
    return DownloadError(
        f"No disk space: {target.name} {need}{free_bytes / 1e6:.0f} MB are free in {target.parent}.",
        "Free some space, or set NLU_RL_HOME to a folder on a larger disk.",
    )


@contextmanager
def _writing(target: Path) -> Iterator[None]:
    """Turn the operating system's refusals to write into errors for a person."""
    try:
        yield
    except OSError as error:
        if error.errno in (28, 122):  # ENOSPC, EDQUOT
            target.with_name(target.name + ".part").unlink(missing_ok=True)
            raise no_space(target, None, shutil.disk_usage(_existing(target.parent)).free) from None
        raise DownloadError(
            f"Cannot write {target}: {error.strerror or error}.", "Set NLU_RL_HOME to a folder you may write to."
        ) from None


def _existing(folder: Path) -> Path:
    while not os.path.exists(folder):
        folder = folder.parent
    return folder


@contextmanager
def _only_writer(part: Path) -> Iterator[IO[bytes]]:
    """Open `part` for appending, alone: a second process waits until the first has put its file in place."""
    while True:
        stream = part.open("ab")
        fcntl.flock(stream, fcntl.LOCK_EX)
        try:
            if os.fstat(stream.fileno()).st_ino == part.stat().st_ino:
                break
        except FileNotFoundError:  # the writer before has just put it in place
            pass
        stream.close()
    with stream:
        yield stream
