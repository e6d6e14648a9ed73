"""Predictions in chunks, each written as soon as it is done: prompts through `policy.sample`, or any other answerer.

Rows are worked off in the order of their token ids, so that those with a shared beginning meet in one chunk; results
come back in the order of the rows. A sample depends on (seed, row number, sample number), so neither the order nor the
chunks change it.
"""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from nlu_rl.evaluation import fingerprint
from nlu_rl.evaluation.journal import Journal, Line
from nlu_rl.evaluation.prompts import encode_rows, likely_completions
from nlu_rl.evaluation.timing import Timing
from nlu_rl.tasks.contract import CLOSE_TAG, Example, Extracted, Scored, Task

CHUNK_COMPLETIONS = 128
Progress = Callable[[int, int], None]


class Sampler(Protocol):
    """The part of a policy that predictions need."""

    tokenizer: Any

    def sample(self, prompts: Any, **options: Any) -> Any: ...


@dataclass(frozen=True, slots=True)
class Completion:
    """What was answered to one prompt, after the opening tag; `shortened` where the passage had to be cut to fit."""

    text: str
    prompt_tokens: int = 0
    shortened: bool = False


Complete = Callable[[Sequence[int], Progress], Sequence[Completion]]
"""Answers a chunk: from places among the examples to their completions, all samples of a row together."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """One completion of one row; `scored` is None for an unlabelled row."""

    index: int
    """Number of the row in its split or file."""
    sample: int
    example: Example
    prompt_tokens: int
    completion: str
    """What came after the opening tag, as generated."""
    extracted: Extracted
    scored: Scored | None
    shortened: bool = False
    """Whether the passage was cut to fit the model's context."""

    def line(self) -> Line:
        """Return it as a line of `predictions.jsonl`; the fields of a row stand in its first sample."""
        fields = {"fields": dict(self.example.fields)} if self.sample == 0 else {}
        return {
            "index": self.index,
            "id": self.example.id,
            "sample": self.sample,
            **fields,
            "prompt_tokens": self.prompt_tokens,
            **({"shortened": True} if self.shortened else {}),
            "completion": self.completion,
            "extracted": self.extracted.value,
            "how": self.extracted.how,
            "gold": self.example.gold,
            "correct": self.scored.correct if self.scored else None,
            "reward": self.scored.reward if self.scored else None,
        }


