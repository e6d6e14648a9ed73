"""Leaving when the terminal is gone: its window closed, tmux killed, the connection cut, or the web server ended.

Where SIGHUP is ignored (under nohup, in a container), Textual would read the end of its input for ever. A thread waits
for the hang-up, at no cost; what is still written goes nowhere from then on. No run is touched.
"""

import asyncio
import os
import select
import signal
import sys
import threading
import time
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from textual.app import App

GRACE_SECONDS = 5.0


def leave_with_terminal(app: "App[Any]") -> None:
    """Have `app` exit when its input hangs up, and on SIGHUP and SIGTERM; call it where its loop runs."""
    if app.is_headless or sys.__stdin__ is None:
        return
    loop = asyncio.get_running_loop()

    def leave() -> None:
        app.exit()
        late = threading.Timer(GRACE_SECONDS, os._exit, [1])  # a terminal that takes nothing any more holds it up
        late.daemon = True
        late.start()

    for number in (signal.SIGHUP, signal.SIGTERM):
        loop.add_signal_handler(number, leave)
    watch = threading.Thread(target=_watch, args=(sys.__stdin__.fileno(), loop, app), name="hang-up", daemon=True)
    watch.start()


def _watch(terminal: int, loop: asyncio.AbstractEventLoop, app: "App[Any]") -> None:
    poll = select.poll()
    poll.register(terminal, 0)  # a hang-up is told even where nothing else is asked for
    found = poll.poll()
    if not any(events & (select.POLLHUP | select.POLLERR) for _, events in found):
        return
    nowhere = os.open(os.devnull, os.O_RDWR)
    for number in (0, 1, 2):
        if _hung_up(number):
            os.dup2(nowhere, number)
    loop.call_soon_threadsafe(app.exit)
    time.sleep(GRACE_SECONDS)
    os._exit(1)  # it waits for something that will not come; no work is done in this process


def _hung_up(number: int) -> bool:
    poll = select.poll()
    poll.register(number, 0)
    return bool(poll.poll(0))
