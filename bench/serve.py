"""The worker's end of the wire: one JSON line in, one batch of work, one JSON line out.

A trainer owns its loop, so the wire is a callback of it: the end of a step answers a request and waits for the next.
The library's own printing goes to stderr. A closed wire ends the process on the spot: a trainer would save a
checkpoint first.
"""

import json
import os
import re
import resource
import sys
import time
from collections.abc import Callable, Iterator
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import torch
from torch.utils.flop_counter import FlopCounterMode, sdpa_backward_flop_count, sdpa_flop_count
from transformers import TrainerCallback

from bench.work import Work, read_work

Request = dict[str, Any]
OUT_OF_MEMORY = ("allocate memory", "not enough memory", "bad_alloc", "out of memory")
"""How torch says so on a CPU and on a card."""
LIBRARIES = ("torch", "transformers", "trl", "peft", "nlu-rl")


def serve(main: Callable[[Work, "Server"], None]) -> None:
    """Run a worker: read its work, keep to its limit of memory, and say so when that is not enough."""
    work, server = read_work(sys.argv), Server()
    if work.memory_limit_bytes is not None:
        resource.setrlimit(resource.RLIMIT_DATA, (work.memory_limit_bytes, work.memory_limit_bytes))
    try:
        main(work, server)
    except (MemoryError, RuntimeError) as error:
        if any(sign in str(error) for sign in OUT_OF_MEMORY) or isinstance(error, MemoryError):
            server.out_of_memory()
        raise


class Server:
    """Answers requests until the wire is closed."""

    def __init__(self) -> None:
        self._requests = os.fdopen(os.dup(0), encoding="utf-8")
        self._replies = os.fdopen(os.dup(1), "w", encoding="utf-8")
        os.dup2(2, 1)
        self._flops: FlopCounterMode | None = None
        self._started = self._cpu_started = 0.0

    def ready(self, **about: Any) -> None:
        """Say that the model is loaded."""
        self._reply({"versions": installed_versions(), "threads": torch.get_num_threads(), **about})

    def next(self) -> Request:
        """Wait for a request and start the clock."""
        line = self._requests.readline()
        if not line:
            os._exit(0)
        request: Request = json.loads(line)
        if request.get("count"):
            self._flops = FlopCounterMode(display=False, custom_mapping=CPU_ATTENTION)
            self._flops.__enter__()
        self._started, self._cpu_started = time.perf_counter(), time.process_time()
        return request

    def done(self, **more: Any) -> None:
        """Answer the request with its seconds, the memory's high-water mark so far, and operations if asked for.

        `cpu_seconds` far below threads times `seconds` tell of other work on the machine.
        """
        seconds, cpu_seconds = time.perf_counter() - self._started, time.process_time() - self._cpu_started
        flops = None
        if self._flops is not None:
            self._flops.__exit__(None, None, None)
            flops, self._flops = self._flops.get_total_flops(), None
        self._reply(
            {"seconds": seconds, "cpu_seconds": cpu_seconds, "peak_bytes": peak_bytes(), "flops": flops, **more}
        )

    def out_of_memory(self) -> None:
        self._reply({"out_of_memory": True, "peak_bytes": peak_bytes()})

    def requests(self) -> Iterator[Request]:
        """Yield one request after the other; each must be answered with `done`."""
        while True:
            yield self.next()

    def _reply(self, message: dict[str, Any]) -> None:
        self._replies.write(json.dumps(message) + "\n")
        self._replies.flush()


class OneBatchARequest(TrainerCallback):
    """Makes a trainer wait for a request before each step; `parts` gives the seconds of the parts of the last one."""

    def __init__(self, server: Server, parts: Callable[[], dict[str, float]] | None = None, **about: Any) -> None:
        self._server = server
        self._parts = parts
        self._about = about

    def on_train_begin(self, *_: Any, **__: Any) -> None:
        self._server.ready(**self._about)
        self.begin(self._server.next())

    def on_step_end(self, *_: Any, **__: Any) -> None:
        self._server.done(parts=dict(self._parts()) if self._parts else {})
        self.begin(self._server.next())

    def begin(self, request: Request) -> None:
        """Take note of what a request asks for."""


def installed_versions() -> dict[str, str]:
    found = {}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:
            continue
    return found


def peak_bytes() -> int:
    """Return the most memory this process has held: the card's where there is one, else main memory."""
    if torch.cuda.is_available():
        return torch.cuda.max_memory_reserved()
    match = re.search(r"^VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE)
    assert match is not None
    return int(match[1]) * 1024


def _attention_flops(query: Any, key: Any, value: Any, *_: Any, out_shape: Any = None, **__: Any) -> int:
    return sdpa_flop_count(query, key, value)


def _attention_backward_flops(grad: Any, query: Any, key: Any, value: Any, *_: Any, out_shape: Any = None, **__: Any):
    return sdpa_backward_flop_count(grad, query, key, value)


CPU_ATTENTION: Any = {
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu: _attention_flops,
    torch.ops.aten._scaled_dot_product_flash_attention_for_cpu_backward: _attention_backward_flops,
}
"""The attention kernels of a CPU, which torch's counter does not know."""
