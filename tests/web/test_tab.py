"""An interface outlives its page for a while, and is shown again as it was."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import psutil
import pytest
from textual_serve.download_manager import DownloadManager

from nlu_rl.web import tab as tabs
from tui.recorded import record
from web.conftest import Served

pytestmark = pytest.mark.anyio
NAME = "0" * 31


@asynccontextmanager
async def page(served: Served, name: str = NAME + "0") -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    address = f"{served.address}ws/{name}?width=100&height=30"
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(address, headers={"Origin": served.address.rstrip("/")}) as socket,
    ):
        yield socket


async def see(socket: aiohttp.ClientWebSocketResponse, *words: str) -> bytes:
    """Read until all words were sent, and return everything."""
    shown = b""
    while not all(word.encode() in shown for word in words):
        message = await socket.receive(timeout=60)
        assert message.type is aiohttp.WSMsgType.BINARY, (message, shown[-800:])
        shown += message.data
    return shown


async def type_in(socket: aiohttp.ClientWebSocketResponse, keys: str) -> None:
    for key in keys:
        await socket.send_json(["stdin", key])
        await asyncio.sleep(0.2)


async def until(holds: Callable[[], bool]) -> None:
    for _ in range(600):
        if holds():
            return
        await asyncio.sleep(0.1)
    raise AssertionError("it never held")


async def test_a_page_that_comes_back_is_painted_whole_in_the_modes_of_a_terminal(home: Path, served: Served) -> None:
    record(home, "first-run")
    async with page(served) as socket:
        began = await see(socket, "first-run", "?2004h")
        await type_in(socket, "?")
        await see(socket, "Every key of this screen")
    (process,) = served.interfaces()
    async with page(served) as socket:
        shown = await see(socket, "Every key of this screen", "first-run")
    assert served.interfaces() == [process]
    for mode in (b"1049h", b"1000h", b"1006h", b"2004h", b"25l"):
        assert b"\x1b[?" + mode in began
        assert b"\x1b[?" + mode in shown


async def test_the_newest_page_of_a_name_has_the_interface(home: Path, served: Served) -> None:
    record(home, "first-run")
    async with page(served) as first:
        await see(first, "first-run")
        async with page(served) as second:
            await see(second, "first-run")
            while (message := await first.receive(timeout=30)).type is aiohttp.WSMsgType.BINARY:
                pass
            assert message.type in (aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE)
            await type_in(second, "?")
            await see(second, "Every key of this screen")
    assert len(served.interfaces()) == 1


async def test_two_pages_of_a_name_at_once_have_one_interface(home: Path, served: Served) -> None:
    record(home, "first-run")
    async with page(served) as first, page(served) as second:
        await see(second, "first-run")
        assert first.closed or (await first.receive(timeout=30)).type is not aiohttp.WSMsgType.ERROR
    assert len(served.interfaces()) == 1


ODD = [
    *("x", "{}", '["stdin"]', '["stdin", 5]', '["resize", {}]', '["resize", [1]]', "[" * 9999),
    *('["resize", {"width": 1e9, "height": 9}]', '["resize", {"width": "9", "height": 9}]'),
    '["resize", {"width": true, "height": true}]',
]


@pytest.mark.parametrize("text", ODD)
async def test_what_no_page_says_closes_it(home: Path, shared: Served, text: str) -> None:
    async with page(shared) as socket:
        await socket.send_str(text)
        while (message := await socket.receive(timeout=30)).type is aiohttp.WSMsgType.BINARY:
            pass
        assert (message.type, message.data) == (aiohttp.WSMsgType.CLOSE, 1003)
    assert psutil.Process(shared.process.pid).is_running()


async def test_an_interface_that_was_left_is_begun_anew(home: Path, served: Served) -> None:
    record(home, "first-run")
    async with page(served) as socket:
        await see(socket, "first-run")
        (process,) = served.interfaces()
        await type_in(socket, "q")
        while (await socket.receive(timeout=30)).type is aiohttp.WSMsgType.BINARY:
            pass
    async with page(served) as socket:
        await see(socket, "first-run")
        assert served.interfaces() != [process]


async def test_an_interface_that_was_killed_closes_its_page(home: Path, served: Served) -> None:
    record(home, "first-run")
    async with page(served) as socket:
        await see(socket, "first-run")
        psutil.Process(served.interfaces()[0]).kill()
        while (await socket.receive(timeout=30)).type is aiohttp.WSMsgType.BINARY:
            pass
    async with page(served) as socket:
        await see(socket, "first-run")


async def test_those_that_wait_are_few(home: Path, served: Served) -> None:
    record(home, "first-run")
    for number in range(tabs.MOST_WAITING + 2):
        async with page(served, f"{NAME}{number}") as socket:
            await see(socket, "first-run")
    await until(lambda: len(served.interfaces()) == tabs.MOST_WAITING)
    async with page(served, f"{NAME}{tabs.MOST_WAITING + 1}") as socket:
        await see(socket, "first-run")
        assert len(served.interfaces()) == tabs.MOST_WAITING
    assert await asyncio.to_thread(served.interrupt) == 0


@pytest.mark.parametrize(("code", "ends"), [(1001, True), (1000, True), (0, True), (1006, False), (None, False)])
async def test_a_page_that_was_closed_is_waited_for_less_than_one_that_was_lost(
    monkeypatch: pytest.MonkeyPatch, code: int | None, ends: bool
) -> None:
    monkeypatch.setattr(tabs, "CLOSED_SECONDS", 0.0)
    waiting = tabs.Tabs()
    waiting.add(NAME, tabs.Tab("true", DownloadManager(), {}))
    waiting.leave(NAME, code)
    await asyncio.sleep(0.1)
    assert (waiting.find(NAME) is None) is ends


async def test_no_size_is_beyond_what_can_be_painted(home: Path, served: Served) -> None:
    assert tabs.bounded(10**9, -1) == (1000, 5)
    record(home, "first-run")
    async with page(served) as socket:
        await see(socket, "first-run")
        await socket.send_json(["resize", {"width": 10**9, "height": 10**9}])
        await see(socket, "first-run")
