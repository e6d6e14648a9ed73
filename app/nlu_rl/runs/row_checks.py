"""What can be known of a task's rows before a run: right answers are rewarded, no text is in both splits, enough rows.

Pure over rows that are loaded already.
"""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Protocol

from nlu_rl.data.checks import text_key
from nlu_rl.runs.checks import Check
from nlu_rl.tasks.contract import Example, Scored

TRIED_ROWS = 50
COUNTED_ROWS = 200
MEASURED_ROWS = 500
NAMED = 5
MOST_COMPARED = 200_000
"""More rows than this take seconds to compare."""
COARSE_POINTS = 5.0


class Judging(Protocol):
    """The part of a task that is needed here."""

    name: str
    answers: tuple[str, ...] | None

    def target(self, example: Example) -> str: ...
    def score(self, example: Example, completion: str) -> Scored: ...


def check_rows(task: Judging, train: Sequence[Example], validation: Sequence[Example], examples: int) -> list[Check]:
    """Return the checks; `examples` is how many rows a validation takes."""
    found = [_check_rewards(task, train)]
    if validation:
        found += [
            *_check_overlap(task, train, validation),
            *_check_labels(task, train, validation),
            _check_interval(task, min(examples, len(validation)), len(validation)),
        ]
    return found


def check_answer_room(
    task: Judging, train: Sequence[Example], tokens: Callable[[str], int], max_new_tokens: int
) -> Check:
    """Can right answers be sampled whole; `tokens` counts those of a text."""
    targets = {task.target(example) for example in train[:COUNTED_ROWS] if example.gold is not None}
    lengths = [tokens(target) for target in targets]
    needed, longest = min(lengths, default=0), max(lengths, default=0)
    if needed <= max_new_tokens < longest:
        cut = sum(length > max_new_tokens for length in lengths)
        return Check(
            f"answers {task.name}",
            "warn",
            f"generation.max_new_tokens is {max_new_tokens}: {cut} of {len(lengths)} right answers of {task.name} are "
            f"longer, up to {longest}, and cut.",
            f"Add generation.max_new_tokens={longest + 2}.",
        )
    if needed <= max_new_tokens:
        message = f"The shortest right answer of {task.name} takes {needed} of {max_new_tokens} new tokens."
        return Check(f"answers {task.name}", "ok", message)
    return Check(
        f"answers {task.name}",
        "warn",
        f"generation.max_new_tokens is {max_new_tokens}, but the shortest right answer of {task.name} takes {needed}: "
        "every one is cut.",
        f"Add generation.max_new_tokens={max(needed + 2, 8)}.",
        holds=True,
    )


def check_passages(
    task: Judging,
    splits: Mapping[str, Sequence[Example]],
    fits: Callable[[Example, int], bool],
    most_tokens: int,
    model: str,
) -> list[Check]:
    """How many prompts are longer than a model takes; `fits` says whether one is not. Of large splits, a part.

    A passage is then cut at its end; a row without one stops the run.
    """
    looked_at, long, found = 0, 0, []
    for split, rows in splits.items():
        step = max(1, len(rows) // MEASURED_ROWS)
        some = rows[::step][:MEASURED_ROWS]
        count = sum(not fits(example, most_tokens) for example in some)
        looked_at, long = looked_at + len(some), long + count
        found += [f"{count:,} of {len(some):,} {split} rows"] if count else []
    passage = getattr(task, "passage", "")
    room = f"the {most_tokens:,} tokens that {model} has beside an answer"
    if not long:
        whole = f"None of the {looked_at:,} prompts of {task.name} looked at is longer than {room}."
        return [Check(f"lengths {task.name}", "ok", whole)]
    message = f"{' and '.join(found)} looked at of {task.name} make prompts longer than {room}"
    if passage:
        fix = "The question is never cut. A model with a longer context reads more of the passage."
        return [Check(f"lengths {task.name}", "warn", f"{message}: their {passage} is cut at its end.", fix)]
    fix = "Leave them out, shorten their text, or use a model with a longer context."
    return [Check(f"lengths {task.name}", "warn", f"{message}, and have no passage to cut: they stop a run.", fix)]


def _check_rewards(task: Judging, train: Sequence[Example]) -> Check:
    """Does the right completion of a row count as right."""
    tried = [example for example in train if example.gold is not None][:TRIED_ROWS]
    right = sum(task.score(example, task.target(example)).correct for example in tried)
    message = f"{right}/{len(tried)} right answers of {task.name} are read and rewarded as right."
    if right == len(tried):
        return Check(f"rewards {task.name}", "ok", message)
    return Check(f"rewards {task.name}", "fail", message, "Correct the answers in the task's file.")


def _check_overlap(task: Judging, train: Sequence[Example], validation: Sequence[Example]) -> list[Check]:
    """Are validation texts among the training texts."""
    if len(train) + len(validation) > MOST_COMPARED:
        return []
    known = {text_key(example.fields) for example in train}
    shared = sum(text_key(example.fields) in known for example in validation)
    message = f"{shared} of {len(validation)} validation texts of {task.name} are also in train."
    fix = "Scores on them say little about new texts."
    return [Check(f"overlap {task.name}", "warn" if shared else "ok", message, fix if shared else "")]


def _check_labels(task: Judging, train: Sequence[Example], validation: Sequence[Example]) -> list[Check]:
    """Has validation a row of every answer that training has."""
    if task.answers is None:
        return []
    taught, shown = ({example.gold for example in rows} for rows in (train, validation))
    missing = [answer for answer in task.answers if answer in taught and answer not in shown]
    if not missing:
        return []
    named = ", ".join(f"'{answer}'" for answer in missing[:NAMED]) + (", …" if len(missing) > NAMED else "")
    return [
        Check(
            f"labels {task.name}",
            "warn",
            f"No validation row of {task.name} is labelled {named}: its scores say nothing of such rows.",
            "Label more such rows, or name a file to validate on.",
        )
    ]


def _check_interval(task: Judging, rows: int, there: int) -> Check:
    """How exactly can an accuracy be known from so many rows of those there are."""
    points = 100 * 1.96 * math.sqrt(0.25 / max(1, rows))
    message = f"{rows} validation rows: a share of right answers of {task.name} is known to about ±{points:.1f} points."
    coarse = points > COARSE_POINTS
    more = "Raise evaluate.examples for finer steps, or evaluate the finished run on all rows."
    fix = more if rows < there else "These are all there are: only more labelled rows say more."
    return Check(f"interval {task.name}", "warn" if coarse else "ok", message, fix if coarse else "")
