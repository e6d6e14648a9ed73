"""Judging a batch of completions by the rule rewards of their tasks, and keeping what people want to see of it.

`RuleReward` has the signature TRL gives reward functions, so PPO and GRPO take it, or any other such function, alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from nlu_rl.runs.reporter import Reporter
from nlu_rl.tasks.contract import OPEN_TAG, Scored
from nlu_rl.training.rows import Row, Rows

SAMPLES_PER_STEP = 4


@dataclass(frozen=True)
class Judged:
    """The verdicts on B completions."""

    scored: list[Scored]

    @property
    def rewards(self) -> list[float]:
        return [scored.reward for scored in self.scored]

    def metrics(self) -> dict[str, float]:
        """Return the batch means under their event names."""
        n = len(self.scored)
        return {
            "reward": sum(self.rewards) / n,
            "accuracy": sum(scored.correct for scored in self.scored) / n,
            "parse_rate": sum(scored.extracted.how == "strict" for scored in self.scored) / n,
            "parse_rate_lenient": sum(scored.extracted.value is not None for scored in self.scored) / n,
        }


class RuleReward:
    """The rule reward of each row's own task, as a reward function over columns."""

    __name__ = "rule"

    def __init__(self, rows: Rows) -> None:
        self._rows = rows
        self.judged = Judged([])

    def __call__(self, completions: Sequence[str], position: Sequence[int], **_: Any) -> list[float]:
        """Return the rewards of B completions of the rows at B positions; the verdicts stay in `judged`."""
        self.judged = judge([self._rows[p] for p in position], completions)
        return self.judged.rewards


def judge(rows: Sequence[Row], texts: Sequence[str]) -> Judged:
    """Score each completion (B) by its own row's task (B)."""
    return Judged([row.task.score(row.example, text) for row, text in zip(rows, texts, strict=True)])


def task_metrics(rows: Sequence[Row], judged: Judged) -> dict[str, float]:
    """Return reward and accuracy of each task of a mix, as `reward/<task>`; empty for a single task."""
    names = sorted({row.task.name for row in rows})
    metrics = {}
    for name in names if len(names) > 1 else ():
        part = Judged([s for row, s in zip(rows, judged.scored, strict=True) if row.task.name == name])
        metrics.update({f"{key}/{name}": value for key, value in part.metrics().items()})
    return metrics


def report_samples(
    reporter: Reporter,
    step: int,
    rows: Sequence[Row],
    texts: Sequence[str],
    judged: Judged,
    advantages: Sequence[float],
) -> None:
    """Write the first few completions of a step to `samples.jsonl`."""
    for row, text, scored, advantage in list(zip(rows, texts, judged.scored, advantages, strict=True))[
        :SAMPLES_PER_STEP
    ]:
        reporter.sample(
            {
                "step": step,
                "task": row.task.name,
                "id": row.example.id,
                "prompt": row.task.prompt(row.example)[-2]["content"],
                "completion": OPEN_TAG + text,
                "extracted": scored.extracted.value,
                "gold": row.example.gold,
                "reward": scored.reward,
                "parts": dict(scored.parts),
                "advantage": advantage,
                "correct": scored.correct,
            }
        )
