"""Opening the interface on this terminal, with nothing in the way of its first screen.

While modules are read and widgets built, Python would look for garbage several dozen times and find next to none: a
sixth of the processor time of a start. The collector rests until the first screen stands, and then leaves alone what
was made so far.
"""

import gc

SETTLED_SECONDS = 1.0


def run_tui(run: str | None = None) -> None:
    """Open the interface, on `run` if one is named, and return when it is left."""
    gc.disable()
    from nlu_rl.tui.app import NluApp

    app = NluApp(run)
    app.call_later(app.set_timer, SETTLED_SECONDS, collect_again)
    try:
        app.run()
    finally:
        gc.enable()


def collect_again() -> None:
    gc.freeze()
    gc.enable()
