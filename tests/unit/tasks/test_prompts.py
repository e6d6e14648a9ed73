"""The exact words of every task's prompt: changing one changes what trained adapters and quoted scores stand for.

`golden_prompts.json` holds for each task the fields of a row and the two messages they make.
"""

import json
from pathlib import Path

import pytest

from nlu_rl.tasks.contract import Example
from nlu_rl.tasks.registry import get_task, task_names

GOLDEN = json.loads(Path(__file__).with_name("golden_prompts.json").read_text())


@pytest.mark.parametrize("name", task_names())
def test_golden_prompt(name: str) -> None:
    golden = GOLDEN[name]
    assert get_task(name).prompt(Example("1", golden["fields"], None)) == [
        {"role": "system", "content": golden["system"]},
        {"role": "user", "content": golden["user"]},
        {"role": "assistant", "content": "<Judgement>"},
    ]
