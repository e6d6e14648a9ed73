"""Opening the interface on this terminal, with nothing in the way of its first screen.

While modules are read and widgets built, Python would look for garbage several dozen times and find next to none: a
sixth of the processor time of a start. The collector rests until the first screen stands, and then leaves alone what
was made so far.
"""

import gc
import signal
import sys
import termios
from collections.abc import Iterator
from contextlib import contextmanager, suppress

SETTLED_SECONDS = 1.0
STARTING_SWITCH_SECONDS = 0.0005
"""How long one thread goes on while another waits. With Python's ten times that, the one that reads the runs would
wait that long after each of its files."""


def run_tui(run: str | None = None) -> None:
    """Open the interface, on `run` if one is named, and return when it is left."""
    with keys_kept():
        _open(run)


def _open(run: str | None) -> None:
    from nlu_rl.tui.first_look import FirstLook

    gc.disable()
    usual = sys.getswitchinterval()
    sys.setswitchinterval(STARTING_SWITCH_SECONDS)
    first_look = FirstLook(wanted=run is None)
    from nlu_rl.tui.app import NluApp

    def settle() -> None:
        sys.setswitchinterval(usual)
        gc.freeze()
        gc.enable()

    app = NluApp(run, first_look=first_look)
    app.call_later(app.set_timer, SETTLED_SECONDS, settle)
    try:
        app.run()
    finally:
        gc.enable()


@contextmanager
def keys_kept() -> Iterator[None]:
    """Keep keys that are typed before the first screen stands as they are, and off the terminal.

    A terminal makes a line feed of Enter otherwise, stops at ctrl+s, and shows what is typed.
    """
    try:
        terminal = sys.stdin.fileno()
        before = termios.tcgetattr(terminal)
    except (OSError, ValueError, termios.error):  # a browser's, or a test's
        yield
        return
    ending = [number for number in (signal.SIGTERM, signal.SIGHUP) if signal.getsignal(number) is signal.SIG_DFL]
    usual = {number: signal.signal(number, _end) for number in ending}
    kept = list(before)
    kept[0] &= ~(termios.ICRNL | termios.IXON)
    kept[3] &= ~(termios.ECHO | termios.ICANON)
    termios.tcsetattr(terminal, termios.TCSANOW, kept)
    try:
        yield
    finally:
        with suppress(OSError, termios.error):  # the terminal is gone
            termios.tcsetattr(terminal, termios.TCSANOW, before)
        for number, handler in usual.items():
            signal.signal(number, handler)


def _end(number: int, _frame: object) -> None:
    """End while the interface is being loaded; it has its own way once it runs (`nlu_rl.tui.terminal`)."""
    sys.exit(128 + number)
