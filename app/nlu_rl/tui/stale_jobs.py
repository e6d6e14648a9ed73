"""Clearing away trials and fetches whose wizard was closed, or killed, before it could: nobody will read them.

One that is running is left to end, and one that has just ended to its wizard, which may be another one's.
"""

import shutil
import time

from nlu_rl import paths
from nlu_rl.runs.layout import list_runs
from nlu_rl.runs.status import read_status

KEPT_SECONDS = 3600.0


def sweep() -> int:
    """Remove the hidden jobs that have ended and lain untouched for an hour; return how many."""
    removed = 0
    for job in list_runs(paths.runs_dir() / ".jobs"):
        try:
            age = time.time() - job.status_path.stat().st_mtime
        except OSError:
            age = KEPT_SECONDS  # without a status nothing can come of it
        if not read_status(job).live and age >= KEPT_SECONDS:
            shutil.rmtree(job.path, ignore_errors=True)
            removed += 1
    return removed
