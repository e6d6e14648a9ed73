"""Threads spin only while nobody else wants the cores."""

import threading

from nlu_rl.crowding import CROWDED, QUIET, QUIET_CHECKS, CrowdWatch, _delays


def idle_teams() -> int:
    return sum(thread.name == "idle team" for thread in threading.enumerate())


def test_an_idle_team_is_held_while_the_machine_is_crowded() -> None:
    watch = CrowdWatch()
    watch.note(QUIET)
    assert (watch.crowded, idle_teams()) == (False, 0)
    watch.note(CROWDED + 0.1)
    watch.note(CROWDED + 0.1)
    assert (watch.crowded, idle_teams()) == (True, 1)
    for _ in range(QUIET_CHECKS - 1):
        watch.note(0.0)
    watch.note((CROWDED + QUIET) / 2)  # not quiet yet: counts from the start
    for _ in range(QUIET_CHECKS - 1):
        watch.note(0.0)
    assert watch.crowded
    held = next(thread for thread in threading.enumerate() if thread.name == "idle team")
    watch.note(0.0)
    held.join(10)
    assert (watch.crowded, idle_teams()) == (False, 0)


def test_the_system_tells_how_long_threads_waited() -> None:
    delays = _delays()
    assert str(threading.get_native_id()) in delays
    assert all(delay >= 0 for delay in delays.values())
