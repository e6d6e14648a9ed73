"""The benchmark's own side really does a batch of each method, on the tiny model. No timing."""

from pathlib import Path
from typing import Any

import pytest

from bench import ours
from bench.rows import bench_row
from bench.work import Work
from nlu_rl.models.load import load_model
from nlu_rl.tasks.contract import Example
from nlu_rl.tasks.registry import get_task

TEXTS = ("A fine film.", "Dull.", "It moved me to tears, twice.", "Two hours of nothing at all.")


class EnoughError(Exception):
    """The wire was closed."""


class OneRequest:
    """Stands for the wire: hands out one request, and ends the worker at the next."""

    def __init__(self) -> None:
        self.about: dict[str, Any] = {}
        self.answers: list[dict[str, Any]] = []

    def ready(self, **about: Any) -> None:
        self.about = about

    def next(self) -> dict[str, Any]:
        if self.answers:
            raise EnoughError
        return {}

    def requests(self) -> Any:
        while True:
            yield self.next()

    def done(self, **more: Any) -> None:
        self.answers.append(more)


@pytest.mark.parametrize("method", ["ppo", "grpo", "sft", "few-shot"])
def test_our_side_answers_a_request_with_a_batch(method: str, tiny_model_dir: Path, tmp_path: Path, home: Path) -> None:
    task: Any = get_task("sst2")
    tokenizer = load_model(str(tiny_model_dir), fetch=False).tokenizer
    examples = [Example(str(n), {"sentence": text}, task.answers[n % 2]) for n, text in enumerate(TEXTS)]
    rows = [bench_row(task, tokenizer, example, ()) for example in examples]
    completions = 2 if method == "grpo" else 1
    work = Work(
        method,
        "sst2",
        str(tiny_model_dir),
        "float32",
        rows[:2] if method == "grpo" else rows,
        completions=completions,
        max_new_tokens=40,
        ppo_epochs=2,
        folder=str(tmp_path / "work"),
    )
    wire: Any = OneRequest()
    with pytest.raises(EnoughError):
        ours.main(work, wire)
    assert wire.about["path"] == "packed"
    assert len(wire.answers) == 1
    assert method == "few-shot" or all(seconds >= 0 for seconds in wire.answers[0]["parts"].values())
