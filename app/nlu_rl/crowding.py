"""How a worker's threads wait for one another: spinning on a quiet machine, asleep on a crowded one.

A thread that sleeps between two operations is late for the next, which costs a quarter of a training step; one that
spins while another process wants its core slows both down several times. libgomp (GCC's OpenMP, which torch computes
with) fixes the choice when it starts, but spins hardly at all while it manages more threads than there are cores. So a
second, idle team of threads turns the spinning off, and its end turns it on again.
"""

import contextlib
import os
import threading
import time
from pathlib import Path

CHECK_SECONDS = 2.0
CROWDED = 0.2
"""Seconds that the process's threads waited for a core, a second of the clock; a spinning run alone has 0.03."""
QUIET = 0.05
QUIET_CHECKS = 3
_TASKS = Path("/proc/self/task")


class CrowdWatch:
    """Looks every two seconds how long the process's threads were kept from their cores, and acts on it."""

    def __init__(self) -> None:
        self.crowded = False
        self._quiet_checks = 0
        self._leave = threading.Event()

    def start(self) -> None:
        """Watch in a thread that ends with the process; nothing where the system does not tell."""
        if _delays():
            threading.Thread(target=self._watch, name="crowd watch", daemon=True).start()

    def note(self, share: float) -> None:
        """Take in how much of the last interval was spent waiting for a core."""
        self._quiet_checks = self._quiet_checks + 1 if share < QUIET else 0
        if not self.crowded and share > CROWDED:
            self.crowded = True
            self._leave = threading.Event()
            threading.Thread(target=_hold_a_team, args=(self._leave,), name="idle team", daemon=True).start()
        elif self.crowded and self._quiet_checks >= QUIET_CHECKS:
            self.crowded = False
            self._leave.set()

    def _watch(self) -> None:
        before, started = _delays(), time.monotonic()
        while True:
            time.sleep(CHECK_SECONDS)
            delays, now = _delays(), time.monotonic()
            waited = sum(delay - before.get(task, 0) for task, delay in delays.items())
            self.note(waited / 1e9 / (now - started))
            before, started = delays, now


def _delays() -> dict[str, int]:
    """Return for each thread the nanoseconds it was ready to run and had no core; empty where it is not known."""
    found = {}
    with contextlib.suppress(OSError, ValueError, IndexError):
        for task in os.listdir(_TASKS):
            with contextlib.suppress(OSError):  # it ended meanwhile
                found[task] = int((_TASKS / task / "schedstat").read_text(encoding="ascii").split()[1])
    return found


def _hold_a_team(leave: threading.Event) -> None:
    """Make this thread's own team of OpenMP threads, and keep it, idle, until told to leave."""
    import torch

    torch.ones(1 << 20).add_(1)  # large enough to be shared out
    leave.wait()
