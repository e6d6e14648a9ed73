"""Makes every launched worker the stand-in beside this file; on PYTHONPATH of the tests' subprocesses only."""

import nlu_rl.runs.jobs

nlu_rl.runs.jobs.WORKER = ("-P", "-m", "stand_in_worker")
