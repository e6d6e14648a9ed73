"""Perplexity on WikiText-2 by strided windows: which tokens are scored where, and what the sums amount to (light).

Windows of `window` tokens begin `stride` tokens apart, and each scores the tokens no window before it held, every one
given all of its window that stands before it; the first token of the text is never scored. Equal window and stride give
blocks that do not overlap, each of whose first tokens is not scored either: the usual way of published figures for
Llama 2, in blocks of 2,048, and the default here, as the paper states none. A smaller stride gives every token more
context, at a cost that grows as the stride shrinks.

Perplexities compare only between models with the same tokenizer, and for the same window and stride.
"""

import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from nlu_rl.data import wikitext
from nlu_rl.data.schema import check_split
from nlu_rl.errors import DataError, RecipeError, RunError
from nlu_rl.evaluation import fingerprint
from nlu_rl.evaluation.intervals import Interval, percentiles
from nlu_rl.evaluation.paired import bootstrap_p
from nlu_rl.runs.jobs import read_job
from nlu_rl.runs.layout import open_run

TASK = wikitext.NAME
METRIC = "perplexity"
WINDOW = 2048
SPLIT = "test"
RESAMPLES = 10_000


class Window(NamedTuple):
    """Tokens `begin` to `end` of the text, of which those from `first` on are scored."""

    begin: int
    end: int
    first: int


class Scored(NamedTuple):
    """The scored tokens of one window, and the sum of their negative log-likelihoods in nats."""

    tokens: int
    nll: float


def windows(length: int, window: int, stride: int) -> list[Window]:
    """Return the windows over a text of `length` tokens, those without a token to score left out."""
    found = []
    before = 0
    for begin in range(0, max(length, 1), stride):
        end = min(begin + window, length)
        first = max(before, begin + 1)
        if first < end:
            found.append(Window(begin, end, first))
        before = end
        if end == length:
            break
    return found


def perplexity(parts: Sequence[Scored]) -> float:
    """Return the exponential of the mean negative log-likelihood of all scored tokens."""
    return math.exp(math.fsum(part.nll for part in parts) / sum(part.tokens for part in parts))


def perplexity_interval(parts: Sequence[Scored], seed: int) -> Interval:
    """Return the 95 % percentile interval of the bootstrap over windows."""
    tokens, nll = _columns(parts)
    index = _resamples(len(parts), seed)
    return percentiles(np.exp(nll[index].sum(1) / tokens[index].sum(1)))


def perplexity_difference(a: Sequence[Scored], b: Sequence[Scored], seed: int) -> tuple[Interval, float]:
    """Return the interval of `b`'s perplexity minus `a`'s over the same windows, and the paired bootstrap's p-value."""
    (tokens, of_a), (_, of_b) = _columns(a), _columns(b)
    index = _resamples(len(a), seed)
    total = tokens[index].sum(1)
    differences = np.exp(of_b[index].sum(1) / total) - np.exp(of_a[index].sum(1) / total)
    return percentiles(differences), bootstrap_p(differences)


def read_windows(path: Path) -> list[Scored]:
    """Return the windows of a finished measurement. Raises RunError when they cannot be read."""
    try:
        lines = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
        return [Scored(int(line["tokens"]), float(line["nll"])) for line in lines]
    except (OSError, ValueError, KeyError, TypeError):
        raise RunError(f"Cannot read the windows {path}.", "Measure again.") from None


def perplexity_arguments(
    subject: dict[str, Any],
    *,
    split: str | None,
    data: Path | None,
    examples: int | None,
    seed: int,
    window: int | None,
    stride: int | None,
    refused: Sequence[str] = (),
) -> dict[str, Any]:
    """Return the arguments of the evaluate job.

    Args:
        examples: only so many windows.
        refused: options that were given and mean nothing for a perplexity.

    Raises:
        DataError, RecipeError: values that do not go together or do not exist.
    """
    if refused:
        raise RecipeError(
            f"{' and '.join(refused)} mean nothing for a perplexity: no answer is generated.", "Leave them out."
        )
    if subject.get("run") and read_job(open_run(subject["run"])).kind == "encoder":
        raise RecipeError("An encoder does not predict the next word.", "Give a language model, or a run of one.")
    if data is not None and split is not None:
        raise DataError("--split and --data both say which text to use.", "Give one of them.")
    if stride is not None and stride > (window or WINDOW):
        raise RecipeError(
            f"With windows of {window or WINDOW} tokens, {stride} tokens apart, some of the text would not be read.",
            f"Give a --stride of at most {window or WINDOW}.",
        )
    return {
        **subject,
        "task": TASK,
        "split": None if data else check_split(split or SPLIT),
        "data": str(data.expanduser().resolve()) if data else None,
        "examples": examples,
        "seed": seed,
        "window": window,
        "stride": stride,
    }


def text_of(arguments: dict[str, Any]) -> str:
    """Return the text that a job is about. Raises DataError when it cannot be read."""
    return wikitext.read_text(str(arguments.get("split")), Path(arguments["data"]) if arguments.get("data") else None)


def ground_of(text: str) -> dict[str, Any]:
    """Return the settings that stand for the text."""
    return {"task": TASK, "data": fingerprint.of_value(text)}


def _columns(parts: Sequence[Scored]) -> tuple[Any, Any]:
    return np.array([part.tokens for part in parts], float), np.array([part.nll for part in parts], float)


def _resamples(count: int, seed: int) -> Any:
    """Return indices (R, count) of windows drawn with replacement."""
    resamples = min(RESAMPLES, max(1000, 20_000_000 // count))
    return np.random.default_rng([seed, 3]).integers(0, count, (resamples, count))
