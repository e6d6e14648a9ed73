"""A run that is stopped, or killed, and resumed gives what an uninterrupted one gives, step by step and bit by bit."""

import os
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from e2e.conftest import METHODS
from nlu_rl.runs import control
from nlu_rl.runs.layout import RunDirectory
from run_outcome import steps, weights


def validations(cli: Any, run: str) -> list[tuple[int, dict[str, float]]]:
    return [(e["step"], e["scores"]) for e in cli.events(run) if e["type"] == "validation"]


@pytest.mark.parametrize("method", METHODS)
def test_stopped_and_resumed_equals_uninterrupted(method: str, session_cli: Any, recipe: Callable[..., Path]) -> None:
    cli, path = session_cli, recipe(method)
    whole = cli.trained(path)
    stopped = cli.json("run", path, "--detach")["run"]
    # Paused after a step it cannot reach its end before the stop is heard, however fast the machine.
    control.request(RunDirectory(cli.home / "runs" / stopped), "pause")
    cli.wait(lambda: cli.status(stopped)["state"] == "paused")
    cli("stop", stopped)
    cli.wait(lambda: cli.status(stopped)["state"] in ("stopped", "done"))
    at = cli.status(stopped)["step"]
    assert cli.status(stopped)["state"] == "stopped"
    assert 0 < at < 6
    resumed = cli.json("resume", stopped)
    assert (resumed["state"], resumed["step"]) == ("done", 6)
    assert steps(cli, stopped) == steps(cli, whole)
    assert len(steps(cli, stopped)) == 6
    assert validations(cli, stopped) == validations(cli, whole)
    ours, reference = weights(cli, stopped, 6), weights(cli, whole, 6)
    assert ours.keys() == reference.keys()
    assert all(torch.equal(ours[key], reference[key]) for key in reference)
    assert method != "ppo" or any("inner" in key for key in reference), "the value head is part of the checkpoint"


def test_killed_and_resumed_equals_uninterrupted(session_cli: Any, recipe: Callable[..., Path]) -> None:
    cli = session_cli
    path = recipe("ppo", train={"batch": 8, "max_steps": 8, "learning_rate": 0.005, "save_every": 2})
    whole = cli.json("run", path)["run"]
    killed = cli.json("run", path, "--detach")["run"]
    cli.wait(lambda: cli.status(killed)["step"] >= 3)
    os.kill(cli.status(killed)["pid"], signal.SIGKILL)
    cli.wait(lambda: cli.json("runs", "show", killed)["state"] == "lost")
    assert cli.json("resume", killed)["state"] == "done"
    assert steps(cli, killed) == steps(cli, whole)
    ours, reference = weights(cli, killed, 8), weights(cli, whole, 8)
    assert all(torch.equal(ours[key], reference[key]) for key in reference)


def test_only_whole_checkpoints_are_resumed_from(session_cli: Any, recipe: Callable[..., Path]) -> None:
    cli = session_cli
    path = recipe("sft", train={"batch": 8, "max_steps": 4, "save_every": 2}, evaluate={"every": None, "before": False})
    run = cli.json("run", path)["run"]
    checkpoints = cli.home / "runs" / run / "checkpoints"
    assert sorted(p.name for p in checkpoints.glob("step-*")) == ["step-2", "step-4"]
    (checkpoints / "step-4" / "complete").unlink()
    (cli.home / "runs" / run / "status.json").unlink()
    again = cli.json("resume", run)
    assert (again["state"], again["step"]) == ("done", 4)
    assert [e["step"] for e in cli.events(run) if e["type"] == "resume"] == [2]
