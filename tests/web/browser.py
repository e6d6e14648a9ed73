"""A headless Chromium, spoken to over its own DevTools protocol: open a page, type, see what it asked for."""

import asyncio
import base64
import contextlib
import re
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp

_NAMES = ("chromium", "chromium-browser", "google-chrome")
CHROMIUM = next((path for name in _NAMES if (path := shutil.which(name))), None)
_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--remote-debugging-port=0",
    "--window-size=1200,800",
)
_CONTROL = re.compile(rb"\x1b(\[[0-9;?<>=]*[ -/]*[@-~]|\][^\x07]*\x07|[()][A-Z0-9]|.)")
_KEYS = {
    "enter": ("Enter", "\r", 13),
    "escape": ("Escape", "\x1b", 27),
    "up": ("ArrowUp", "", 38),
    "down": ("ArrowDown", "", 40),
    "tab": ("Tab", "", 9),
}


class Page:
    """One tab. `requests` are the addresses it asked for, `shown` is what its terminal was sent, as text."""

    def __init__(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self.socket = socket
        self._answers: dict[int, asyncio.Future[dict[str, Any]]] = {}
        self._number = 0
        self.requests: list[str] = []
        self.complaints: list[str] = []
        self.focused: bool | None = None
        """What the page told the interface last."""
        self._terminal = bytearray()
        self._arrived = asyncio.Event()

    @property
    def shown(self) -> str:
        return _CONTROL.sub(b"", bytes(self._terminal)).decode(errors="replace")

    async def listen(self) -> None:
        async for message in self.socket:
            event = message.json()
            if (future := self._answers.pop(event.get("id", 0), None)) is not None:
                future.set_result(event)
                continue
            method, values = event.get("method"), event.get("params", {})
            if method == "Page.frameNavigated":
                self.focused = None
                self._terminal.clear()  # what a page that was left has shown is not on the one that has come
                self._arrived.set()
            elif method == "Network.requestWillBeSent":
                self.requests.append(values["request"]["url"])
            elif method == "Network.webSocketCreated":
                self.requests.append(values["url"])
            elif method == "Network.webSocketFrameReceived" and values["response"]["opcode"] == 2:
                self._terminal += base64.b64decode(values["response"]["payloadData"])
            elif method == "Network.webSocketFrameSent" and values["response"]["payloadData"] in (
                '["focus"]',
                '["blur"]',
            ):
                self.focused = "focus" in values["response"]["payloadData"]
            elif method == "Runtime.exceptionThrown" or method == "Log.entryAdded":
                self.complaints.append(str(values))

    async def told_of_its_focus(self) -> None:
        """Wait until the page has told the interface that it has the focus, after whatever it told before."""
        for _ in range(300):
            if self.focused:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"the interface was told {self.focused} of the focus")

    async def ask(self, method: str, **values: Any) -> dict[str, Any]:
        self._number += 1
        future = self._answers[self._number] = asyncio.get_running_loop().create_future()
        await self.socket.send_json({"id": self._number, "method": method, "params": values})
        answer = await asyncio.wait_for(future, 60)
        assert "error" not in answer, answer
        return answer["result"]  # type: ignore[no-any-return]

    async def open(self, address: str) -> None:
        """Go to a page and wait until its terminal takes keys."""
        await self._go("Page.navigate", url=address)

    async def reload(self) -> None:
        """Load the page anew and wait until its terminal takes keys."""
        await self._go("Page.reload")

    async def _go(self, method: str, **values: Any) -> None:
        self._arrived.clear()
        await self.ask(method, **values)
        await asyncio.wait_for(self._arrived.wait(), 60)
        for _ in range(600):
            if await self.evaluate("document.activeElement?.className") == "xterm-helper-textarea":
                return
            await asyncio.sleep(0.1)
        raise AssertionError("The page's terminal does not take keys.")

    async def press(self, *keys: str) -> None:
        for key in keys:
            name, text, code = _KEYS.get(key, (key, key, ord(key[0].upper())))
            values = {"key": name, "windowsVirtualKeyCode": code, **({"text": text} if text else {})}
            await self.ask("Input.dispatchKeyEvent", type="keyDown", **values)
            await self.ask("Input.dispatchKeyEvent", type="keyUp", key=name, windowsVirtualKeyCode=code)
            await asyncio.sleep(0.1)

    async def evaluate(self, script: str) -> Any:
        answer = await self.ask("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True)
        return answer["result"].get("value")

    async def screenshot(self, path: Path) -> None:
        answer = await self.ask("Page.captureScreenshot")
        path.write_bytes(base64.b64decode(answer["data"]))

    async def see(self, words: str, seconds: float = 180) -> None:
        """Wait until the terminal has been sent these words."""
        for _ in range(int(seconds * 10)):
            if words in self.shown:
                return
            await asyncio.sleep(0.1)
        raise AssertionError(f"{words!r} was not shown, but: {self.shown[-1500:]}")


@contextlib.asynccontextmanager
async def browser() -> AsyncIterator[Page]:
    """Start a browser with a profile of its own and give its one page."""
    with tempfile.TemporaryDirectory(prefix="nlu-rl-chromium-", ignore_cleanup_errors=True) as profile:
        process = await asyncio.create_subprocess_exec(
            str(CHROMIUM),
            *_FLAGS,
            f"--user-data-dir={profile}",
            "about:blank",
            stdout=asyncio.subprocess.DEVNULL,
            stderr=asyncio.subprocess.DEVNULL,
        )
        try:
            port = await _port(Path(profile) / "DevToolsActivePort")
            async with aiohttp.ClientSession(f"http://127.0.0.1:{port}") as session:
                async with session.get("/json/list") as answer:
                    target = next(one for one in await answer.json() if one["type"] == "page")
                async with _page(session, target["webSocketDebuggerUrl"]) as page:
                    yield page
        finally:
            process.terminate()
            await process.wait()


@contextlib.asynccontextmanager
async def another(page: Page) -> AsyncIterator[Page]:
    """Open one more tab of the same browser."""
    target = (await page.ask("Target.createTarget", url="about:blank"))["targetId"]
    host = str(page.socket.get_extra_info("peername")[1])
    async with (
        aiohttp.ClientSession(f"http://127.0.0.1:{host}") as session,
        _page(session, f"/devtools/page/{target}") as second,
    ):
        yield second


@contextlib.asynccontextmanager
async def _page(session: aiohttp.ClientSession, address: str) -> AsyncIterator[Page]:
    async with session.ws_connect(address, max_msg_size=0) as socket:
        page = Page(socket)
        listener = asyncio.create_task(page.listen())
        for domain in ("Page", "Network", "Runtime", "Log"):
            await page.ask(f"{domain}.enable")
        await page.ask("Emulation.setFocusEmulationEnabled", enabled=True)  # as a window that is looked at
        yield page
        listener.cancel()


async def _port(path: Path) -> int:
    for _ in range(600):
        with contextlib.suppress(OSError, ValueError, IndexError):
            return int(path.read_text().splitlines()[0])
        await asyncio.sleep(0.1)
    raise AssertionError("Chromium did not start.")
