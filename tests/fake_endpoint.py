"""A chat-completions server on this machine that answers, refuses, breaks or dawdles as a test says."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

Body = dict[str, Any]


class FakeEndpoint:
    """`answer` makes a text of a request's body; `failures` are (status, body, headers) to give first."""

    def __init__(self, answer: Callable[[Body], str]) -> None:
        self.answer = answer
        self.failures: list[tuple[int, Any, dict[str, str]]] = []
        self.refused_option: str | None = None
        self.seconds = 0.0
        self.requests: list[Body] = []
        self.keys: list[str | None] = []
        self.at_once = self.most_at_once = 0
        self.url = ""
        self._guard = threading.Lock()

    def respond(self, body: Body, key: str | None) -> tuple[int, Any, dict[str, str]]:
        with self._guard:
            self.requests.append(body)
            self.keys.append(key)
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
            failure = self.failures.pop(0) if self.failures else None
        time.sleep(self.seconds)
        with self._guard:
            self.at_once -= 1
        if failure:
            return failure
        if self.refused_option in body:
            return 400, {"error": {"message": f"Unsupported parameter: '{self.refused_option}'"}}, {}
        message = {"role": "assistant", "content": self.answer(body)}
        usage = {"prompt_tokens": 17, "completion_tokens": 3, "total_tokens": 20}
        choice = {"index": 0, "message": message, "finish_reason": "stop"}
        whole = {"id": "x", "object": "chat.completion", "created": 0, "model": body["model"], "usage": usage}
        return 200, {**whole, "choices": [choice]}, {}


@contextmanager
def serving(answer: Callable[[Body], str]) -> Iterator[FakeEndpoint]:
    """Serve on a free port of this machine."""
    endpoint = FakeEndpoint(answer)

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            if self.path != "/v1/chat/completions":
                status, found, headers = 404, {"error": {"message": "no such page"}}, {}
            else:
                status, found, headers = endpoint.respond(body, self.headers.get("Authorization"))
            text = found.encode() if isinstance(found, str) else json.dumps(found).encode()
            self.send_response(status)
            for name, value in {"Content-Type": "application/json", **headers}.items():
                self.send_header(name, value)
            self.send_header("Content-Length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

        def log_message(self, *_: Any) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    endpoint.url = f"http://127.0.0.1:{server.server_port}/v1"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    try:
        yield endpoint
    finally:
        server.shutdown()
        server.server_close()
