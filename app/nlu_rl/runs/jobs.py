"""What a worker is asked to do (`job.json`), and starting the worker as a process of its own.

The worker leads a session of its own with no terminal, so nothing that happens to whoever started it reaches it.
"""

import json
import os
import subprocess
import sys
import threading
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, get_args

from nlu_rl import paths
from nlu_rl.errors import RunError
from nlu_rl.runs.files import disk_error, write_json

if TYPE_CHECKING:
    from nlu_rl.runs.layout import RunDirectory

Kind = Literal["train", "evaluate", "export", "predict", "fetch", "bundle", "preview", "encoder", "gpu-check", "chat"]
WORKER_SETTINGS = {
    "TOKENIZERS_PARALLELISM": "false",
    "GOMP_SPINCOUNT": "20000",  # 0.2 ms; `crowding` turns the spinning off where others want the cores
    # glibc would hand activations back to the system after each use and have them zeroed again page by page. Larger
    # buffers, such as the 4-bit weights of a 7B model multiplied out, would leave holes that fill the memory.
    "MALLOC_MMAP_THRESHOLD_": str(2**25),
    "MALLOC_TRIM_THRESHOLD_": str(2**32),
}
"""Environment of every worker, below what the user's own environment says."""
VERSION = 1
SHOWN = ("model", "tasks", "method", "seed", "quantize", "lora")
WORKER = ("-P", "-m", "nlu_rl.worker")  # -P: a module in the user's folder must not stand in for a library
_launched: dict[int, "subprocess.Popen[bytes]"] = {}


@dataclass(frozen=True, slots=True)
class Job:
    """A kind of work and its arguments, both plain JSON."""

    kind: Kind
    arguments: dict[str, Any] = field(default_factory=dict)
    recipe: dict[str, Any] = field(default_factory=dict)
    """The part of a training run's recipe that lists show (`SHOWN`): they need not read YAML for their first frame."""


def write_job(path: Path, job: Job) -> None:
    recipe = {"recipe": job.recipe} if job.recipe else {}
    write_json(path, {"v": VERSION, "program": "nlu-rl", "kind": job.kind, "arguments": job.arguments, **recipe})


def shown_recipe(text: str) -> dict[str, Any]:
    """Return what `Job.recipe` holds of a recipe."""
    import yaml

    recipe = yaml.safe_load(text)
    return {name: recipe[name] for name in SHOWN if name in recipe}


def how_to_remove(run: "RunDirectory") -> str:
    """Return what to do with a folder that is no whole run."""
    if os.sep in run.name:
        return "remove this folder yourself if you do not need it."
    return f"'nlu-rl runs rm {run.name}' moves this folder to the trash."


def read_job(run: "RunDirectory") -> Job:
    """Return the job of `run`.

    Raises:
        RunError: it is damaged, of another program, or of a newer version of this one.
    """
    path = run.job_path
    try:
        data = json.loads(path.read_text(encoding="utf-8"))
        program, version, kind, arguments = data["program"], data["v"], data["kind"], data["arguments"]
    except (OSError, ValueError, KeyError, TypeError):
        raise RunError(
            f"{path.parent} is not a whole run of nlu-rl: its job.json is damaged.",
            f"Use another run; {how_to_remove(run)}",
        ) from None
    if program != "nlu-rl" or not isinstance(arguments, dict):
        raise RunError(f"{path.parent} belongs to another program.", "Use another run.")
    if version != VERSION or kind not in get_args(Kind):
        raise RunError(f"{path.parent} was written by another version of nlu-rl.", "Use the version that wrote it.")
    recipe = data.get("recipe")
    return Job(kind, arguments, recipe if isinstance(recipe, dict) else {})


def launch(run: "RunDirectory", processes: int = 1) -> int:
    """Start the worker of `run` and return its process id. Its output goes to the run's log.

    `processes`: how many of this machine share every batch of a training run, a card each where there are cards.

    Raises:
        RunError: the log cannot be written.
    """
    environment = {
        "HF_HOME": str(paths.hf_dir()),
        **WORKER_SETTINGS,
        **os.environ,
        "NLU_RL_HOME": str(paths.home()),
        "PYTHONUNBUFFERED": "1",
        "PYTHONFAULTHANDLER": "1",
        **({} if processes == 1 else {"PYTHONSAFEPATH": "1"}),  # -P, for the processes that torchrun starts
    }
    try:
        with run.log_path.open("ab") as log:
            process = subprocess.Popen(
                [sys.executable, *(WORKER if processes == 1 else _several(processes)), str(run.path)],
                start_new_session=True,
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                env=environment,
            )
    except OSError as error:
        raise disk_error(error, f"start the worker of {run.name}") from None
    _launched[process.pid] = process
    threading.Thread(target=process.wait, daemon=True).start()  # one that has ended leaves no zombie behind
    return process.pid


def _several(processes: int) -> list[str]:
    torchrun = ["-P", "-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={processes}"]
    return [*torchrun, "-m", "nlu_rl.worker"]


def exit_code(pid: int) -> int | None:
    """Return how a worker that this process launched ended; None while it runs, or when it is not ours."""
    process = _launched.get(pid)
    return None if process is None else process.poll()
