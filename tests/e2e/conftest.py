"""A home with a tiny model and a small SST-2 folder, and the command line as a process."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

METHODS = [pytest.param(method, marks=pytest.mark.xdist_group(method)) for method in ("sft", "ppo", "grpo")]
"""Every method, its tests in one process, which share what `Cli.trained` has trained."""
WORDS = {"1": ["good", "fine", "great", "lovely"], "0": ["bad", "dull", "awful", "poor"]}


def write_sst2(folder: Path, train: int = 64, dev: int = 24) -> Path:
    """Write an official SST-2 folder with rows made up here."""
    target = folder / "SST-2"
    target.mkdir(parents=True)
    for name, count in (("train", train), ("dev", dev)):
        lines = ["sentence\tlabel"]
        for i in range(count):
            label = str(i % 2)
            lines.append(f"{name} {i} {WORDS[label][i // 2 % 4]} film\t{label}")
        (target / f"{name}.tsv").write_text("\n".join(lines) + "\n", encoding="utf-8")
    return folder


class Cli:
    """Runs `nlu-rl` as a user would."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.environment = {**os.environ, "NLU_RL_HOME": str(home), "HF_HUB_OFFLINE": "1"}
        self.program = str(Path(sys.executable).with_name("nlu-rl"))
        self._trained: dict[str, str] = {}

    def __call__(self, *words: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
        """Run to the end and check the exit code."""
        done = subprocess.run(
            [self.program, *map(str, words)], env=self.environment, capture_output=True, text=True, timeout=300
        )
        assert done.returncode == code, f"exit {done.returncode}\n{done.stdout}\n{done.stderr}"
        assert "Traceback" not in done.stderr
        return done

    def json(self, *words: str | Path) -> dict[str, Any]:
        """Run with --json and return the last line of stdout."""
        result: dict[str, Any] = json.loads(self(*words, "--json").stdout.splitlines()[-1])
        return result

    def trained(self, recipe: Path) -> str:
        """Return a run of this recipe that is done; it is trained once, and its askers leave it as it is."""
        text = recipe.read_text(encoding="utf-8")
        if text not in self._trained:
            result = self.json("run", recipe)
            assert result["state"] == "done"
            self._trained[text] = result["run"]
        return self._trained[text]

    def events(self, run: str) -> list[dict[str, Any]]:
        path = self.home / "runs" / run / "events.jsonl"
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    def status(self, run: str) -> dict[str, Any]:
        status: dict[str, Any] = json.loads((self.home / "runs" / run / "status.json").read_text(encoding="utf-8"))
        return status

    def wait(self, what: Callable[[], bool], seconds: float = 120) -> None:
        deadline = time.monotonic() + seconds
        while not what():
            assert time.monotonic() < deadline, "waited too long"
            time.sleep(0.02)


@pytest.fixture(scope="session")
def session_cli(tmp_path_factory: pytest.TempPathFactory) -> Cli:
    """One home for the whole session, with the data imported."""
    cli = Cli(tmp_path_factory.mktemp("home"))
    cli("data", "import", "glue", write_sst2(tmp_path_factory.mktemp("glue")))
    return cli


@pytest.fixture
def recipe(tmp_path: Path, tiny_model_dir: Path) -> Callable[..., Path]:
    """Write a recipe for the tiny model; keyword arguments replace its keys."""

    def write(method: str, **keys: Any) -> Path:
        data = {
            "model": str(tiny_model_dir),
            "tasks": ["sst2"],
            "method": method,
            "generation": {"max_new_tokens": 4},
            "train": {"batch": 8, "max_steps": 6, "learning_rate": 0.005, "optimizer": "adamw", "save_every": 100},
            "grpo": {"completions": 4},
            "ppo": {"epochs": 2, "minibatches": 2, "kl_target": 1.0},
            "evaluate": {"every": 3, "examples": 8, "before": False},
            "report_to": ["tensorboard"],
            **keys,
        }
        path = tmp_path / f"{method}.yaml"
        path.write_text(json.dumps(data), encoding="utf-8")
        return path

    return write
