"""Train, watch, evaluate, compare, export and predict on a tiny random model, through the command line."""

import csv
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from e2e.conftest import METHODS

STEP_METRICS = {
    "sft": {"loss", "entropy", "learning_rate", "grad_norm", "update_seconds", "step_seconds", "completion_tokens"},
    "ppo": {"reward", "loss", "kl", "entropy", "accuracy", "parse_rate", "value_loss", "clip_fraction"},
    "grpo": {"reward", "loss", "kl", "entropy", "accuracy", "parse_rate", "clip_fraction", "completion_tokens"},
}
TIMES = {"generate_seconds", "score_seconds", "update_seconds", "step_seconds"}


@pytest.mark.parametrize("method", METHODS)
def test_every_method_from_recipe_to_export(
    method: str, session_cli: Any, recipe: Callable[..., Path], tmp_path: Path
) -> None:
    from transformers import AutoModelForCausalLM, AutoTokenizer

    cli = session_cli
    name = cli.trained(recipe(method))
    run = cli.home / "runs" / name
    assert cli.status(name)["step"] == 6
    metrics = [event["metrics"] for event in cli.events(name) if event["type"] == "step"]
    assert len(metrics) == 6
    assert STEP_METRICS[method] | (TIMES if method != "sft" else set()) <= metrics[0].keys()
    assert list(run.rglob("events.out.tfevents*"))
    if method != "sft":
        samples = [json.loads(line) for line in (run / "samples.jsonl").read_text(encoding="utf-8").splitlines()]
        assert {
            "step",
            "task",
            "id",
            "prompt",
            "completion",
            "gold",
            "reward",
            "parts",
            "advantage",
            "tokens",
        } <= samples[0].keys()

    scores = cli.json("eval", name, "--task", "sst2", "--greedy")
    assert scores["n"] == 24
    assert {
        "task",
        "n",
        "seed",
        "scores",
        "intervals",
        "parse_rate",
        "parse_rate_lenient",
        "predictions",
    } <= scores.keys()
    assert len(Path(scores["predictions"]).read_text(encoding="utf-8").splitlines()) == 24

    target = tmp_path / "export"
    exported = cli.json("export", name, "--to", target)
    assert exported["path"] == str(target)
    assert exported["same_answers"] == pytest.approx(1.0, abs=0.2)
    model = AutoModelForCausalLM.from_pretrained(target)
    assert AutoTokenizer.from_pretrained(target).chat_template
    assert model.num_parameters() > 0
    merged = cli.json("eval", target, "--task", "sst2", "--greedy")
    assert merged["n"] == 24

    (tmp_path / "in.csv").write_text('sentence,note\n"a ""good"" film, really",x\n"two\nlines",é\n', encoding="utf-8")
    cli("predict", name, "--data", tmp_path / "in.csv", "--to", tmp_path / "out.csv")
    with (tmp_path / "out.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert [row["note"] for row in rows] == ["x", "é"]
    assert rows[1]["sentence"] == "two\nlines"


@pytest.mark.xdist_group("sft")
@pytest.mark.parametrize("method", ["ppo", "grpo"])
def test_reinforcement_starts_from_a_supervised_run(method: str, session_cli: Any, recipe: Callable[..., Path]) -> None:
    from safetensors.torch import load_file

    cli = session_cli
    short = {"batch": 8, "max_steps": 2, "save_every": 1, "learning_rate": 1e-12}
    supervised = cli.trained(recipe("sft"))
    continued = cli.json("run", recipe(method, start_from=supervised, train=short))["run"]

    def adapter(run: str, step: int) -> Any:
        return load_file(cli.home / "runs" / run / "checkpoints" / f"step-{step}" / "adapter_model.safetensors")

    best = json.loads((cli.home / "runs" / supervised / "checkpoints" / "best.json").read_text(encoding="utf-8"))
    source, first = adapter(supervised, best["step"]), adapter(continued, 1)
    assert source.keys() == first.keys()
    assert all((source[key] - first[key]).abs().max() < 1e-6 for key in source)
    assert max(value.abs().max() for key, value in source.items() if "lora_B" in key) > 1e-4
    kl = [e["metrics"]["kl"] for e in cli.events(continued) if e["type"] == "step"]
    assert kl[0] != 0, "the reference is the base model, not the supervised one"


def test_early_stopping_keeps_the_best_checkpoint(session_cli: Any, recipe: Callable[..., Path]) -> None:
    cli = session_cli
    path = recipe(
        "sft",
        train={"batch": 8, "max_steps": 40, "learning_rate": 1e-12, "save_every": 100, "keep": 1},
        evaluate={"every": 1, "examples": 8, "before": True, "patience": 2},
    )
    result = cli.json("run", path)
    assert result["state"] == "done"
    assert result["step"] == 3
    checkpoints = cli.home / "runs" / result["run"] / "checkpoints"
    assert json.loads((checkpoints / "best.json").read_text(encoding="utf-8"))["step"] == 1
    assert (checkpoints / "step-1" / "complete").exists()


def test_pause_checkpoint_and_resume_by_control_files(session_cli: Any, recipe: Callable[..., Path]) -> None:
    cli = session_cli
    path = recipe(
        "sft", train={"batch": 8, "max_steps": 40, "save_every": 100}, evaluate={"every": None, "before": False}
    )
    run = cli.json("run", path, "--detach")["run"]
    control = cli.home / "runs" / run / "control"
    (control / "pause").touch()
    cli.wait(lambda: cli.status(run)["state"] == "paused")
    step = cli.status(run)["step"]
    assert cli.status(run)["step"] == step
    assert f'"type": "step", "step": {step},' in (cli.home / "runs" / run / "events.jsonl").read_text(encoding="utf-8")
    (control / "checkpoint").touch()
    (control / "resume").touch()
    cli.wait(lambda: cli.status(run)["state"] == "done")
    checkpoints = {p.name for p in (cli.home / "runs" / run / "checkpoints").glob("step-*")}
    assert checkpoints == {f"step-{step}", "step-40"}


@pytest.mark.xdist_group("sft")
def test_compare_says_what_changed(session_cli: Any, recipe: Callable[..., Path], tiny_model_dir: Path) -> None:
    cli = session_cli
    run = cli.trained(recipe("sft"))
    compared = cli.json("compare", tiny_model_dir, run, "--task", "sst2")
    assert {"difference", "interval", "p", "fixed", "broken"} <= compared.keys()
