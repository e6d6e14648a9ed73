"""One worker at a time in a run directory: an advisory lock the system gives back when its holder dies.

So a stale lock cannot exist; the process id in the file only serves the message.
"""

import fcntl
import os
import time
from typing import TYPE_CHECKING

from nlu_rl.errors import RunError
from nlu_rl.runs.files import disk_error

if TYPE_CHECKING:
    from nlu_rl.runs.layout import RunDirectory


GRACE_SECONDS = 0.5


class RunBusyError(RunError):
    """Another worker holds the run."""


class RunLock:
    """Held from construction until `release` or the end of the process.

    Raises:
        RunBusyError: a live process holds it.
        RunError: the lock file cannot be written.
    """

    def __init__(self, run: "RunDirectory") -> None:
        try:
            self._file = os.open(run.lock_path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
        except OSError as error:
            raise disk_error(error, f"lock the run {run.name}") from None
        if not self._take():
            holder = os.pread(self._file, 20, 0).decode("ascii", "replace").strip() or "unknown"
            os.close(self._file)
            raise RunBusyError(
                f"The run {run.name} already has a worker (process {holder}).",
                f"Follow it with 'nlu-rl runs logs -f {run.name}', or 'nlu-rl stop {run.name}' first.",
            )
        try:
            os.ftruncate(self._file, 0)
            os.pwrite(self._file, f"{os.getpid()}\n".encode(), 0)
        except OSError:
            pass  # a full disk: the lock holds without the process id in it

    def _take(self) -> bool:
        """Try for a moment: the threads of a killed process take a little to go."""
        deadline = time.monotonic() + GRACE_SECONDS
        while True:
            try:
                fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                if time.monotonic() >= deadline:
                    return False
                time.sleep(0.02)
            else:
                return True

    @property
    def lost(self) -> bool:
        """Whether the run was removed by hand: another one, with another worker, may be in its place by now."""
        return os.fstat(self._file).st_nlink == 0

    def release(self) -> None:
        os.close(self._file)

    def __enter__(self) -> "RunLock":
        return self

    def __exit__(self, *_: object) -> None:
        self.release()
