"""Runs recorded from real workers, put into a home with a worker that is alive, or is not, at a fixed time of day."""

import json
import os
import shutil
from pathlib import Path

from nlu_rl.runs.layout import RunDirectory, open_run
from nlu_rl.runs.status import host_name, process_started

FOLDER = Path(__file__).parent / "recordings"
KEPT = ("job.json", "recipe.yaml", "status.json", "events.jsonl", "samples.jsonl", "log", "result.json")
ALIVE = ("sft_running", "truncated_last_line")
NAMES = ("grpo_done", "sft_running", "ppo_failed_oom", "nan_loss", "lost", "truncated_last_line")
NOW = 1_750_000_000.0
"""The time it is when a recording is looked at, for those who freeze the clock."""
DEAD_PID = 2**22 + 1


def put(home: Path, name: str) -> RunDirectory:
    """Copy a recording into a home, where it is minutes old."""
    target = home / "runs" / name
    shutil.copytree(FOLDER / name, target)
    path = target / "status.json"
    status = json.loads(path.read_text())
    pid = os.getpid() if name in ALIVE else DEAD_PID
    began = NOW - 600
    started = process_started(pid)
    path.write_text(
        json.dumps(
            {**status, "pid": pid, "pid_started": started, "host": host_name(), "heartbeat": NOW, "started": began}
        )
    )
    os.utime(target / "job.json", (began, began - 60 * NAMES.index(name)))
    return open_run(name)


def put_all(home: Path) -> None:
    for name in NAMES:
        put(home, name)
