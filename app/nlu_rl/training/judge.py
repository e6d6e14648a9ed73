"""Judging a batch of completions by the rule rewards of their tasks, and keeping what people want to see of it.

`RuleReward` has the signature TRL gives reward functions, so PPO and GRPO take it, or any other such function, alike.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from nlu_rl.runs.reporter import Reporter
from nlu_rl.tasks.contract import OPEN_TAG, Scored
from nlu_rl.training.rows import Row, Rows

SAMPLES_PER_STEP = 4


@dataclass(frozen=True)
class Judged:
    """The verdicts on B completions. Their rewards are divided by `scales` (B), where there are any."""

    scored: list[Scored]
    scales: list[float] | None = None

    @property
    def rewards(self) -> list[float]:
        scales = self.scales or [1.0] * len(self.scored)
        return [scored.reward / scale for scored, scale in zip(self.scored, scales, strict=True)]

    def only(self, places: Sequence[int]) -> "Judged":
        """Return the verdicts at these places."""
        scales = None if self.scales is None else [self.scales[place] for place in places]
        return Judged([self.scored[place] for place in places], scales)

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
    """The rule reward of each row's own task, as a reward function over columns.

    With the scale `unit`, a reward is divided by the best one of its task, so that tasks of different ranges weigh
    alike in a batch (STS-B's reward reaches from -2.5 to 2.5, a classification's from -1 to 1).
    """

    __name__ = "rule"

    def __init__(self, rows: Rows, scale: Literal["task", "unit"] = "task") -> None:
        self._rows = rows
        self._scale = scale
        self.judged = Judged([])

    def __call__(self, completions: Sequence[str], position: Sequence[int], **_: Any) -> list[float]:
        """Return the rewards of B completions of the rows at B positions; the verdicts stay in `judged`."""
        self.judged = judge([self._rows[p] for p in position], completions, self._scale)
        return self.judged.rewards


def judge(rows: Sequence[Row], texts: Sequence[str], scale: Literal["task", "unit"] = "task") -> Judged:
    """Score each completion (B) by its own row's task (B)."""
    scored = [row.task.score(row.example, text) for row, text in zip(rows, texts, strict=True)]
    return Judged(scored, [row.task.best_reward for row in rows] if scale == "unit" else None)


def task_metrics(rows: Sequence[Row], judged: Judged) -> dict[str, float]:
    """Return reward and accuracy of each task of a mix, as `reward/<task>`; of a single task none.

    `shortened` is the share of rows whose passage was cut to fit the model, where a task has passages.
    """
    names = sorted({row.task.name for row in rows})
    metrics: dict[str, float] = {}
    if any(getattr(row.task, "passage", "") for row in rows):
        metrics["shortened"] = sum(row.shortened for row in rows) / len(rows)
    for name in names if len(names) > 1 else ():
        part = judged.only([place for place, row in enumerate(rows) if row.task.name == name])
        metrics.update({f"{key}/{name}": value for key, value in part.metrics().items()})
    return metrics


def report_samples(
    reporter: Reporter,
    step: int,
    rows: Sequence[Row],
    texts: Sequence[str],
    judged: Judged,
    advantages: Sequence[float],
    tokens: Sequence[int],
    kl_nats: Sequence[float] | None = None,
) -> None:
    """Write the first few completions of a step to `samples.jsonl`.

    `tokens` and `kl_nats` are each completion's length and its KL to the base model, where that is computed.
    """
    for number, (row, text, scored) in enumerate(zip(rows, texts, judged.scored, strict=True)):
        if number == SAMPLES_PER_STEP:
            break
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
                "advantage": advantages[number],
                "correct": scored.correct,
                "tokens": tokens[number],
                **({} if kl_nats is None else {"kl": kl_nats[number]}),
            }
        )
