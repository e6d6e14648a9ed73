"""A base in 4 bits, on the CPU: train by every method, stop, resume to the bit, evaluate, export both ways."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from run_outcome import steps, weights

TRAIN = {"batch": 8, "max_steps": 4, "learning_rate": 0.005, "optimizer": "adamw", "save_every": 2}


@pytest.fixture(scope="module")
def bundled(session_cli: Any, tiny_model_dir: Path) -> Path:
    target = session_cli.home / "tiny-nf4"
    if not target.exists():
        result = session_cli.json("models", "bundle", tiny_model_dir, "--to", target)
        assert result["path"] == str(target)
    return target


@pytest.mark.parametrize("method", ["sft", "ppo", "grpo"])
def test_resumed_equals_uninterrupted(method: str, session_cli: Any, recipe: Callable[..., Path]) -> None:
    cli = session_cli
    path = recipe(method, quantize="nf4", train=TRAIN, evaluate={"every": None, "before": False})
    whole = cli.json("run", path)
    assert (whole["state"], whole["step"]) == ("done", 4)
    run = cli.home / "runs" / whole["run"]
    cut = cli.json("run", path, "train.max_steps=4")["run"]
    checkpoints = cli.home / "runs" / cut / "checkpoints"
    (checkpoints / "step-4" / "complete").unlink()  # as if it had been killed in its third step
    (cli.home / "runs" / cut / "status.json").unlink()
    assert cli.json("resume", cut)["step"] == 4
    assert [event["step"] for event in cli.events(cut) if event["type"] == "resume"] == [2]
    assert steps(cli, cut) == steps(cli, whole["run"])
    ours, reference = weights(cli, cut, 4), weights(cli, whole["run"], 4)
    assert all(torch.equal(ours[key], reference[key]) for key in reference)
    assert "quantize: nf4" in (run / "recipe.yaml").read_text(encoding="utf-8")


def test_a_bundle_is_trained_evaluated_and_exported(
    session_cli: Any, recipe: Callable[..., Path], bundled: Path
) -> None:
    cli = session_cli
    run = cli.json("run", recipe("ppo", model=str(bundled), train=TRAIN))["run"]
    assert "quantize: nf4" in (cli.home / "runs" / run / "recipe.yaml").read_text(encoding="utf-8")
    assert cli.json("eval", run, "--task", "sst2", "--examples", 8)["n"] == 8
    exported = cli.json("export", run)
    assert exported["merged_into"] == "quantized"
    assert exported["weight_error"] <= 1
    assert exported["same_answers"] >= 0.9
    refused = cli("export", run, "--merge-into", "original", "--to", cli.home / "other", code=2)
    assert "holds the 4-bit weights alone" in refused.stderr


def test_the_original_weights_by_choice(session_cli: Any, recipe: Callable[..., Path]) -> None:
    cli = session_cli
    run = cli.json("run", recipe("sft", quantize="nf4", train=TRAIN, evaluate={"every": None, "before": False}))["run"]
    exported = cli.json("export", run, "--merge-into", "original")
    assert exported["merged_into"] == "original"
    assert exported["weight_error"] <= 1
    assert exported["score_trained"] is not None
    card = (Path(exported["path"]) / "README.md").read_text(encoding="utf-8")
    assert "On the 4-bit base, as it was trained:" in card
