"""The memory of a process while it loads weights.

A worker's allocator keeps what is freed, since the next step takes the same again (`runs.jobs.WORKER_SETTINGS`). What
loading frees is not used again, and what is left between its buffers would stay for good.
"""

import ctypes
import os
from collections.abc import Iterator
from contextlib import contextmanager

_SETTINGS = {"MALLOC_TRIM_THRESHOLD_": -1, "MALLOC_MMAP_THRESHOLD_": -3}
"""Numbers of glibc's `mallopt` (malloc.h) for what a worker's environment sets."""
_AT_ONCE = 128 << 10
"""glibc's own default of both, in bytes: what is larger goes back to the system when it is freed."""


@contextmanager
def freed_at_once() -> Iterator[None]:
    """Give memory back to the system as it is freed, where the environment tells glibc to keep it."""
    kept = {number: os.environ[name] for name, number in _SETTINGS.items() if os.environ.get(name, "").isdigit()}
    library = ctypes.CDLL(None)
    if not kept or not hasattr(library, "mallopt"):
        yield
        return
    for number in kept:
        library.mallopt(number, _AT_ONCE)
    try:
        yield
    finally:
        library.malloc_trim(0)
        for number, value in kept.items():
            library.mallopt(number, min(int(value), 2**31 - 1))
