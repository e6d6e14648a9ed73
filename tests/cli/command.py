"""The command line as a process."""

import os
import subprocess
import sys
from pathlib import Path

STAND_IN = Path(__file__).parent / "stand_in"


class Cli:
    """Runs `nlu-rl` in `home`; `environment` is what its processes see."""

    def __init__(self, home: Path) -> None:
        self.home = home
        self.runs = home / "runs"
        self.environment = {
            **os.environ,
            "NLU_RL_HOME": str(home),
            "PYTHONPATH": os.pathsep.join(filter(None, [str(STAND_IN), os.environ.get("PYTHONPATH")])),
            "COLUMNS": "120",
            "TERM": "xterm",
        }
        self.command = [sys.executable, "-m", "nlu_rl.cli.main"]

    def __call__(self, *arguments: str, timeout: float = 60, **options: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [*self.command, *arguments],
            capture_output=True,
            text=True,
            env=self.environment,
            cwd=self.home,
            check=False,
            timeout=timeout,
            **options,  # type: ignore[call-overload]
        )
