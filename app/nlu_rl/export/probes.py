"""What an export is asked: real rows of the run's tasks, as prompts and right answers in token ids.

Answers are greedy completions through the policy; logits are those before each token of the right answer.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import torch

from nlu_rl.errors import DataError
from nlu_rl.evaluation.prompts import encode_rows
from nlu_rl.evaluation.rows import choose_rows
from nlu_rl.models.chat import encode_target
from nlu_rl.policy.draws import Draws
from nlu_rl.policy.packed import packed_prefill
from nlu_rl.policy.padded import padded_prefill
from nlu_rl.policy.policy import Policy
from nlu_rl.policy.trie import split_by_budget
from nlu_rl.tasks.contract import Example, Split, Task

ANSWER_TOKENS = 6
"""Logits are compared before each of the first tokens of the right answer."""
TaskRow = tuple[Task, Example]


@dataclass(frozen=True, slots=True)
class Probe:
    """One row: its prompt and its right answer as token ids."""

    task: Task
    example: Example
    prompt: list[int]
    target: list[int]


@dataclass(frozen=True, slots=True)
class Answers:
    """Greedy completions of the probes."""

    ids: list[list[int]]
    texts: list[str]


def choose_examples(tasks: Sequence[Task], count: int) -> list[TaskRow]:
    """Return labelled rows of the tasks in equal shares, held-out ones where there are any.

    Raises:
        DataError: a task without labelled rows.
    """
    return [row for task in tasks for row in _rows_of(task, max(1, count // len(tasks)))]


def _rows_of(task: Task, count: int) -> list[TaskRow]:
    problem: DataError | None = None
    splits: list[Split] = [getattr(task, "evaluation_split", "validation"), "validation", "train"]
    for split in dict.fromkeys(splits):
        try:
            rows = choose_rows(task.load(split), count, what=f"The {split} split of {task.name}", task=task)
        except DataError as error:
            problem = problem or error
        else:
            return [(task, example) for _, example in rows]
    message = problem.message if problem else ""
    raise DataError(f"An export is checked on rows of its tasks. {message}", problem.fix if problem else "")


def make_probes(policy: Policy, rows: Sequence[TaskRow], max_new_tokens: int) -> list[Probe]:
    """Encode the rows as an evaluation does, a long passage cut to the model's context.

    Raises:
        DataError: a prompt is too long for the model, and there is no passage to cut.
    """
    probes = []
    for task, example in rows:
        (prompt,) = encode_rows(policy, task, [example], max_new_tokens)
        probes.append(Probe(task, example, prompt.ids.tolist(), encode_target(policy.tokenizer, task.target(example))))
    return probes


def greedy_answers(policy: Policy, probes: Sequence[Probe], max_new_tokens: int) -> Answers:
    prompts = [probe.prompt for probe in probes]
    rollout = policy.sample(prompts, temperature=0.0, max_new_tokens=max_new_tokens, draws=Draws(0))
    return Answers(rollout.completions, rollout.texts)


def answer_logits(policy: Policy, probes: Sequence[Probe]) -> torch.Tensor:
    """Return the logits at each position of the right answers (positions, V), float32 on the CPU."""
    return _next_logits(policy, [p.prompt + p.target[:k] for p in probes for k in range(len(p.target[:ANSWER_TOKENS]))])


def changed_gaps(policy: Policy, probes: Sequence[Probe], one: Answers, other: Answers) -> list[float]:
    """Return, for each completion that changed, how far apart the first different tokens are in `policy`'s logits.

    `policy` gave `one`, so its token is the top one, and the gap is at least that of the top two.
    """
    sequences, tokens = [], []
    for probe, a, b in zip(probes, one.ids, other.ids, strict=True):
        first = next((k for k, (x, y) in enumerate(zip(a, b, strict=False)) if x != y), None)
        if first is not None:
            sequences.append(probe.prompt + a[:first])
            tokens.append((a[first], b[first]))
    if not sequences:
        return []
    logits = _next_logits(policy, sequences)
    return [float(row[a] - row[b]) for row, (a, b) in zip(logits, tokens, strict=True)]


@torch.no_grad()
def _next_logits(policy: Policy, sequences: Sequence[list[int]]) -> torch.Tensor:
    """Return the logits after each sequence (sequences, V); shared beginnings are computed once."""
    rows: dict[int, torch.Tensor] = {}
    groups = split_by_budget(sequences, policy.max_tokens) if policy.packed else [[i] for i in range(len(sequences))]
    for group in groups:
        some = [sequences[i] for i in group]
        hidden = packed_prefill(policy.backbone, some) if policy.packed else padded_prefill(policy.backbone, some)[0]
        rows.update(zip(group, policy.backbone.logits(hidden).cpu(), strict=True))
    return torch.stack([rows[i] for i in range(len(sequences))])
