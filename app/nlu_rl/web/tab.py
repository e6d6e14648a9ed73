"""The interface process of one page. It outlives the page for a while: loaded again, the page finds it as it was.

A tab is known by the name its page keeps, so what comes back is the very process, with all that was typed, marked and
scrolled. A page that comes while another of the same name is there takes its place.
"""

import asyncio
import contextlib
import re
from asyncio import TimerHandle
from collections.abc import Callable, Mapping

from aiohttp import WSCloseCode, web
from textual_serve.app_service import AppService
from textual_serve.download_manager import DownloadManager

LOST_SECONDS, CLOSED_SECONDS = 3600.0, 300.0
"""How long an interface waits for a page whose connection was lost (a laptop sleeps, a tunnel is cut), and for one that
was loaded again or closed."""
MOST_WAITING = 4
"""Interfaces that wait at once; each is a process of some 90 MB."""
FAREWELL_SECONDS = 5.0
SIZES = ((20, 1000), (5, 500))
"""Fewest and most columns and rows: an interface paints every cell of what it is told."""
_MODE = re.compile(rb"\x1b\[\?(\d+)([hl])")
_SYNCHRONIZED = b"2026"  # is set and unset with each frame


class Tab(AppService):
    """One interface process, and the page that shows it, if there is one."""

    def __init__(self, command: str, downloads: DownloadManager, environment: Mapping[str, str]) -> None:
        super().__init__(
            command,
            write_bytes=self._send_bytes,
            write_str=self._send_text,
            close=self._left,
            download_manager=downloads,
        )
        self._environment = environment
        self._modes: dict[bytes, bytes] = {}
        self._leaving = False
        self._attaching = asyncio.Lock()
        self._page: web.WebSocketResponse | None = None
        self._hang_up: Callable[[], None] = _nothing

    @property
    def ended(self) -> bool:
        """Whether the interface is left, or its process gone."""
        return self._leaving or (self._task is not None and self._task.done())

    async def attach(self, page: web.WebSocketResponse, hang_up: Callable[[], None], width: int, height: int) -> None:
        """Show the interface on a page, in so many cells; the first page starts it. `hang_up` cuts the page off.

        A later one is told the modes the terminal is in (mouse, paste, cursor); the interface paints itself whole when
        it hears of a size.
        """
        async with self._attaching:
            await self._attach(page, hang_up, width, height)

    async def _attach(self, page: web.WebSocketResponse, hang_up: Callable[[], None], width: int, height: int) -> None:
        self._hang_up()  # what is still being sent to a page that was there would hold up this one
        self._page, self._hang_up = page, hang_up
        if self._process is None:
            await self.start(*bounded(width, height))
            assert self._task is not None
            self._task.add_done_callback(lambda _: self._close_soon())
        else:
            modes = [b"\x1b[?%b%b" % mode for mode in self._modes.items() if mode[0] != _SYNCHRONIZED]
            await self._send_bytes(b"".join(modes))
            await self.set_terminal_size(width, height)

    async def set_terminal_size(self, width: int, height: int) -> None:
        """Tell the interface its size, within `SIZES`. Raises ValueError when it is no number of cells."""
        await super().set_terminal_size(*bounded(width, height))

    def detach(self, page: web.WebSocketResponse) -> bool:
        """Take a page away; return whether the interface has none any more."""
        if self._page is page:
            self._page, self._hang_up = None, _nothing
        return self._page is None

    async def on_data(self, payload: bytes) -> None:
        self._modes.update(_MODE.findall(payload))
        await super().on_data(payload)

    async def end(self) -> None:
        """Ask the process to end, and see to it."""
        try:
            await asyncio.wait_for(self.stop(), FAREWELL_SECONDS)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                if self._process is not None:
                    self._process.kill()

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        environment: dict[str, str] = super()._build_environment(width, height)
        return {**environment, **self._environment}

    async def _send_bytes(self, data: bytes) -> None:
        if self._page is not None:
            with contextlib.suppress(ConnectionError, RuntimeError):  # it is going away; reading the process goes on
                await self._page.send_bytes(data)

    async def _send_text(self, text: str) -> None:
        if self._page is not None:
            with contextlib.suppress(ConnectionError, RuntimeError):
                await self._page.send_str(text)

    async def _left(self) -> None:
        self._leaving = True
        await self._close_page()

    async def _close_page(self) -> None:
        if self._page is not None:
            await self._page.close()

    def _close_soon(self) -> None:
        self._closing = asyncio.ensure_future(self._close_page())  # kept: a task nobody holds may be collected


def bounded(width: object, height: object) -> tuple[int, int]:
    """Return a size in cells within `SIZES`. Raises ValueError when these are no numbers of cells."""
    if type(width) is not int or type(height) is not int:  # True is one of its kind
        raise ValueError(f"{width} x {height} is no size")
    (narrowest, widest), (lowest, highest) = SIZES
    return min(max(width, narrowest), widest), min(max(height, lowest), highest)


def _nothing() -> None: ...


class Tabs:
    """The interfaces by the names of their pages: those that are shown, and those that wait."""

    def __init__(self) -> None:
        self._tabs: dict[str, Tab] = {}
        self._waiting: dict[str, TimerHandle] = {}
        self._ending: set[asyncio.Task[None]] = set()

    @property
    def shown(self) -> int:
        """How many are on a page."""
        return len(self._tabs) - len(self._waiting)

    def find(self, name: str) -> Tab | None:
        """Return the interface of this name, which waits no longer; None when there is none."""
        if (timer := self._waiting.pop(name, None)) is not None:
            timer.cancel()
        tab = self._tabs.get(name)
        if tab is not None and tab.ended:
            self._end(name)
            return None
        return tab

    def add(self, name: str, tab: Tab) -> None:
        self._tabs[name] = tab

    def leave(self, name: str, close_code: int | None) -> None:
        """Let the interface of this name wait for its page; the one that has waited longest may have to go."""
        tab = self._tabs.get(name)
        if tab is None:
            return
        if tab.ended:
            self._end(name)
            return
        seconds = LOST_SECONDS if close_code in (None, WSCloseCode.ABNORMAL_CLOSURE) else CLOSED_SECONDS
        self._waiting[name] = asyncio.get_running_loop().call_later(seconds, self._end, name)
        while len(self._waiting) > MOST_WAITING:
            self._end(next(iter(self._waiting)))

    def _end(self, name: str) -> None:
        if (timer := self._waiting.pop(name, None)) is not None:
            timer.cancel()
        task = asyncio.ensure_future(self._tabs.pop(name).end())
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)

    async def end_all(self) -> None:
        """End every interface."""
        tabs, self._tabs = list(self._tabs.values()), {}
        for timer in self._waiting.values():
            timer.cancel()
        self._waiting.clear()
        await asyncio.gather(*(tab.end() for tab in tabs), *self._ending)
