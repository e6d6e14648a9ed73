"""The plan against the most memory that training really holds, for several sizes and batch shapes, in processes apart.

Measured on a CPU without the allocator's reserve, which the plan counts apart as slack.
"""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nlu_rl.models.memory import RunNumbers, plan_memory
from nlu_rl.models.shape import ModelShape

BAND = 0.2
TESTS = Path(__file__).parents[2]
EXACT = {"MALLOC_MMAP_THRESHOLD_": "65536", "MALLOC_TRIM_THRESHOLD_": "65536"}
"""glibc gives memory back at once, so that what is held is what is used."""


@pytest.mark.skipif(not Path("/proc/self/clear_refs").exists(), reason="reads the peak from Linux's /proc")
@pytest.mark.parametrize(
    ("shape", "rows", "prompt_tokens", "new_tokens"),
    [
        (ModelShape(4, 256, 1024, 4, 2, 8192, 2048, False, 64), 8, 128, 16),
        (ModelShape(8, 512, 1536, 8, 4, 8192, 2048, False, 64), 8, 128, 16),
        (ModelShape(6, 256, 1024, 4, 4, 32000, 2048, False, 64), 32, 64, 8),
    ],
)
def test_the_plan_is_within_its_band(shape: ModelShape, rows: int, prompt_tokens: int, new_tokens: int) -> None:
    sizes: dict[str, Any] = {
        "hidden_size": shape.hidden,
        "intermediate_size": shape.intermediate,
        "num_hidden_layers": shape.layers,
        "num_attention_heads": shape.heads,
        "num_key_value_heads": shape.kv_heads,
        "vocab_size": shape.vocab,
    }
    asked = {"sizes": sizes, "rows": rows, "prompt_tokens": prompt_tokens, "new_tokens": new_tokens, "dtype": "float32"}
    done = subprocess.run(
        [sys.executable, str(TESTS / "peak_memory.py"), json.dumps(asked)],
        capture_output=True,
        text=True,
        env={**os.environ, **EXACT, "PYTHONPATH": os.pathsep.join([*sys.path, str(TESTS)])},
        check=True,
    )
    measured = int(done.stdout.splitlines()[-1])
    tokens = rows * (prompt_tokens + new_tokens)
    numbers = RunNumbers("sft", "none", 16, rows, prompt_tokens, new_tokens, "adamw", False, tokens, 4, "cpu")
    plan = plan_memory(shape, numbers, 1 << 40)
    assert plan.total_bytes - plan.slack_bytes == pytest.approx(measured, rel=BAND)
