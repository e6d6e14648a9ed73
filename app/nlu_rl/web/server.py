"""textual-serve's server with a guard before every request, our own page, and nothing fetched from elsewhere.

A page names its tab in the websocket's path; the interface keeps its place in a file of that tab, so a reload comes
back to the same screen.
"""

import asyncio
import contextlib
import logging
import os
import shlex
import socket
import sys
import tempfile
from collections.abc import Awaitable, Callable
from pathlib import Path

import textual_serve
from aiohttp import web
from textual_serve.app_service import AppService
from textual_serve.server import Server, to_int

from nlu_rl.web.access import Access, WebError, addresses_of

_HERE = Path(__file__).resolve().parent
_THEIRS = Path(textual_serve.__file__).resolve().parent / "static"
_INTERFACE = ("-P", "-m", "nlu_rl.cli.main", "tui")
MOST_TABS = 16
"""Each is a process of some 90 MB."""
FAREWELL_SECONDS = 5.0
HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; "
    "font-src 'self'; img-src 'self' data:; connect-src 'self'; base-uri 'none'; form-action 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "X-Frame-Options": "DENY",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class Tab(AppService):
    """The interface process of one open page."""

    place: str = ""
    """The file it keeps its place in."""

    def _build_environment(self, width: int = 80, height: int = 24) -> dict[str, str]:
        environment: dict[str, str] = super()._build_environment(width, height)
        return {**environment, "TEXTUAL_FPS": "30", "NLU_RL_ASCII": "0", "NLU_RL_PLACE": self.place}

    async def end(self) -> None:
        """Ask the process to end, and see to it."""
        try:
            await asyncio.wait_for(self.stop(), FAREWELL_SECONDS)
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                if self._process is not None:
                    self._process.kill()


class WebServer(Server):
    """Serves the interface on a socket that is already bound."""

    def __init__(self, bound: socket.socket, access: Access, places: Path) -> None:
        super().__init__("exec " + shlex.join([sys.executable, *_INTERFACE]), title="nlu-rl")
        self._bound, self._access, self._places = bound, access, places
        self._open: set[web.WebSocketResponse] = set()

    def run(self) -> None:
        """Serve until SIGINT or SIGTERM."""
        logging.getLogger("textual-serve").setLevel(logging.WARNING)
        web.run_app(self._make_app(), sock=self._bound, print=None, shutdown_timeout=FAREWELL_SECONDS, access_log=None)

    async def _make_app(self) -> web.Application:
        app = web.Application(middlewares=[self._guard])
        app.add_routes(
            [
                web.get("/", self.handle_index),
                web.get("/ws/{tab:[0-9a-f]{32}}", self.handle_websocket),
                web.get("/download/{key}", self.handle_download),
                web.static("/static", _HERE / "static"),
                web.static("/serve", _THEIRS),
            ]
        )
        app.on_response_prepare.append(self._add_headers)
        app.on_shutdown.append(self.on_shutdown)
        return app

    async def handle_index(self, request: web.Request) -> web.Response:
        """Give the page; `?fontsize=20` has larger letters."""
        size = min(max(to_int(request.query.get("fontsize", ""), 16), 6), 48)
        page = (_HERE / "page.html").read_text(encoding="utf-8").replace("FONT_SIZE", str(size))
        return web.Response(text=page, content_type="text/html")

    @web.middleware
    async def _guard(self, request: web.Request, handler: _Handler) -> web.StreamResponse:
        host, origin = request.headers.get("Host", ""), request.headers.get("Origin")
        if not self._access.host_allowed(host):
            raise web.HTTPForbidden(text=f"This server does not answer to '{host}'.\n")
        if origin is None and request.path.startswith("/ws/"):
            raise web.HTTPForbidden(text="The websocket wants an Origin, which every browser sends.\n")
        if origin is not None and not self._access.origin_allowed(origin, host):
            raise web.HTTPForbidden(text=f"Pages of '{origin}' may not talk to this server.\n")
        return await handler(request)

    async def _add_headers(self, request: web.Request, response: web.StreamResponse) -> None:
        response.headers.update(HEADERS)
        response.headers["Cache-Control"] = "no-store" if request.path == "/" else "no-cache"

    async def on_shutdown(self, app: web.Application) -> None:
        for websocket in list(self._open):
            await websocket.close(code=1001, message=b"the server ends")

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Run one interface for as long as its page is open."""
        if len(self._open) >= MOST_TABS:
            raise web.HTTPServiceUnavailable(text=f"{MOST_TABS} pages are open already; close one.\n")
        websocket = web.WebSocketResponse(heartbeat=15)
        await websocket.prepare(request)
        tab = Tab(
            self.command,
            write_bytes=websocket.send_bytes,
            write_str=websocket.send_str,
            close=lambda: _close(websocket),
            download_manager=self.download_manager,
        )
        tab.place = str(self._places / request.match_info["tab"])
        self._open.add(websocket)
        try:
            width, height = (to_int(request.query.get(side, ""), 0) for side in ("width", "height"))
            await tab.start(min(max(width, 20), 1000), min(max(height, 5), 500))
            await self._process_messages(websocket, tab)
        finally:
            self._open.discard(websocket)
            await tab.end()
        return websocket


async def _close(websocket: web.WebSocketResponse) -> None:
    await websocket.close()


def bind(host: str, port: int) -> socket.socket:
    """Return a socket that listens there; port 0 is any that is free.

    Raises:
        WebError: the port is in use or not ours to use, or the address is not this machine's.
    """
    address = addresses_of(host)[0]
    family = socket.AF_INET6 if address.version == 6 else socket.AF_INET
    try:
        return socket.create_server((str(address), port), family=family, backlog=64)
    except PermissionError:
        raise WebError(f"Port {port} is for root only.", "Use --port with a number above 1023.") from None
    except OSError as error:
        if error.errno == 98:  # EADDRINUSE
            message = f"Port {port} of {host} is in use, perhaps by another 'nlu-rl web'."
            raise WebError(message, "Open that one, or use another: --port 8001 (0 takes any that is free).") from None
        raise WebError(f"{host} cannot be listened on: {os.strerror(error.errno or 0)}.", "Use 127.0.0.1.") from None


def serve(bound: socket.socket, access: Access) -> None:
    """Serve the interface until interrupted."""
    with bound, tempfile.TemporaryDirectory(prefix="nlu-rl-web-") as places:
        WebServer(bound, access, Path(places)).run()
