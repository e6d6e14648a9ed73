"""Records the runs under `recordings/` anew, from finished runs of yours: small, without weights and paths.

PYTHONPATH=tests python -m tui.make_recordings HOME GRPO_RUN SFT_RUN PPO_RUN        (then `make golden`)

`nan_loss` is a real run of the tiny model with an absurd learning rate, made here. What cannot be arranged is made of
the others: a machine that dies (`lost`), a line half written (`truncated_last_line`), and a card that is too small
(`ppo_failed_oom`), which ends as the worker reports it.
"""

import json
import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from e2e.conftest import write_sst2
from tiny_model import write_tiny_model
from tui.recordings import FOLDER, KEPT

SHOWN_HOME = "/home/you/nlu-rl"
SAMPLES, LOG_LINES = 32, 40
OUT_OF_MEMORY = {
    "message": "There was not enough memory.",
    "fix": "Set a smaller train.micro_batch_tokens or train.gradient_checkpointing=true, and start the run again.",
    "exit_code": 2,
}
NAN_RECIPE = {
    "tasks": ["sst2"],
    "method": "sft",
    "train": {"batch": 8, "optimizer": "adamw", "max_steps": 12, "learning_rate": 1e30},
}


def main(home: str, grpo: str, sft: str, ppo: str) -> None:
    runs = Path(home) / "runs"
    _keep(runs / grpo, FOLDER / "grpo_done", home)
    for name, source, state, steps in (
        ("sft_running", sft, "training", 25),
        ("lost", sft, "training", 31),
        ("ppo_failed_oom", ppo, "failed", 7),
        ("truncated_last_line", ppo, "training", 15),
    ):
        _keep(runs / source, FOLDER / name, home)
        _cut(name, state, steps=steps, error=OUT_OF_MEMORY if state == "failed" else None)
    events = FOLDER / "truncated_last_line" / "events.jsonl"
    events.write_text(events.read_text()[:-80])
    _record_nan()


def _record_nan() -> None:
    with tempfile.TemporaryDirectory() as folder:
        home = Path(folder)
        environment = {**os.environ, "NLU_RL_HOME": folder, "HF_HUB_OFFLINE": "1", "NLU_RL_PRECISION": "float32"}
        model = write_tiny_model(home / "data_cache" / "models" / "tiny-llama")
        recipe = home / "nan.yaml"
        recipe.write_text(json.dumps({"model": str(model), **NAN_RECIPE}))
        command = [sys.executable, "-m", "nlu_rl.cli.main"]
        subprocess.run([*command, "data", "import", "glue", write_sst2(home / "glue")], env=environment, check=True)
        subprocess.run([*command, "run", recipe], env=environment, check=False)
        (made,) = (home / "runs").iterdir()
        _keep(made, FOLDER / "nan_loss", folder)


def _keep(run: Path, target: Path, home: str) -> None:
    """Copy the small files of a run, cut, with another home."""
    shutil.rmtree(target, ignore_errors=True)
    target.mkdir(parents=True)
    for name in KEPT:
        if (run / name).exists():
            text = (run / name).read_text().replace(home, SHOWN_HOME)
            lines = [line for line in text.splitlines(keepends=True) if "site-packages" not in line]
            last = {"samples.jsonl": SAMPLES, "log": LOG_LINES}.get(name, len(lines))
            (target / name).write_text("".join(lines[-last:]))
    for mark in run.glob("checkpoints/*/complete"):
        (target / "checkpoints" / mark.parent.name).mkdir(parents=True)
        (target / "checkpoints" / mark.parent.name / "complete").touch()
    if (run / "checkpoints" / "best.json").exists():
        shutil.copy(run / "checkpoints" / "best.json", target / "checkpoints")


def _cut(name: str, state: str, *, steps: int, error: dict[str, Any] | None = None) -> None:
    """Make a recording end after some steps."""
    folder = FOLDER / name
    for file in ("events.jsonl", "samples.jsonl"):
        if (folder / file).exists():
            lines = (folder / file).read_text().splitlines(keepends=True)
            kept = [line for line in lines if (json.loads(line).get("step") or 0) <= steps]
            (folder / file).write_text("".join(kept))
    for mark in folder.glob("checkpoints/step-*"):
        if int(mark.name.removeprefix("step-")) > steps:
            shutil.rmtree(mark)
    best = folder / "checkpoints" / "best.json"
    if best.exists() and json.loads(best.read_text())["step"] > steps:
        best.unlink()
    status = json.loads((folder / "status.json").read_text())
    status.update(host="gpu-machine")
    status.update(state=state, step=steps, error=error, phase=None, progress=None)
    if state == "training":
        status["ended"] = None
    (folder / "status.json").write_text(json.dumps(status, indent=1) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
