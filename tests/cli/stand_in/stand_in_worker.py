"""A worker without a model: emits steps slowly and obeys control, so that the CLI can be tested in seconds.

Arguments of its job: steps, seconds (a step), fail ("user" or "bug"), deaf (ignores requests and SIGTERM).
In a training run the recipe gives them: train.max_steps, train.learning_rate, and lora.rank 1, 2 or 3 for the others.
"""

import signal
import sys
import time
from pathlib import Path
from typing import Any

import yaml

from nlu_rl.errors import DataError
from nlu_rl.runs.checkpoints import checkpoint_path, latest_checkpoint
from nlu_rl.runs.jobs import read_job
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.reporter import Reporter, job

RESULTS: dict[str, dict[str, Any]] = {
    "evaluate": {"n": 4, "scores": {"accuracy": 0.75}, "intervals": {"accuracy": [0.5, 1.0]}, "parse_rate": 1.0},
    "export": {"path": "/exports/x"},
}


def save(run: RunDirectory, step: int, reporter: Reporter) -> None:
    path = checkpoint_path(run, step)
    path.mkdir(parents=True, exist_ok=True)
    (path / "complete").touch()
    reporter.event("checkpoint", step=step, path=str(path))


def work(run: RunDirectory, arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    if arguments.get("deaf"):
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    if arguments.get("fail") == "user":
        raise DataError("The rows are gone.", "Run 'nlu-rl data fetch demo'.")
    if arguments.get("fail") == "bug":
        raise ZeroDivisionError("oh")
    steps, seconds = int(arguments.get("steps", 3)), float(arguments.get("seconds", 0.05))
    before = latest_checkpoint(run)
    first = int(before.name.removeprefix("step-")) if before else 0
    if before:
        reporter.event("resume", step=first)
    reporter.state("training", step=first, total=steps)
    for step in range(first + 1, steps + 1):
        time.sleep(seconds)
        reporter.step(step, {"reward": step / steps, "accuracy": 0.5, "kl": 0.01, "step_seconds": seconds}, total=steps)
        if "stop" in reporter.requested() and not arguments.get("deaf"):
            save(run, step, reporter)
            reporter.acknowledge("stop")
            return {"step": step, "scores": {"accuracy": 0.5}}
    save(run, steps, reporter)
    reporter.event("validation", step=steps, task="sst2", scores={"accuracy": 0.75}, parse_rate=1.0, n=4)
    return {"step": steps, "scores": {"accuracy": 0.75}}


def main() -> None:
    run = RunDirectory(Path(sys.argv[1]))
    with job(run) as reporter:
        arguments = dict(read_job(run).arguments)
        if run.recipe_path.exists():  # a train job: the recipe's numbers steer the stand-in
            recipe = yaml.safe_load(run.recipe_path.read_text())
            arguments = {"steps": recipe["train"]["max_steps"], "seconds": recipe["train"]["learning_rate"]}
            arguments |= {1: {"fail": "user"}, 2: {"fail": "bug"}, 3: {"deaf": True}}.get(recipe["lora"]["rank"], {})
        if read_job(run).kind == "preview":
            reporter.result = {"prompts": [{"text": "<user>a prompt", "tokens": 5} for _ in arguments["chats"]]}
            return
        reporter.result = {**work(run, arguments, reporter), **RESULTS.get(read_job(run).kind, {})}


if __name__ == "__main__":
    main()
