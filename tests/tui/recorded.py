"""Run directories as a worker leaves them, written in milliseconds."""

import json
import math
import os
import time
from pathlib import Path
from typing import Any

from nlu_rl.recipe import Recipe
from nlu_rl.runs.jobs import Job
from nlu_rl.runs.layout import RunDirectory, create_run
from nlu_rl.runs.status import Failure, State, Status, host_name, process_started, write_status

DEAD_PID = 2**22 + 1  # above the largest process id


def record(
    home: Path,
    name: str,
    state: State = "done",
    *,
    method: str = "ppo",
    steps: int = 40,
    total: int = 40,
    alive: bool = True,
    error: Failure | None = None,
    **metrics: float,
) -> RunDirectory:
    """Write a run; a live state gets this process as its worker (`alive`), or one that is gone."""
    recipe = Recipe.model_validate({"model": "smollm2-135m", "tasks": ["sst2"], "method": method})
    run = create_run(home / "runs", name, Job("train"), recipe.to_yaml(), recipe.to_yaml(), exact=True)
    pid = os.getpid() if alive else DEAD_PID
    status = Status(
        state=state,
        pid=pid,
        pid_started=process_started(pid),
        host=host_name(),
        step=steps,
        total=total,
        heartbeat=time.time() + 3600,  # never late, however slow the machine
        started=time.time() - 60,
        error=error,
    )
    write_status(run, status)
    with run.events_path.open("w") as file:
        if steps:
            file.write(line(type="validation", step=0, task="sst2", metric="accuracy", scores={"accuracy": 0.5}))
        for step in range(1, steps + 1):
            file.write(step_line(step, steps, **metrics))
        if steps:
            file.write(line(type="validation", step=steps, task="sst2", metric="accuracy", scores={"accuracy": 0.9}))
    with run.samples_path.open("w") as file:
        file.writelines(sample_line(step, number) for step in range(1, min(steps, 50) + 1) for number in range(4))
    if steps:
        folder = run.checkpoints_dir / f"step-{steps}"
        folder.mkdir()
        (folder / "complete").touch()
        (run.checkpoints_dir / "best.json").write_text(json.dumps({"step": steps, "score": 0.9}))
    run.log_path.write_text("".join(f"12:00:{n % 60:02d} INFO line {n}\n" for n in range(300)))
    return run


def line(**event: Any) -> str:
    return json.dumps({"v": 1, "t": 1.0, **event}) + "\n"


def step_line(step: int, steps: int, **metrics: float) -> str:
    values = {
        "reward": step / steps + 0.1 * math.sin(step),
        "loss": 1 / step,
        "policy_loss": -0.01,
        "value_loss": 0.2 / step,
        "accuracy": step / steps,
        "parse_rate": 0.95,
        "kl": 0.001 * step,
        "entropy": 1 / step,
        "completion_tokens": 6.5,
        "generate_seconds": 0.4,
        "score_seconds": 0.1,
        "update_seconds": 0.7,
        "step_seconds": 1.3,
        **metrics,
    }
    return line(type="step", step=step, metrics=values)


def sample_line(step: int, number: int) -> str:
    reads = ("positive", "negative", None, "positive")[number]
    reward = -1.0 if reads is None else float(reads == "positive")
    return line(
        step=step,
        task="sst2",
        id=f"train-{step}",
        prompt=f"Classify it.\n\nReview: a charming journey number {step}",
        completion=f"<Judgement>{reads}</Judgement>" if reads else "<Judgement>I think that",
        extracted=reads,
        gold="positive",
        reward=reward,
        parts={"correctness": max(0.0, reward), "exceptional": min(0.0, reward)},
        advantage=reward,
        correct=reads == "positive",
    )


def record_evaluation(run: RunDirectory | None, answers: str, *, model: str = "smollm2-135m") -> RunDirectory:
    """Write a finished evaluation of SST-2's eight validation rows; `answers` has `+`, `-` or `?` for each row.

    Without a run it is the model's, before training. The rows are those of `cli.conftest.write_rows`.
    """
    from nlu_rl import paths
    from nlu_rl.evaluation.predict import Prediction
    from nlu_rl.evaluation.summary import summarize
    from nlu_rl.tasks.registry import get_task

    task = get_task("sst2")
    given = {"+": "positive</Judgement>", "-": "negative</Judgement>", "?": "well"}
    asked = {"run": run.name if run else None, "model": None if run else model, "task": "sst2", "split": "validation"}
    asked |= {"checkpoint": "step-40" if run else None, "data": None, "examples": None, "seed": 1, "greedy": False}
    job = Job("evaluate", {**asked, "samples": 1, "shots": 0})
    made = create_run(run.eval_dir if run else paths.runs_dir(), "sst2-validation", job)
    examples = task.load("validation")
    lines, predictions = [], []
    for number, (example, sign) in enumerate(zip(examples, answers, strict=True)):
        completion = given[sign]
        scored = task.score(example, completion)
        lines.append({"index": number, "sample": 0, "id": example.id, "completion": completion})
        predictions.append(Prediction(number, 0, example, 9, completion, scored.extracted, scored))
    path = made.path / "predictions.jsonl"
    path.write_text("".join(json.dumps(each) + "\n" for each in lines))
    summary = summarize(task, predictions, 1).as_dict()
    result = {**summary, "task": "sst2", "metric": task.metric, "split": "validation", "predictions": str(path)}
    made.result_path.write_text(json.dumps({**result, "temperature": 1.0, "subject": asked["run"] or model}))
    write_status(made, Status(kind="evaluate", state="done", heartbeat=time.time(), started=time.time()))
    return made
