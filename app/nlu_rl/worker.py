"""The only entry that imports the heavy parts: `python -m nlu_rl.worker RUN_DIR` does the job of a run directory.

It owns no terminal. `runs.reporter.job` takes care of signals and errors: every end of the job, good or bad, is written
to `status.json` before the process ends.
"""

import gc
import importlib
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nlu_rl import paths
from nlu_rl.crowding import CrowdWatch
from nlu_rl.errors import NluRlError
from nlu_rl.models.catalogue import resolve_reference
from nlu_rl.models.quantized import stored_quantization
from nlu_rl.recipe import load_recipe
from nlu_rl.runs.jobs import Job, read_job
from nlu_rl.runs.layout import RunDirectory, open_run
from nlu_rl.runs.reporter import Reporter, job

JobFunction = Callable[[RunDirectory, dict[str, Any], Reporter | None], dict[str, Any]]

KINDS = {
    "train": "nlu_rl.training.job:run",
    "evaluate": "nlu_rl.evaluation.job:run",
    "predict": "nlu_rl.evaluation.job:predict_job",
    "encoder": "nlu_rl.encoder.job:run",
    "export": "nlu_rl.export.job:run",
    "fetch": "nlu_rl.models.fetch:job",
    "bundle": "nlu_rl.models.bundle:job",
    "gpu-check": "nlu_rl.gpu_check:job",
    "preview": "nlu_rl.models.preview:job",
    "chat": "nlu_rl.evaluation.chat:run",
}


def main(directory: str, *, own_process: bool = False) -> int:
    """Do the job and return the exit code: 0 done or stopped, 1 our fault, 2 the user's.

    In a process of its own, which does nothing after this job, libraries that the job does not need stay out.
    """
    run = RunDirectory(Path(directory))
    os.environ.setdefault("HF_HOME", str(paths.hf_dir()))
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    if os.environ.get("WORLD_SIZE", "1") == "1":
        # One card: with several, transformers would train on a batch of each at once.
        os.environ["CUDA_VISIBLE_DEVICES"] = os.environ.get("CUDA_VISIBLE_DEVICES", "0").split(",")[0]
    if os.environ.get("RANK", "0") != "0":
        # One of a training run's other processes: it computes, and leaves every file of the run to the first.
        try:
            _do(run, None, own_process)
        except NluRlError as error:
            logging.getLogger(__name__).error("%s", error)
            return error.exit_code
        return 0
    with job(run) as reporter:
        reporter.result = _do(run, reporter, own_process)
    return 0


def _do(run: RunDirectory, reporter: Reporter | None, own_process: bool) -> dict[str, Any]:
    work = read_job(run)
    if own_process:
        _leave_out(run, work)
    function = _function(work.kind)
    if own_process:
        CrowdWatch().start()
    return function(run, work.arguments, reporter)


def _leave_out(run: RunDirectory, work: Job) -> None:
    """Keep libraries out that cost seconds to import and that this job has no use for."""
    # peft and transformers import these wherever they are installed; None says they are not.
    if not _needs_bitsandbytes(run, work):
        sys.modules["bitsandbytes"] = None  # type: ignore[assignment]
    if work.kind == "train" and load_recipe(run.recipe_path).method == "ppo":
        sys.modules["datasets"] = None  # type: ignore[assignment]


def _needs_bitsandbytes(run: RunDirectory, work: Job) -> bool:
    """Whether the job works in 4 bits, as its model, its recipe or the run it is about says."""
    if work.kind in ("bundle", "gpu-check"):
        return True
    if work.kind in ("fetch", "encoder"):
        return False
    return _is_quantized(run, work.arguments)


def _is_quantized(run: RunDirectory, arguments: dict[str, Any]) -> bool:
    about = arguments.get("run")
    models = [arguments["model"]] if arguments.get("model") else []
    for path in [run.recipe_path, *([open_run(about).recipe_path] if about else [])]:
        if path.is_file():
            recipe = load_recipe(path)
            models.append(recipe.model)
            if recipe.quantize != "none":
                return True
    return any(stored_quantization(resolve_reference(model).folder) != "none" for model in models)


def _function(kind: str) -> JobFunction:
    module, name = KINDS[kind].split(":")
    gc.disable()  # a million objects are made that all stay: looking for garbage among them costs a second
    try:
        function: JobFunction = getattr(importlib.import_module(module), name)
    finally:
        gc.freeze()
        gc.enable()
    return function


def _start(arguments: list[str]) -> int:
    """Do the job of the run directory on the command line, where that is one; nothing is written into another."""
    if len(arguments) == 1 and arguments[0] and RunDirectory(Path(arguments[0])).job_path.is_file():
        return main(arguments[0], own_process=True)
    given = f"'{arguments[0]}' is no run directory" if len(arguments) == 1 else "One run directory must be given"
    sys.stderr.write(
        f"{given}: a worker takes the path that 'nlu-rl run RECIPE --prepare' prints.\n"
        "'nlu-rl resume RUN' goes on with a run by its name.\n"
    )
    return 2


if __name__ == "__main__":
    sys.exit(_start(sys.argv[1:]))
