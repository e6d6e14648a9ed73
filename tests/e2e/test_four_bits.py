"""A base in 4 bits, on the CPU: train by every method, stop, resume to the bit, evaluate, export both ways."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from e2e.conftest import METHODS
from run_outcome import steps, weights
from tiny_model import write_tiny_model

TRAIN = {"batch": 8, "max_steps": 4, "learning_rate": 0.005, "optimizer": "adamw", "save_every": 2}


WITHOUT_VALIDATION = {"every": None, "before": False}


@pytest.fixture(params=["llama", "qwen2"])  # qwen2: products with a bias
def bundled(session_cli: Any, tmp_path: Path, request: pytest.FixtureRequest) -> Path:
    target = tmp_path / f"tiny-{request.param}-nf4"
    made_from = write_tiny_model(tmp_path / f"tiny-{request.param}", request.param)
    result = session_cli.json("models", "bundle", made_from, "--to", target)
    assert result["path"] == str(target)
    return target


@pytest.mark.parametrize("method", METHODS)
def test_resumed_equals_uninterrupted(method: str, session_cli: Any, recipe: Callable[..., Path]) -> None:
    cli = session_cli
    name = cli.trained(recipe(method, quantize="nf4", train=TRAIN, evaluate=WITHOUT_VALIDATION))
    run = cli.home / "runs" / name
    whole, reference = steps(cli, name), weights(cli, name, 4)
    assert sorted(whole) == [1, 2, 3, 4]
    (run / "checkpoints" / "step-4" / "complete").unlink()  # as if it had been killed in its third step
    (run / "status.json").unlink()
    assert cli.json("resume", name)["step"] == 4
    assert [event["step"] for event in cli.events(name) if event["type"] == "resume"] == [2]
    assert steps(cli, name) == whole
    assert all(torch.equal(value, reference[key]) for key, value in weights(cli, name, 4).items())
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


@pytest.mark.xdist_group("sft")
def test_the_original_weights_by_choice(session_cli: Any, recipe: Callable[..., Path]) -> None:
    cli = session_cli
    run = cli.trained(recipe("sft", quantize="nf4", train=TRAIN, evaluate=WITHOUT_VALIDATION))
    exported = cli.json("export", run, "--merge-into", "original")
    assert exported["merged_into"] == "original"
    assert exported["weight_error"] <= 1
    assert exported["score_trained"] is not None
    card = (Path(exported["path"]) / "README.md").read_text(encoding="utf-8")
    assert "On the 4-bit base, as it was trained:" in card
