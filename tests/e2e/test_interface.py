"""The whole way by keys alone, in a real terminal (tmux): a new run, watched to its end, evaluated and exported."""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from e2e.conftest import Cli, write_sst2
from tiny_model import write_tiny_model

POLL_SECONDS = 0.1
TMUX = shutil.which("tmux")
pytestmark = pytest.mark.skipif(TMUX is None, reason="there is no tmux here")


class Tmux:
    """A server of its own with one window, in which the interface runs."""

    def __init__(self, home: Path, socket: Path, width: int, height: int) -> None:
        self._base = [str(TMUX), "-u", "-f", "/dev/null", "-S", str(socket)]
        environment = {"NLU_RL_HOME": str(home), "LANG": "C.UTF-8", "TEXTUAL_ANIMATIONS": "none"}
        settings = [f"{name}={value}" for name, value in environment.items()]
        command = shlex.join(
            ["env", "-u", "COLUMNS", "-u", "LINES", *settings, sys.executable, "-m", "nlu_rl.cli.main", "tui"]
        )
        size = ["-x", str(width), "-y", str(height)]
        subprocess.run(
            [*self._base, "new-session", "-d", *size, command], check=True, env={**os.environ, "TERM": "xterm"}
        )

    def press(self, *keys: str) -> None:
        """Press keys as tmux names them (`Enter`, `Down`, `a`); `see` what each does before the next."""
        subprocess.run([*self._base, "send-keys", *keys], check=True)

    def type(self, text: str) -> None:
        subprocess.run([*self._base, "send-keys", "-l", text], check=True)

    def shown(self) -> str:
        done = subprocess.run([*self._base, "capture-pane", "-p"], capture_output=True, text=True, check=False)
        return done.stdout

    def see(self, *words: str, seconds: float = 120) -> None:
        """Wait until the screen shows all of these."""
        self._wait(lambda shown: all(word in shown for word in words), f"{words} did not appear", seconds)

    def see_gone(self, word: str) -> None:
        """Wait until the screen no longer shows this."""
        self._wait(lambda shown: word not in shown, f"{word} did not go", 120)

    def see_end(self) -> None:
        """Wait until the interface, and with it the terminal, is gone."""
        self._wait(lambda shown: not shown, "the interface did not end", 60)

    def _wait(self, happened: Callable[[str], bool], otherwise: str, seconds: float) -> None:
        end = time.monotonic() + seconds
        while not happened(shown := self.shown()):
            assert time.monotonic() < end, f"{otherwise}, but:\n{shown}"
            time.sleep(POLL_SECONDS)

    def close(self) -> None:
        subprocess.run([*self._base, "kill-server"], check=False, capture_output=True)


@pytest.fixture
def terminal(home: Path) -> Iterator[Tmux]:
    """The interface of a home that has rows of SST-2 and nothing else."""
    Cli(home)("data", "import", "glue", write_sst2(home / "glue"))
    with tempfile.TemporaryDirectory(prefix="nlu-rl-tmux-", dir="/tmp") as sockets:  # its path may not be long
        tmux = Tmux(home, Path(sockets) / "socket", 120, 40)
        yield tmux
        tmux.close()


def test_from_nothing_to_an_exported_model_by_keys_alone(home: Path, terminal: Tmux) -> None:
    model = write_tiny_model(home / "tiny-llama")
    terminal.see("There is no run yet")
    terminal.press("n")
    terminal.see("[1 Model]", "smollm2-135m")
    terminal.see("f Fetch")
    terminal.press("Tab")
    terminal.see_gone("f Fetch")  # which a line that takes letters hides
    terminal.type(str(model))
    terminal.see(model.name)
    terminal.press("Enter")
    terminal.see("A model folder")
    terminal.press("Enter")
    terminal.see("[2 Task]", "movie-snippets")
    terminal.press("Down")
    terminal.see("train 64", "tokens")
    terminal.press("Enter")
    terminal.see("[3 Recipe]", "sst2-sft")
    terminal.press("Tab", "Tab", "End", "BSpace", "BSpace", "BSpace")
    terminal.see("should be a valid integer")
    terminal.press("4")
    terminal.see("steps              4")
    terminal.press("Enter")
    terminal.see("[4 Review]", "train.max_steps=4", "right answers of sst2")
    terminal.press("Enter")
    terminal.see("Start it all the same?")  # of its tokens, a byte each, an answer takes more than there may be
    terminal.press("s")
    terminal.see("DONE", "step 4/4")
    (run,) = [path for path in (home / "runs").iterdir() if path.name[0] != "."]
    terminal.press("e")
    terminal.see("Nothing was evaluated yet")
    terminal.press("n")
    terminal.see("nlu-rl eval", "--task sst2")
    terminal.press("Enter")
    terminal.see("accuracy", "read strict", "●", "Confusion")
    terminal.press("Escape")
    terminal.see("step 4/4")
    terminal.press("x")
    terminal.see("Every weight is base + adapter", "the commands that serve it follow")
    terminal.press("Enter")
    terminal.see("✔ Score: adapter", "vllm serve")
    assert (home / "exports" / run.name / "config.json").is_file()
    terminal.press("Escape")
    terminal.see("step 4/4")
    terminal.press("Escape")
    terminal.see("✔ done", "none running")
    terminal.press("q")
    terminal.see_end()
