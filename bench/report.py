"""From what was measured to ratios, a text for the terminal, `benchmarks.json` and `benchmarks.md`. Pure.

A ratio is the peer's median over ours, so above 1 ours is the faster or the smaller.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from statistics import median
from typing import Any

GIGA = 1e9
CONTRACT_KEYS = (
    "ppo_vs_trl_ppo",
    "ppo_vs_trl_sft",
    "grpo_vs_trl_grpo",
    "sft_vs_trl_sft",
    "few_shot_eval_vs_generate",
    "grpo_peak_memory",
)
"""The ratios every whole run writes, quick or not; a full run writes more."""


@dataclass(frozen=True)
class Machine:
    """What the numbers were measured on, without naming it."""

    processor: str
    cores: int
    memory_bytes: int
    accelerator: str | None
    threads: int
    dtype: str
    matmul_flops: float
    """Best measured rate of a square matmul in the compute type, operations a second."""
    date: str
    python: str
    torch: str


@dataclass(frozen=True)
class Side:
    """One side of a case: a number a pair."""

    seconds: list[float]
    peak_bytes: int
    cpu_seconds: list[float] = field(default_factory=list)
    flops: int | None = None
    """Operations of one batch; counted for ours only."""
    parts: dict[str, list[float]] = field(default_factory=dict)
    """Seconds of the parts of a batch, where the trainer takes them."""
    versions: dict[str, str] = field(default_factory=dict)
    path: str | None = None
    """packed or padded, for ours."""

    @property
    def median_seconds(self) -> float:
        return median(self.seconds)


@dataclass(frozen=True)
class Measured:
    """A case as it came out."""

    key: str
    title: str
    memory_key: str | None
    row_tokens: int
    """Tokens of the rows of one batch, each completion with its whole prompt; the same for both sides."""
    ours: Side
    peer: Side
    peer_needed_bytes: int | None = None
    """What the peer had taken when it ran out of memory without gradient checkpointing; then it was run with."""

    @property
    def ratio(self) -> float:
        return self.peer.median_seconds / self.ours.median_seconds

    @property
    def memory_ratio(self) -> float:
        """A lower bound where the peer ran out of memory under our settings."""
        return (self.peer_needed_bytes or self.peer.peak_bytes) / self.ours.peak_bytes


def ratios(cases: Sequence[Measured]) -> dict[str, float]:
    """Return the ratios under their fixed keys."""
    found: dict[str, float] = {}
    for case in cases:
        found[case.key] = case.ratio
        if case.memory_key is not None:
            found[case.memory_key] = case.memory_ratio
    return found


def share_of_peak(side: Side, matmul_flops: float) -> float | None:
    """Return the rate of a batch as a share of the measured matmul rate; None where operations were not counted."""
    return None if side.flops is None else side.flops / side.median_seconds / matmul_flops


def to_json(
    cases: Sequence[Measured], machine: Machine, scaling: Mapping[str, Any], failed: Mapping[str, str], *, quick: bool
) -> dict[str, Any]:
    """Return the content of `benchmarks.json`; `failed` maps a case that could not be measured to the reason."""
    return {
        "ratios": {key: round(value, 3) for key, value in ratios(cases).items()},
        "quick": quick,
        "machine": asdict(machine),
        "cases": {case.key: _case_numbers(case, machine.matmul_flops) for case in cases},
        "scaling": dict(scaling),
        "failed": dict(failed),
        "ran_out_of_memory": {case.key: case.peer_needed_bytes for case in cases if case.peer_needed_bytes},
    }


def _case_numbers(case: Measured, matmul_flops: float) -> dict[str, Any]:
    numbers: dict[str, Any] = {"ratio": case.ratio, "memory_ratio": case.memory_ratio, "row_tokens": case.row_tokens}
    for name, side in (("ours", case.ours), ("peer", case.peer)):
        numbers[name] = {
            **asdict(side),
            "median_seconds": side.median_seconds,
            "tokens_per_second": case.row_tokens / side.median_seconds,
            "share_of_matmul_peak": share_of_peak(side, matmul_flops),
        }
    return numbers


def case_text(case: Measured, matmul_flops: float) -> str:
    """Return what the terminal shows when a case is done."""
    lines = [f"{case.key}: {case.title}"]
    for name, side in (("ours", case.ours), ("peer", case.peer)):
        lines.append(
            f"  {name}  {side.median_seconds:8.2f} s ({spread(side.seconds)})  "
            f"{case.row_tokens / side.median_seconds:8.0f} tokens/s  {side.peak_bytes / GIGA:5.1f} GB"
            + _operations(side, matmul_flops)
        )
    least = "at least " if case.peer_needed_bytes else ""
    lines.append(f"  peer / ours  {case.ratio:.2f} in time, {least}{case.memory_ratio:.2f} in peak memory")
    if case.peer_needed_bytes:
        lines.append(f"  {ran_out(case)}")
    return "\n".join(lines)


def ran_out(case: Measured) -> str:
    """Say how the peer was measured when it could not be under our settings."""
    assert case.peer_needed_bytes is not None
    return (
        f"Without gradient checkpointing the peer ran out of memory at {case.peer_needed_bytes / GIGA:.1f} GB; the "
        "memory ratio is of that, a lower bound, and the times are with checkpointing."
    )


def spread(seconds: Sequence[float]) -> str:
    return f"{min(seconds):.2f}-{max(seconds):.2f}"


def _operations(side: Side, matmul_flops: float) -> str:
    share = share_of_peak(side, matmul_flops)
    if share is None or side.flops is None:
        return ""
    return f"  {side.flops / GIGA:.0f} Gflop, {share:.0%} of the matmul peak"