def predict(
    policy: Sampler,
    task: Task,
    examples: Sequence[Example],
    *,
    temperature: float,
    max_new_tokens: int,
    seed: int,
    shots: Sequence[Example] = (),
    samples: int = 1,
    out: Path | None = None,
    rows: Sequence[int] | None = None,
    identity: Mapping[str, Any] | None = None,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> list[Prediction]:
    """Return `samples` predictions of each example, row by row.

    Args:
        temperature: 0 is greedy.
        out: `predictions.jsonl`; predictions already in it are kept, not made again.
        rows: the examples' numbers, which key the draws; None counts from 0.
        identity: what else the predictions depend on (model, adapter), for the settings beside `out`.
        progress: called with the predictions done and their number.
        should_stop: asked after each chunk; when it says so, the result holds only what is done.

    Raises:
        RunError: `out` holds predictions made under other settings, or the disk refuses.
        DataError: a prompt is too long for the model, and has no passage to cut.
    """
    from nlu_rl.policy.draws import Draws

    numbers = list(range(len(examples))) if rows is None else list(rows)
    prompts = encode_rows(policy, task, examples, max_new_tokens, shots)
    likely = likely_completions(policy.tokenizer, task)
    order = sorted(range(len(examples)), key=lambda i: (prompts[i].ids, numbers[i]))
    size = max(1, CHUNK_COMPLETIONS // samples)
    chunks = [order[start : start + size] for start in range(0, len(order), size)]

    def complete(chunk: Sequence[int], report: Progress) -> list[Completion]:
        rollout = policy.sample(
            [prompts[i].ids.tolist() for i in chunk],
            n=samples,
            temperature=temperature,
            stop=CLOSE_TAG,
            max_new_tokens=max_new_tokens,
            draws=Draws(seed, rows=[numbers[i] for i in chunk]),
            likely=[likely] * len(chunk),
            progress=report,
        )
        asked = [prompts[i] for i in chunk for _ in range(samples)]
        return [
            Completion(text, len(prompt.ids), prompt.shortened)
            for text, prompt in zip(rollout.texts, asked, strict=True)
        ]

    settings = {
        **settings_of(task, examples, shots, temperature, seed, samples),
        "prompt": fingerprint.of_prompt(task, examples),
        "max_new_tokens": max_new_tokens,
        "chunk": CHUNK_COMPLETIONS,
        **(identity or {}),
    }
    return collect(
        task,
        examples,
        numbers,
        chunks,
        complete,
        samples=samples,
        settings=settings,
        out=out,
        progress=progress,
        should_stop=should_stop,
    )


def collect(
    task: Task,
    examples: Sequence[Example],
    numbers: Sequence[int],
    chunks: Sequence[Sequence[int]],
    complete: Complete,
    *,
    samples: int = 1,
    settings: Mapping[str, Any],
    out: Path | None = None,
    progress: Progress | None = None,
    should_stop: Callable[[], bool] | None = None,
) -> list[Prediction]:
    """Answer chunk by chunk, keep each in `out`, and return the predictions in the order of the rows.

    Args:
        numbers: the examples' numbers in their split.
        chunks: places among the examples, in the order in which they are answered.
        settings: what the predictions depend on besides the rows; predictions made under other settings are refused.

    Raises:
        RunError: `out` holds predictions made under other settings, or the disk refuses.
    """
    predictions: dict[tuple[int, int], Prediction] = {}
    journal, done, timing = None, 0, Timing(out)
    if out is not None:
        journal = Journal(out, {**settings, "rows": fingerprint.of_value(list(numbers))})
        done, lines = journal.resume([[(numbers[i], s) for i in chunk for s in range(samples)] for chunk in chunks])
        place = {number: i for i, number in enumerate(numbers)}
        for line in lines:
            i, kept = place[line["index"]], Completion(line["completion"], line["prompt_tokens"], "shortened" in line)
            predictions[i, line["sample"]] = _prediction(task, examples[i], line["index"], line["sample"], kept)
    total = len(examples) * samples
    for chunk in chunks[done:]:
        if should_stop is not None and should_stop():
            break
        before = len(predictions)
        keys = [(i, sample) for i in chunk for sample in range(samples)]
        with timing.of(len(keys)):
            completions = complete(chunk, _shifted(progress, before, total))
        for (i, sample), completion in zip(keys, completions, strict=True):
            predictions[i, sample] = _prediction(task, examples[i], numbers[i], sample, completion)
        if journal is not None:
            journal.append([predictions[key].line() for key in keys])
        if progress is not None:
            progress(len(predictions), total)
    if journal is not None and len(predictions) == total:
        journal.finish()
    return [predictions[key] for key in sorted(predictions)]


def settings_of(
    task: Task, examples: Sequence[Example], shots: Sequence[Example], temperature: float, seed: int, samples: int
) -> dict[str, Any]:
    """Return what predictions of any answerer depend on."""
    return {
        "task": task.name,
        "version": task.version,
        "data": fingerprint.of_examples(examples),
        "shots": fingerprint.of_examples(shots) if shots else None,
        "temperature": float(temperature),
        "seed": seed,
        "samples": samples,
    }


def _prediction(task: Task, example: Example, number: int, sample: int, completion: Completion) -> Prediction:
    scored = None if example.gold is None else task.score(example, completion.text)
    extracted = task.extract(completion.text) if scored is None else scored.extracted
    made = (completion.prompt_tokens, completion.text, extracted, scored, completion.shortened)
    return Prediction(number, sample, example, *made)


def _shifted(progress: Progress | None, before: int, total: int) -> Progress:
    """Return `progress` for a part that begins after `before` predictions."""
    if progress is None:
        return lambda done, of: None
    report = progress
    return lambda done, of: report(before + done, total)
