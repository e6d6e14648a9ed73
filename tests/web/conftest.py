"""A web server of a home of its own, as the command starts it."""

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest


class Served:
    """`nlu-rl web` in a process of its own."""

    def __init__(self, home: Path, *arguments: str) -> None:
        environment = {**os.environ, "NLU_RL_HOME": str(home), "TEXTUAL_ANIMATIONS": "none"}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "nlu_rl.cli.main", "web", "--port", "0", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            env=environment,
        )
        assert self.process.stdout is not None
        self.address = self.process.stdout.readline().strip()

    def interfaces(self) -> list[int]:
        """Return the processes of the pages that are open, or were."""
        return [child.pid for child in psutil.Process(self.process.pid).children()]

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        return self.process.wait(timeout=60)

    def kill(self) -> None:
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@pytest.fixture
def anyio_backend() -> str:
    return "asyncio"


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """One server for all tests of a module that leave it as it is."""
    server = Served(tmp_path_factory.mktemp("home"))
    yield server
    server.kill()


@pytest.fixture
def served(home: Path) -> Iterator[Served]:
    """A server of this test alone."""
    server = Served(home)
    yield server
    server.kill()
