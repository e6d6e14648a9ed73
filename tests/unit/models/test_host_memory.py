"""What a process with a worker's allocator settings holds, in processes apart: they are read when it starts."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from nlu_rl.runs.jobs import WORKER_SETTINGS

BUFFERS = 64
PROGRAM = """
import ctypes, sys
from contextlib import nullcontext
from nlu_rl.models.host_memory import freed_at_once

def held():
    return next(int(line.split()[1]) for line in open("/proc/self/status") if line.startswith("RssAnon")) >> 10

def use():
    buffers = [bytearray(b"x") * (2 << 20) for _ in range(int(sys.argv[1]))]
    below_the_top = bytearray(b"x") * (1 << 20)
    return below_the_top

before = held()
with freed_at_once() if sys.argv[2] == "inside" else nullcontext():
    kept = use()
inside = held() - before
after = use()
print(inside, held() - before)
"""

pytestmark = pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="reads what is held from Linux's /proc")


def run(where: str, settings: dict[str, str]) -> tuple[int, int]:
    """Return the MiB held after 128 of them were freed where the loading is, and after the same once more."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MALLOC_")}
    done = subprocess.run(
        [sys.executable, "-c", PROGRAM, str(BUFFERS), where],
        env={**environment, **settings, "PYTHONPATH": os.pathsep.join(sys.path)},
        capture_output=True,
        text=True,
        check=True,
    )
    first, second = done.stdout.split()
    return int(first), int(second)


def test_what_is_freed_while_loading_goes_back_and_later_stays_for_the_next_step() -> None:
    loading, stepping = run("inside", WORKER_SETTINGS)
    assert loading < BUFFERS
    assert stepping > BUFFERS


def test_without_it_a_worker_keeps_what_loading_has_freed() -> None:
    assert run("outside", WORKER_SETTINGS)[0] > BUFFERS


def test_a_process_without_such_settings_is_left_as_it_is() -> None:
    assert run("inside", {}) == pytest.approx(run("outside", {}), abs=8)
