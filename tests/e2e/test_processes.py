"""Two processes that share every batch learn what one learns, within rounding; stopped and resumed alike."""

import json
import subprocess
import sys
from collections.abc import Callable
from copy import copy
from pathlib import Path
from typing import Any

import pytest
import torch

from e2e.conftest import METHODS
from run_outcome import steps, weights

TAUGHT = {"batch": 8, "max_steps": 200, "learning_rate": 0.01, "optimizer": "adamw"}
FSDP = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2"}
TRAIN = {"batch": 8, "max_steps": 3, "learning_rate": 0.002, "optimizer": "adamw", "save_every": 2}


@pytest.fixture(scope="module")
def taught(session_cli: Any, tmp_path_factory: pytest.TempPathFactory, tiny_model_dir: Path) -> str:
    """A run whose adapter answers, so that rewards and the KL to the base are not all alike."""
    path = tmp_path_factory.mktemp("recipe") / "taught.yaml"
    recipe = {"model": str(tiny_model_dir), "tasks": ["sst2"], "method": "sft", "train": TAUGHT}
    path.write_text(json.dumps({**recipe, "evaluate": {"every": None, "before": False}}), encoding="utf-8")
    return str(session_cli.json("run", path)["run"])


@pytest.mark.parametrize("method", METHODS)
@pytest.mark.parametrize("settings", [{}, FSDP], ids=["whole", "fsdp"])
def test_two_processes_learn_what_one_learns(
    settings: dict[str, str], method: str, session_cli: Any, recipe: Callable[..., Path], taught: str
) -> None:
    cli = copy(session_cli)
    cli.environment = {**cli.environment, **settings}
    evaluate = {"every": 3, "examples": 8, "before": False}
    path = recipe(method, train=TRAIN, evaluate=evaluate, start_from=taught, generation={"max_new_tokens": 24})
    one, two = session_cli.trained(path), cli.json("run", path, "--processes", "2")
    assert (two["state"], two["step"]) == ("done", 3)
    expected, found = steps(cli, one), steps(cli, two["run"])
    assert sorted(found) == [1, 2, 3]
    for step, metrics in expected.items():
        for name, value in metrics.items():
            assert found[step][name] == pytest.approx(value, abs=2e-3, rel=2e-3), (step, name)
    ours, reference = weights(cli, two["run"], 3), weights(cli, one, 3)
    assert ours.keys() == reference.keys()
    for name in reference:
        assert torch.allclose(ours[name], reference[name], atol=2e-3), name
    if method != "ppo":  # it alone has weights besides the adapter
        return
    run = cli.home / "runs" / two["run"]
    (run / "checkpoints" / "step-3" / "complete").unlink()  # as if it had been killed in its last step
    (run / "status.json").unlink()
    assert cli.json("resume", two["run"], "--processes", "2")["step"] == 3
    again = weights(cli, two["run"], 3)
    assert all(torch.equal(again[name], ours[name]) for name in ours)


def test_a_batch_that_cannot_be_shared_is_refused(session_cli: Any, recipe: Callable[..., Path]) -> None:
    path = recipe("grpo", train={**TRAIN, "batch": 4}, evaluate={"every": None, "before": False})
    refused = session_cli("run", path, "--processes", "2", code=2)
    assert "cannot be shared by 2 processes in groups of 4" in refused.stderr
    assert "multiple of 8" in refused.stderr


def accelerate_launch(cli: Any, folder: Path, *kind: str) -> "subprocess.CompletedProcess[str]":
    """Start the worker of a prepared run on two processes, which are CPUs where there is no card."""
    program = str(Path(sys.executable).with_name("accelerate"))
    plain = ["--num_machines", "1", "--num_processes", "2", "--mixed_precision", "no", "--dynamo_backend", "no"]
    command = [program, "launch", *kind, *plain, "-m", "nlu_rl.worker", str(folder)]
    return subprocess.run(command, env=cli.environment, capture_output=True, text=True, check=False, timeout=300)


@pytest.mark.parametrize("kind", [["--multi_gpu"], ["--use_fsdp", "--fsdp_version", "2"]], ids=["whole", "fsdp"])
def test_accelerate_launches_a_prepared_run(kind: list[str], session_cli: Any, recipe: Callable[..., Path]) -> None:
    path = recipe("sft", train=TRAIN, evaluate={"every": None, "before": False})
    folder = Path(session_cli("run", path, "--prepare").stdout.strip())
    assert session_cli.json("runs", "show", folder.name)["state"] == "queued"
    assert "launcher" in json.loads((folder / "status.json").read_text())["phase"]
    done = accelerate_launch(session_cli, folder, *kind)
    assert (done.returncode, done.stderr.count("nlu_rl.models.load: loaded")) == (0, 2)
    assert session_cli.status(folder.name)["state"] == "done"
    expected, found = steps(session_cli, session_cli.trained(path)), steps(session_cli, folder.name)
    assert sorted(found) == [1, 2, 3]
    for step in expected:
        assert found[step]["loss"] == pytest.approx(expected[step]["loss"], abs=2e-3, rel=2e-3)
