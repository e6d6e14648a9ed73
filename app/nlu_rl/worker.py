"""The only entry that imports the heavy parts: `python -m nlu_rl.worker RUN_DIR` does the job of a run directory.

It owns no terminal. SIGTERM asks the job to checkpoint and stop, like the file `control/stop`; every other end of the
job, good or bad, is written to `status.json` before the process ends.
"""

import importlib
import logging
import os
import signal
import sys
import traceback
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nlu_rl import paths
from nlu_rl.errors import InternalError, NluRlError
from nlu_rl.runs.control import request
from nlu_rl.runs.jobs import read_job
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.reporter import Reporter

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
    with Reporter(run) as reporter:
        signal.signal(signal.SIGTERM, lambda *_: request(run, "stop"))
        try:
            job = read_job(run)
            result = _function(job.kind)(run, job.arguments, reporter)
        except NluRlError as error:
            logging.getLogger(__name__).error("%s", error)
            reporter.close("failed", error=error)
            return error.exit_code
        except Exception as error:  # noqa: BLE001 - the worker's last line of defence: no end may go unrecorded
            traceback.print_exc()
            reporter.close("failed", error=_explained(error))
            return 1
        reporter.close(result.get("state", "done"), result=result)
        return 0


def _function(kind: str) -> JobFunction:
    module, name = KINDS[kind].split(":")
    function: JobFunction = getattr(importlib.import_module(module), name)
    return function


def _explained(error: Exception) -> NluRlError:
    """Return what happened in the user's words, where the cause is theirs to mend."""
    import torch

    if isinstance(error, torch.OutOfMemoryError):
        return NluRlError(
            "The device ran out of memory.",
            "Set a smaller train.micro_batch_tokens or train.gradient_checkpointing=true; 'nlu-rl plan' shows what fits.",
        )
    if isinstance(error, OSError) and error.errno == 28:
        return NluRlError("The disk is full.", "Make room and resume the run; earlier checkpoints are whole.")
    return InternalError(f"{type(error).__name__}: {error}", "The run's log has the details; please report it.")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
