"""What closed wizards left behind is cleared away; what may still be read is not."""

import os
import time
from pathlib import Path

from nlu_rl.runs.status import State
from nlu_rl.tui.stale_jobs import KEPT_SECONDS, sweep
from tui.recorded import record


def aged(home: Path, name: str, state: State, seconds: float, *, alive: bool = False) -> Path:
    run = record(home / "runs" / ".jobs", name, state, steps=3, alive=alive)
    target = home / "runs" / ".jobs" / name
    run.path.rename(target)
    then = time.time() - seconds
    os.utime(target / "status.json", (then, then))
    return target


def test_only_old_jobs_that_have_ended_go(home: Path) -> None:
    old = aged(home, "trial-01", "done", KEPT_SECONDS + 60)
    killed = aged(home, "trial-02", "training", KEPT_SECONDS + 60)
    running = aged(home, "fetch-01", "training", KEPT_SECONDS + 60, alive=True)
    fresh = aged(home, "trial-03", "done", 5)
    assert sweep() == 2
    assert [path.exists() for path in (old, killed, running, fresh)] == [False, False, True, True]
    assert sweep() == 0


def test_a_home_without_jobs_is_fine(home: Path) -> None:
    assert sweep() == 0
