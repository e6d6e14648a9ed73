"""textual-serve's server with a guard before every request, our own page, and nothing fetched from elsewhere.

A page names its tab in the websocket's path, so a reload comes back to the interface it had; see `nlu_rl.web.tab`.
"""

import logging
import os
import shlex
import socket
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import textual_serve
from aiohttp import WSCloseCode, web
from textual_serve.server import Server, to_int

from nlu_rl.tui import READ_ONLY
from nlu_rl.web.access import Access, WebError, addresses_of
from nlu_rl.web.tab import FAREWELL_SECONDS, Tab, Tabs

_HERE = Path(__file__).resolve().parent
_THEIRS = Path(textual_serve.__file__).resolve().parent / "static"
_INTERFACE = ("-P", "-m", "nlu_rl.cli.main", "tui")
MOST_TABS = 16
"""Pages that are open at once."""
ENVIRONMENT = {"TEXTUAL_FPS": "30", "NLU_RL_ASCII": "0"}
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
_NOT_OF_OUR_PAGE = (AssertionError, AttributeError, LookupError, RecursionError, TypeError, ValueError)
"""What reading a message raises that is no message of the page."""
_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]


class WebServer(Server):
    """Serves the interface on a socket that is already bound."""

    def __init__(self, bound: socket.socket, access: Access, *, read_only: bool = False) -> None:
        super().__init__("exec " + shlex.join([sys.executable, *_INTERFACE]), title="nlu-rl")
        self._bound, self._access = bound, access
        self._environment = {**ENVIRONMENT, **({READ_ONLY: "1"} if read_only else {})}
        self._tabs = Tabs()

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
        await self._tabs.end_all()

    async def handle_websocket(self, request: web.Request) -> web.WebSocketResponse:
        """Show the interface of this page's name for as long as the page is open."""
        name = request.match_info["tab"]
        tab = self._tabs.find(name)
        if tab is None:
            if self._tabs.shown >= MOST_TABS:
                raise web.HTTPServiceUnavailable(text=f"{MOST_TABS} pages are open already; close one.\n")
            tab = Tab(self.command, self.download_manager, self._environment)
            self._tabs.add(name, tab)
        page = web.WebSocketResponse(heartbeat=15)
        try:
            await page.prepare(request)
            width, height = (to_int(request.query.get(side, ""), 0) for side in ("width", "height"))
            hang_up = request.transport.abort if request.transport else lambda: None
            await tab.attach(page, hang_up, width, height)
            await self._listen(page, tab)
        finally:
            if tab.detach(page):
                self._tabs.leave(name, page.close_code)
        return page

    async def _listen(self, page: web.WebSocketResponse, tab: Tab) -> None:
        """Hand on what the page sends; one that says what ours never does is closed."""
        try:
            await self._process_messages(page, tab)
        except _NOT_OF_OUR_PAGE:
            await page.close(code=WSCloseCode.UNSUPPORTED_DATA, message=b"not understood")


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


def serve(bound: socket.socket, access: Access, *, read_only: bool = False) -> None:
    """Serve the interface until interrupted; `read_only` to those who look on."""
    with bound:
        WebServer(bound, access, read_only=read_only).run()
