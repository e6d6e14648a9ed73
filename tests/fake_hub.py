"""A model hub of our own: as much of its interface as the hub's client uses to fetch one model, `org/tiny`."""

import hashlib
import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

REVISION = "a" * 40


class FakeHub(ThreadingHTTPServer):
    """Serves the files of a folder; `hidden` and `files_hidden` are a status and error code to refuse with."""

    def __init__(self, folder: Path) -> None:
        super().__init__(("127.0.0.1", 0), HubHandler)
        self.contents = {path.name: path.read_bytes() for path in folder.iterdir()}
        self.contents["pytorch_model.bin"] = b"never fetched"
        self.hidden: tuple[int, str] | None = None
        self.files_hidden: tuple[int, str] | None = None
        self.spoilt: str | None = None
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def info(self) -> bytes:
        siblings = []
        for name, content in self.contents.items():
            entry: dict[str, Any] = {"rfilename": name, "size": len(content), "blobId": "b" * 40}
            if name.endswith(".safetensors"):
                sha256 = hashlib.sha256(content).hexdigest()
                entry["lfs"] = {"sha256": sha256, "size": len(content), "pointerSize": 100}
            siblings.append(entry)
        card = {"license": "mit"}
        return json.dumps({"id": "org/tiny", "sha": REVISION, "siblings": siblings, "cardData": card}).encode()

    def tree(self) -> bytes:
        entries = []
        for name, content in self.contents.items():
            entry: dict[str, Any] = {"type": "file", "path": name, "size": len(content), "oid": "b" * 40}
            if name.endswith(".safetensors"):
                sha256 = hashlib.sha256(content).hexdigest()
                entry["lfs"] = {"oid": sha256, "size": len(content), "pointerSize": 100}
            entries.append(entry)
        return json.dumps(entries).encode()


class HubHandler(BaseHTTPRequestHandler):
    server: FakeHub

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        self._answer(body=True)

    def do_HEAD(self) -> None:
        self._answer(body=False)

    def _answer(self, *, body: bool) -> None:
        server, path = self.server, self.path.partition("?")[0]
        server.asked.append(path)
        is_info = path.startswith("/api/models/org/tiny")
        name = path.rpartition("/")[2]
        refusal = server.hidden or (None if is_info else server.files_hidden)
        if refusal or not (is_info or name in server.contents):
            status, code = refusal or (404, "EntryNotFound")
            self._send(status, b"{}", {"X-Error-Code": code}, body)
            return
        interface = server.tree if "/tree/" in path else server.info
        content = interface() if is_info else server.contents[name]
        etag = hashlib.sha256(content).hexdigest()
        if name == server.spoilt:
            content = bytes(len(content))
        kind = "application/json" if is_info else "application/octet-stream"
        self._send(200, content, {"ETag": f'"{etag}"', "X-Repo-Commit": REVISION, "Content-Type": kind}, body)

    def _send(self, status: int, content: bytes, headers: dict[str, str], body: bool) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        if body:
            self.wfile.write(content)


@contextmanager
def serving(folder: Path) -> Iterator[FakeHub]:
    """Run a hub that has the model in `folder`."""
    server = FakeHub(folder)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
