"""The web server over HTTP: what it gives, what it refuses, and how it ends."""

import asyncio
import re
import subprocess
import sys

import aiohttp
import psutil
import pytest

from web.conftest import Served

pytestmark = pytest.mark.anyio
TAB = "ws/" + "0" * 32


async def test_the_page_and_its_parts_come_from_here(shared: Served) -> None:
    async with aiohttp.ClientSession(shared.address) as session, session.get("/") as answer:
        page = await answer.text()
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "frame-ancestors 'none'" in policy
        parts = re.findall(r'(?:src|href)="([^"]+)"', page)
        assert len(parts) >= 4
        for part in parts:
            if not part.startswith("data:"):
                async with session.get(f"/{part}") as file:
                    text = await file.text()
                    assert file.status == 200
                    assert not re.search(r"""(?:url\(|@import|src=|href=)["']?\s*(?:https?:)?//""", text)
                    for font in re.findall(r'url\("([^"]+)"\)', text) if part.endswith("page.css") else ():
                        async with session.get(f"/static/{font}") as found:
                            assert found.status == 200


@pytest.mark.parametrize(
    "headers", [{"Host": "evil.example"}, {"Origin": "http://evil.example"}, {"Origin": "http://localhost:1"}]
)
async def test_strangers_are_refused(shared: Served, headers: dict[str, str]) -> None:
    async with aiohttp.ClientSession(shared.address) as session:
        for path in ("/", "/static/page.js", f"/{TAB}"):
            async with session.get(path, headers=headers) as answer:
                assert answer.status == 403


async def test_the_websocket_wants_the_pages_own_origin(shared: Served) -> None:
    own = shared.address.rstrip("/")
    async with aiohttp.ClientSession() as session:
        for headers in ({}, {"Origin": "http://evil.example"}, {"Origin": own, "Host": "evil.example"}):
            with pytest.raises(aiohttp.WSServerHandshakeError, match="403"):
                await session.ws_connect(shared.address + TAB, headers=headers)
        async with session.ws_connect(shared.address + TAB + "?width=x&height=-4", headers={"Origin": own}) as socket:
            message = await asyncio.wait_for(socket.receive(), 60)
            assert message.type is aiohttp.WSMsgType.BINARY


async def test_interrupting_ends_the_interfaces_and_says_nothing(served: Served) -> None:
    own = served.address.rstrip("/")
    async with (
        aiohttp.ClientSession() as session,
        session.ws_connect(served.address + TAB, headers={"Origin": own}) as s,
    ):
        await asyncio.wait_for(s.receive(), 60)
        children = psutil.Process(served.process.pid).children(recursive=True)
        assert children
        assert await asyncio.to_thread(served.interrupt) == 0
    _, gone = psutil.wait_procs(children, timeout=30)
    assert not gone
    assert "Traceback" not in (served.process.stderr.read() if served.process.stderr else "")


def test_a_port_in_use_is_explained(shared: Served) -> None:
    port = shared.address.rstrip("/").rpartition(":")[2]
    command = [sys.executable, "-m", "nlu_rl.cli.main", "web", "--port", port]
    done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
    assert done.returncode == 2
    assert f"Port {port} of 127.0.0.1 is in use" in done.stderr
    assert "Traceback" not in done.stderr
