"""What the user waits for never loads the heavy libraries."""

import subprocess
import sys

import pytest

HEAVY = ("torch", "transformers", "trl", "peft", "datasets", "bitsandbytes")
LIGHT = [
    "nlu_rl.cli.main",
    "nlu_rl.cli.run",
    "nlu_rl.cli.runs",
    "nlu_rl.cli.demo",
    "nlu_rl.cli.evaluate",
    "nlu_rl.cli.encoder",
    "nlu_rl.cli.export",
    "nlu_rl.cli.models",
    "nlu_rl.cli.data",
    "nlu_rl.cli.tasks",
    "nlu_rl.cli.doctor",
    "nlu_rl.cli.plan",
    "nlu_rl.tui.app",
    "nlu_rl.tui.screens.home",
    "nlu_rl.tui.screens.monitor",
    "nlu_rl.tui.screens.wizard",
    "nlu_rl.tui.screens.compare",
    "nlu_rl.runs.checks",
    "nlu_rl.runs.reporter",
    "nlu_rl.recipe",
    "nlu_rl.tasks.registry",
    "nlu_rl.encoder.request",
    "nlu_rl.models.catalogue",
    "nlu_rl.models.memory",
    "nlu_rl.download",
]


@pytest.mark.parametrize("module", LIGHT)
def test_importing_stays_light(module: str) -> None:
    code = f"import {module}, sys; print([m for m in {HEAVY!r} if m in sys.modules])"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
