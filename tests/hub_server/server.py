"""The hub as a server: the paths that `huggingface_hub` and `datasets` ask for, with the hub's own answers."""

import json
import re
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, unquote, urlsplit

from hub_server.repository import LARGE, MAIN, Repository, blob_id, sha256

_API = re.compile(r"/api/(models|datasets)/([^/]+/[^/]+)(?:/(revision|tree|paths-info|refs)(?:/([^/]+)(?:/(.+))?)?)?")
_FILE = re.compile(r"/(?:(datasets)/)?([^/]+/[^/]+)/resolve/([^/]+)/(.+)")
_LARGE_FILE = re.compile(r"/large/(models|datasets)/([^/]+/[^/]+)/([^/]+)/(.+)")
JSON = "application/json"


class HubServer(ThreadingHTTPServer):
    """Serves `repositories`; `asked` has the method and path of every request."""

    def __init__(self, *repositories: Repository) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.repositories = list(repositories)
        self.asked: list[str] = []

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}"

    def find(self, kind: str, name: str) -> Repository | None:
        return next((each for each in self.repositories if (each.kind, each.name) == (kind, name)), None)

    def info(self, repository: Repository, revision: str) -> dict[str, Any]:
        return repository.info(revision)


class _Handler(BaseHTTPRequestHandler):
    server: HubServer
    protocol_version = "HTTP/1.1"

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        self._answer()

    def do_HEAD(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer(self.rfile.read(int(self.headers.get("Content-Length", 0))).decode())

    def _answer(self, posted: str = "") -> None:
        address = urlsplit(self.path)
        self.server.asked.append(f"{self.command} {unquote(address.path)}")
        if found := _API.fullmatch(address.path):
            self._tell(*found.groups(), query=parse_qs(address.query), posted=parse_qs(posted))
        elif found := _FILE.fullmatch(address.path):
            kind, name, revision, path = found.groups()
            self._file(kind or "models", name, unquote(revision), unquote(path), redirect=True)
        elif found := _LARGE_FILE.fullmatch(address.path):
            kind, name, revision, path = found.groups()
            self._file(kind, name, revision, unquote(path), redirect=False)
        else:
            self._refuse(404, "EntryNotFound")

    def _tell(
        self,
        kind: str,
        name: str,
        what: str | None,
        revision: str | None,
        path: str | None,
        *,
        query: dict[str, list[str]],
        posted: dict[str, list[str]],
    ) -> None:
        """Answer a question about a repository."""
        repository, revision = self.server.find(kind, name), unquote(revision or MAIN)
        if repository is None or repository.hidden:
            self._refuse(*(repository.hidden if repository and repository.hidden else (404, "RepoNotFound")))
            return
        if what == "refs":
            self._json(repository.refs())
            return
        if repository.at(revision) is None:
            self._refuse(404, "RevisionNotFound")
        elif what == "tree":
            recursive = query.get("recursive", ["False"])[0].casefold() in ("true", "1")
            entries = repository.tree(revision, unquote(path or ""), recursive=recursive)
            self._refuse(404, "EntryNotFound") if entries is None else self._json(entries)
        elif what == "paths-info":
            self._json(repository.paths(revision, posted.get("paths", [])))
        else:
            self._json(self.server.info(repository, revision))

    def _file(self, kind: str, name: str, revision: str, path: str, *, redirect: bool) -> None:
        """Answer with a file, or with where a large one lies."""
        repository = self.server.find(kind, name)
        if repository is None:
            self._refuse(404, "RepoNotFound")
            return
        if refusal := repository.hidden or repository.files_hidden:
            self._refuse(*refusal)
            return
        commit, files = repository.at(revision) or ("", {})
        if path not in files:
            self._refuse(404, "EntryNotFound" if commit else "RevisionNotFound", {"X-Repo-Commit": commit})
            return
        content = files[path]
        large = path.endswith(LARGE)
        etag = f'"{sha256(content) if large else blob_id(content)}"'
        headers = {"X-Repo-Commit": commit, "ETag": etag, "Accept-Ranges": "bytes"}
        if large and redirect:
            linked = {"X-Linked-Etag": etag, "X-Linked-Size": str(len(content))}
            place = f"{self.server.url}/large/{kind}/{name}/{commit}/{path}"
            self._send(302, b"", {**headers, **linked, "Location": place})
            return
        if path == repository.spoilt:
            content = bytes(len(content))
        if part := re.fullmatch(r"bytes=(\d+)-(\d*)", self.headers.get("Range", "")):
            first, last = int(part[1]), int(part[2] or len(content) - 1)
            piece = content[first : last + 1]
            where = f"bytes {first}-{first + len(piece) - 1}/{len(content)}"
            self._send(206, piece, {**headers, "Content-Range": where})
            return
        self._send(200, content, headers)

    def _json(self, answer: Any) -> None:
        self._send(200, json.dumps(answer).encode(), {"Content-Type": JSON})

    def _refuse(self, status: int, code: str, headers: dict[str, str] | None = None) -> None:
        message = json.dumps({"error": code}).encode()
        self._send(status, message, {"Content-Type": JSON, "X-Error-Code": code, **(headers or {})})

    def _send(self, status: int, content: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in {**headers, "Content-Length": str(len(content))}.items():
            self.send_header(key, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(content)


@contextmanager
def serving(*repositories: Repository) -> Iterator[HubServer]:
    """Run a hub that has these repositories."""
    server = HubServer(*repositories)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
