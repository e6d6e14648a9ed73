"""The only entry that imports the heavy parts: `python -m nlu_rl.worker RUN_DIR` does the job of a run directory.

It owns no terminal. `runs.reporter.job` takes care of signals and errors: every end of the job, good or bad, is written
to `status.json` before the process ends.
"""

import importlib
import logging
import os
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nlu_rl import paths
from nlu_rl.runs.jobs import read_job
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.reporter import Reporter, job

JobFunction = Callable[[RunDirectory, dict[str, Any], Reporter], dict[str, Any]]

KINDS = {
    "train": "nlu_rl.training.job:run",
    "evaluate": "nlu_rl.evaluation.job:run",
    "predict": "nlu_rl.evaluation.job:predict_job",
    "export": "nlu_rl.export.job:run",
    "fetch": "nlu_rl.models.fetch:job",
}


def main(directory: str) -> int:
    """Do the job and return the exit code: 0 done or stopped, 1 our fault, 2 the user's."""
    run = RunDirectory(Path(directory))
    os.environ.setdefault("HF_HOME", str(paths.hf_dir()))
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    os.environ.setdefault("HF_HUB_DISABLE_PROGRESS_BARS", "1")
    logging.basicConfig(level=logging.INFO, format="%(asctime)s %(levelname)s %(name)s: %(message)s", stream=sys.stderr)
    with job(run) as reporter:
        work = read_job(run)
        reporter.result = _function(work.kind)(run, work.arguments, reporter)
    return 0


def _function(kind: str) -> JobFunction:
    module, name = KINDS[kind].split(":")
    function: JobFunction = getattr(importlib.import_module(module), name)
    return function


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
