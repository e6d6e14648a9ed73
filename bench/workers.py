"""The other end of the wire: starts a worker, asks it for batches, and leaves no process behind.

A worker leads a session of its own: an interrupt reaches only the benchmark, which then kills its workers. One that
outlives the benchmark all the same finds its wire closed and ends.
"""

import json
import os
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from bench.work import Work, write_work
from nlu_rl.runs.jobs import WORKER_SETTINGS

ROOT = Path(__file__).resolve().parent.parent
PRODUCT_PYTHON = ROOT / ".venv" / "bin" / "python"
PEERS_PYTHON = Path(__file__).resolve().parent / ".venv-peers" / "bin" / "python"
LOG_LINES = 15


class WorkerError(Exception):
    """A worker ended before it answered; the message holds the end of its log."""


class OutOfMemoryError(WorkerError):
    """A worker needed more memory than there is."""

    def __init__(self, peak_bytes: int) -> None:
        super().__init__(f"A worker ran out of memory; it had taken {peak_bytes / 1e9:.1f} GB.")
        self.peak_bytes = peak_bytes


class Worker:
    """One side of a case."""

    def __init__(self, process: "subprocess.Popen[str]", log: Path) -> None:
        self._process = process
        self._log = log
        self.about = self._read()

    def ask(self, **request: Any) -> dict[str, Any]:
        """Have one batch done and return the answer.

        Raises:
            OutOfMemoryError: it takes more memory than there is.
            WorkerError: the worker ended instead.
        """
        assert self._process.stdin is not None
        try:
            self._process.stdin.write(json.dumps(request) + "\n")
            self._process.stdin.flush()
        except BrokenPipeError:
            pass  # its log says why, once it is read below
        return self._read()

    def _read(self) -> dict[str, Any]:
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if line:
            answer = dict(json.loads(line))
            if answer.get("out_of_memory"):
                raise OutOfMemoryError(answer["peak_bytes"])
            return answer
        code = self._process.wait()
        tail = self._log.read_text(encoding="utf-8", errors="replace").splitlines()[-LOG_LINES:]
        hint = " (killed: out of memory?)" if code == -9 else ""
        raise WorkerError("\n".join([f"A worker ended with code {code}{hint}. The end of its log:", *tail]))


@contextmanager
def worker(module: str, python: Path, work: Work, threads: int) -> Iterator[Worker]:
    """Start `python -m module` on this work in its folder, wait until it has loaded, and end it afterwards."""
    folder = Path(work.folder)
    folder.mkdir(parents=True, exist_ok=True)
    path, log = folder / "work.json", folder / "log"
    write_work(work, path)
    with log.open("wb") as sink:
        process = subprocess.Popen(
            [str(python), "-m", module, str(path)],
            cwd=ROOT,
            env=environment(threads, folder),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=sink,
            text=True,
            encoding="utf-8",
            start_new_session=True,
        )
    try:
        yield Worker(process, log)
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe is not None:
                pipe.close()


def environment(threads: int, folder: Path) -> dict[str, str]:
    """Return the environment of both sides alike: what the product gives its own workers, and no network."""
    return {
        **WORKER_SETTINGS,
        **os.environ,
        "OMP_NUM_THREADS": str(threads),
        "HF_HOME": str(folder / "hf"),
        "HF_HUB_OFFLINE": "1",
        "NLU_RL_HOME": str(folder),
        "PYTHONUNBUFFERED": "1",
    }
