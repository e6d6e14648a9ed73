"""A home of recorded runs, and the interface on a terminal that is not there."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Any

import pytest
from textual.pilot import Pilot

from nlu_rl.runs import health
from nlu_rl.runs.status import Failure
from nlu_rl.tui import hardware
from nlu_rl.tui.app import NluApp
from tui.recorded import record

Open = Callable[..., AbstractAsyncContextManager[Pilot[Any]]]


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture
def runs(home: Path) -> Path:
    """A home with a run in every state that matters."""
    record(home, "done-run")
    record(home, "live-run", "training", steps=12)
    record(home, "lost-run", "training", steps=7, alive=False)
    record(home, "failed-run", "failed", steps=3, error=Failure("There was not enough memory.", "Use less."))
    return home


@pytest.fixture
def open_app(home: Path, monkeypatch: pytest.MonkeyPatch) -> Open:
    """Open the interface: `async with open_app((80, 24), run="x") as pilot`; it has read the disk once."""
    monkeypatch.setenv("TEXTUAL_ANIMATIONS", "none")
    monkeypatch.setattr(hardware, "cards", lambda: ())
    monkeypatch.setattr(health, "LATE_SECONDS", 1e6)  # nothing beats here, and the machine may be slow

    @asynccontextmanager
    async def opened(size: tuple[int, int] = (120, 36), **options: Any) -> AsyncIterator[Pilot[Any]]:
        app = NluApp(**{"strict": True, **options})
        async with app.run_test(size=size) as pilot:
            await settled(pilot)
            yield pilot

    return opened


async def settled(pilot: Pilot[Any]) -> None:
    """Wait until what has been asked of threads is shown."""
    await pilot.pause()
    for turn in range(20):  # what was found out may ask for more
        if turn >= 3 and all(worker.is_finished for worker in pilot.app.workers):
            break
        await pilot.app.workers.wait_for_complete()
        await pilot.pause()


async def until(pilot: Pilot[Any], text: str) -> str:
    """Wait until the screen shows a text, which a busy machine may let wait, and return what it shows."""
    for _ in range(300):
        await settled(pilot)
        if text in (shown := screen_text(pilot)):
            return shown
        await pilot.pause(0.1)
    raise AssertionError(f"{text!r} never came:\n{screen_text(pilot)}")


def screen_text(pilot: Pilot[Any]) -> str:
    """Return what the screen shows, as characters."""
    lines = pilot.app.screen._compositor.render_strips()
    return "\n".join("".join(segment.text for segment in strip).rstrip() for strip in lines)
