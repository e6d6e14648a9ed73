"""One case: both workers alive, one batch of ours and one of theirs in turn, after a warm-up each.

The warm-up of ours is a whole batch, under the counter of operations. Peers take long, so theirs is what they can
shorten: PPO with one epoch, the first batch of an evaluation. The quick benchmark leaves it out: the median of three
pairs passes over a slow first one.
"""

import sys
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import psutil

from bench.cases import Case
from bench.report import Measured, Side
from bench.rows import few_shot_rows, passage_rows, training_rows
from bench.work import Work
from bench.workers import PRODUCT_PYTHON, OutOfMemoryError, Worker, worker


@dataclass(frozen=True)
class Setup:
    """What all cases share."""

    task: Any
    tokenizer: Any
    model: Path
    dtype: str
    threads: int
    folder: Path
    few_shot_rows: int
    passages: int
    peers_warm_up: bool
    rows: int | None = None
    """Rows of every case, in place of its own; for trying the benchmark out."""
    new_tokens: int | None = None
    """Likewise the limit of new tokens, on both sides."""


def measure(case: Case, setup: Setup, pairs: int) -> Measured:
    """Run the case; again with the peer's gradient checkpointing when it runs out of memory without.

    Raises:
        WorkerError: one of its workers ended.
    """
    try:
        return _measure(case, setup, pairs)
    except OutOfMemoryError as error:
        if case.checkpointing:
            raise
        say(f"{case.key}: {error} Again, with gradient checkpointing.")
        measured = _measure(replace(case, checkpointing=True), setup, pairs)
        return replace(measured, peer_needed_bytes=error.peak_bytes)


def _measure(case: Case, setup: Setup, pairs: int) -> Measured:
    ours, peer = our_work(case, setup), peer_work(case, setup)
    with ExitStack() as stack:
        say(f"{case.key}: ours loads and warms up")
        our_worker = stack.enter_context(worker("bench.ours", PRODUCT_PYTHON, ours, setup.threads))
        counted = our_worker.ask(count=True)
        say(f"{case.key}: the peer loads")
        peer = replace(peer, memory_limit_bytes=psutil.virtual_memory().available)
        peer_worker = stack.enter_context(worker(case.peer, case.python, peer, setup.threads))
        if setup.peers_warm_up:
            peer_worker.ask(warm_up=True)
        our_answers, peer_answers = [], []
        for pair in range(pairs):
            our_answers.append(our_worker.ask())
            peer_answers.append(peer_worker.ask())
            say(
                f"{case.key}: pair {pair + 1}/{pairs}: ours {our_answers[-1]['seconds']:.1f} s, "
                f"peer {peer_answers[-1]['seconds']:.1f} s"
            )
    return Measured(
        key=case.key,
        title=case.title,
        memory_key=case.memory_key,
        row_tokens=ours.row_tokens,
        ours=_side(our_worker, our_answers, flops=counted["flops"]),
        peer=_side(peer_worker, peer_answers, flops=None),
    )


def our_work(case: Case, setup: Setup) -> Work:
    count = setup.rows or (setup.few_shot_rows if case.ours == "few-shot" else case.rows)
    task, shots = setup.task.name, []
    if case.ours == "passages":
        task, rows = "multirc", passage_rows(setup.tokenizer, setup.passages)[: setup.rows]
    elif case.ours == "few-shot":
        rows, shots = few_shot_rows(setup.task, setup.tokenizer, count)
    else:
        rows = training_rows(setup.task, setup.tokenizer, count)
    return Work(
        method=case.ours,
        task=task,
        model=str(setup.model),
        dtype=setup.dtype,
        rows=rows,
        shots=shots,
        completions=case.completions,
        max_new_tokens=setup.new_tokens or 32,
        folder=str(setup.folder / case.key / "ours"),
    )


def peer_work(case: Case, setup: Setup) -> Work:
    return replace(
        our_work(case, setup),
        max_new_tokens=setup.new_tokens or case.peer_new_tokens,
        checkpointing=case.checkpointing,
        folder=str(setup.folder / case.key / "peer"),
    )


def say(line: str) -> None:
    """Report progress."""
    sys.stderr.write(f"bench: {line}\n")
    sys.stderr.flush()


def _side(measured: Worker, answers: list[dict[str, Any]], flops: int | None) -> Side:
    names = sorted({name for answer in answers for name in answer.get("parts", {})})
    return Side(
        seconds=[answer["seconds"] for answer in answers],
        peak_bytes=answers[-1]["peak_bytes"],
        cpu_seconds=[answer["cpu_seconds"] for answer in answers],
        flops=flops,
        parts={name: [answer["parts"].get(name, 0.0) for answer in answers] for name in names},
        versions=measured.about["versions"],
        path=measured.about.get("path"),
    )
