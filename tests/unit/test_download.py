"""Downloads from a server that breaks off, forgets, lies and refuses."""

import hashlib
import os
import shutil
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from nlu_rl import download as downloads
from nlu_rl import package_index
from nlu_rl.download import DownloadError, MissingFileError, download, fetch_package_file, package_file_url
from nlu_rl.errors import NluRlError

BODY = bytes(range(256)) * 4096  # 1 MiB
SHA256 = hashlib.sha256(BODY).hexdigest()


class Server(ThreadingHTTPServer):
    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.files: dict[str, bytes] = {"/file.bin": BODY}
        self.types: dict[str, str] = {}
        self.break_after: list[int] = []  # the next answers end after so many bytes
        self.statuses: list[int] = []  # the next answers have these statuses
        self.ranges: list[str | None] = []
        self.authorizations: list[str | None] = []
        self.resumable = True
        self.base = f"http://127.0.0.1:{self.server_address[1]}"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def log_message(self, *_: Any) -> None: ...

    def do_GET(self) -> None:
        server = self.server
        wanted = self.headers.get("Range")
        server.ranges.append(wanted)
        server.authorizations.append(self.headers.get("Authorization"))
        if server.statuses:
            self.send_error(server.statuses.pop(0))
            return
        body = server.files.get(self.path)
        if body is None:
            self.send_error(404)
            return
        start = int(wanted.removeprefix("bytes=").rstrip("-")) if wanted and server.resumable else 0
        if start >= len(body) > 0:
            self.send_response(416)
            self.send_header("Content-Range", f"bytes */{len(body)}")
            self.send_header("Content-Length", "0")
            self.end_headers()
            return
        self.send_response(206 if start else 200)
        if start:
            self.send_header("Content-Range", f"bytes {start}-{len(body) - 1}/{len(body)}")
        self.send_header("Content-Type", server.types.get(self.path, "application/octet-stream"))
        self.send_header("Content-Length", str(len(body) - start))
        self.end_headers()
        stop = start + server.break_after.pop(0) if server.break_after else len(body)
        self.wfile.write(body[start:stop])


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    monkeypatch.setattr(downloads, "_BACKOFF_SECONDS", (0.0, 0.0))
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    running = Server()
    thread = threading.Thread(target=running.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    yield running
    running.shutdown()
    running.server_close()
    thread.join()


def test_whole_file_with_progress(server: Server, tmp_path: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    target = download(
        server.base + "/file.bin", tmp_path / "new" / "f", sha256=SHA256, progress=lambda *p: seen.append(p)
    )
    assert target.read_bytes() == BODY
    assert seen[0] == (0, len(BODY))
    assert seen[-1] == (len(BODY), len(BODY))
    assert [p.name for p in target.parent.iterdir()] == ["f"]


def test_no_request_when_the_file_is_there(server: Server, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(BODY)
    download(server.base + "/file.bin", tmp_path / "f", sha256=SHA256)
    assert server.ranges == []


def test_truncated_transfer_is_resumed_within_a_call(server: Server, tmp_path: Path) -> None:
    server.break_after = [100_000, 300_000]
    target = download(server.base + "/file.bin", tmp_path / "f", sha256=SHA256)
    assert target.read_bytes() == BODY
    assert server.ranges == [None, "bytes=100000-", "bytes=400000-"]


def test_part_is_kept_and_resumed_by_a_later_call(server: Server, tmp_path: Path) -> None:
    server.break_after = [100_000, 1, 1]
    with pytest.raises(DownloadError, match=r"127\.0\.0\.1"):
        download(server.base + "/file.bin", tmp_path / "f", sha256=SHA256)
    assert not (tmp_path / "f").exists()
    assert download(server.base + "/file.bin", tmp_path / "f", sha256=SHA256).read_bytes() == BODY
    assert server.ranges[-1] == "bytes=100002-"


def test_server_without_ranges_starts_again(server: Server, tmp_path: Path) -> None:
    server.resumable = False
    (tmp_path / "f.part").write_bytes(BODY[:5000])
    assert download(server.base + "/file.bin", tmp_path / "f", sha256=SHA256).read_bytes() == BODY


@pytest.mark.parametrize("part", [BODY, BODY + b"more", b"of another file"])
def test_old_part_never_spoils_the_file(server: Server, tmp_path: Path, part: bytes) -> None:
    (tmp_path / "f.part").write_bytes(part)
    assert download(server.base + "/file.bin", tmp_path / "f", sha256=SHA256).read_bytes() == BODY


def test_hash_mismatch_removes_the_new_and_keeps_the_old(server: Server, tmp_path: Path) -> None:
    (tmp_path / "f").write_bytes(b"what was here")
    server.files["/file.bin"] = BODY[:-1] + b"!"
    with pytest.raises(DownloadError, match="SHA-256") as caught:
        download(server.base + "/file.bin", tmp_path / "f", sha256=SHA256)
    assert caught.value.fix
    assert caught.value.exit_code == 2
    assert [p.name for p in tmp_path.iterdir()] == ["f"]
    assert (tmp_path / "f").read_bytes() == b"what was here"


def test_wrong_size(server: Server, tmp_path: Path) -> None:
    with pytest.raises(DownloadError, match="1048576 bytes instead of 5"):
        download(server.base + "/file.bin", tmp_path / "f", sha256=None, size=5)


def test_missing_and_refused_files_are_not_tried_again(server: Server, tmp_path: Path) -> None:
    with pytest.raises(MissingFileError, match="404"):
        download(server.base + "/none", tmp_path / "f", sha256=SHA256)
    server.statuses = [403]
    with pytest.raises(DownloadError, match="refuses"):
        download(server.base + "/file.bin", tmp_path / "f", sha256=SHA256)
    assert len(server.ranges) == 2


def test_busy_server_is_tried_again(server: Server, tmp_path: Path) -> None:
    server.statuses = [503, 429]
    assert download(server.base + "/file.bin", tmp_path / "f", sha256=SHA256).read_bytes() == BODY


def test_no_network(server: Server, tmp_path: Path) -> None:
    server.server_close()
    with pytest.raises(DownloadError, match="cannot be reached") as caught:
        download(server.base + "/file.bin", tmp_path / "f", sha256=SHA256)
    assert "network" in caught.value.fix


def test_disk_too_small_is_found_before_writing(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    usage = shutil.disk_usage(tmp_path)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=1000))
    with pytest.raises(DownloadError, match="No disk space"):
        download(server.base + "/file.bin", tmp_path / "f", sha256=SHA256)
    assert not (tmp_path / "f").exists()


def test_disk_full_while_writing_leaves_nothing(
    server: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(*_: Any) -> None:
        raise OSError(28, os.strerror(28))

    monkeypatch.setattr(os, "fsync", full)
    (tmp_path / "f").write_bytes(b"what was here")
    with pytest.raises(DownloadError, match="No disk space"):
        download(server.base + "/file.bin", tmp_path / "f", sha256=SHA256)
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


def test_target_in_a_file(server: Server, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(DownloadError, match="Cannot write"):
        download(server.base + "/file.bin", tmp_path / "file" / "f", sha256=SHA256)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_read_only_folder(server: Server, tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    with pytest.raises(DownloadError, match="Cannot write"):
        download(server.base + "/file.bin", tmp_path / "f", sha256=SHA256)


def test_two_at_once_both_succeed(server: Server, tmp_path: Path) -> None:
    failures: list[Exception] = []

    def fetch() -> None:
        try:
            download(server.base + "/file.bin", tmp_path / "f", sha256=SHA256)
        except NluRlError as error:
            failures.append(error)

    threads = [threading.Thread(target=fetch) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    assert (tmp_path / "f").read_bytes() == BODY
    assert [p.name for p in tmp_path.iterdir()] == ["f"]


@pytest.fixture
def index(server: Server, monkeypatch: pytest.MonkeyPatch) -> Server:
    """The server as the only package index, answering in JSON with a relative link."""
    monkeypatch.setattr(package_index, "_pip_configuration", dict)
    for name in ("PIP_FIND_LINKS", "PIP_EXTRA_INDEX_URL", "PIP_NO_INDEX"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("PIP_INDEX_URL", server.base + "/simple/")
    server.files["/simple/some-model/"] = b'{"files": [{"url": "../../file.bin#sha256=00"}, {"url": "../o.bin"}]}'
    server.types["/simple/some-model/"] = "application/vnd.pypi.simple.v1+json"
    return server


def test_package_file_from_json_index(index: Server, tmp_path: Path) -> None:
    assert package_file_url("Some_Model", "file.bin") == index.base + "/file.bin"
    assert fetch_package_file("some-model", "file.bin", SHA256, tmp_path).read_bytes() == BODY
    asked = len(index.ranges)
    fetch_package_file("some-model", "file.bin", SHA256, tmp_path)
    assert len(index.ranges) == asked


def test_package_file_from_html_index(index: Server) -> None:
    index.files["/simple/some-model/"] = b'<a href="/file.bin#sha256=00" data-yanked="">file.bin</a>'
    index.types["/simple/some-model/"] = "text/html"
    assert package_file_url("some-model", "file.bin") == index.base + "/file.bin"


def test_package_file_in_an_extra_index_and_in_a_folder(
    index: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", index.base + "/empty")
    monkeypatch.setenv("PIP_EXTRA_INDEX_URL", index.base + "/simple")
    assert package_file_url("some-model", "file.bin") == index.base + "/file.bin"
    (tmp_path / "file.bin").write_bytes(BODY)
    monkeypatch.setenv("PIP_FIND_LINKS", str(tmp_path))
    assert fetch_package_file("some-model", "file.bin", SHA256, tmp_path / "to").read_bytes() == BODY


def test_package_file_unknown(index: Server) -> None:
    with pytest.raises(MissingFileError, match=r"does not have none\.bin of some-model"):
        package_file_url("some-model", "none.bin")
    with pytest.raises(MissingFileError, match=r"does not have file\.bin of nothing"):
        package_file_url("nothing", "file.bin")


def test_index_password_is_sent_and_never_shown(index: Server, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_INDEX_URL", index.base.replace("//", "//me:s3cret@") + "/simple")
    url = package_file_url("some-model", "file.bin")
    assert index.authorizations[-1] == "Basic bWU6czNjcmV0"
    index.statuses = [403]
    with pytest.raises(DownloadError) as caught:
        download(url, tmp_path / "f", sha256=SHA256)
    assert "s3cret" not in str(caught.value)


def test_wrong_certificate_bundle(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PIP_CERT", str(tmp_path / "none.pem"))
    with pytest.raises(DownloadError, match="PIP_CERT"):
        download("https://127.0.0.1:1/file.bin", tmp_path / "f", sha256=SHA256)
