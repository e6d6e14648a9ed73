"""`docs/benchmarks.md`: the same numbers for people. Pure."""

from collections.abc import Mapping, Sequence
from statistics import median
from typing import Any

from bench.report import GIGA, Machine, Measured, ran_out, share_of_peak, spread

Row = Sequence[Any]
HOW = """\
Each side is a process of its own that loads the model once; batches of ours and theirs alternate, after a warm-up each
(the quick benchmark leaves that of the peers out), and only one side works at a time. Model, rows, LoRA, compute type,
batch and threads are the same. A ratio is the peer's median over ours. Tokens a second count every completion with its
whole prompt, shared or not, on both sides alike. Peak memory is the high-water mark of the process. Operations are
torch's count of our batch (`FlopCounterMode`), and their rate is set against a square matmul of 2048 in the compute
type, measured just before. Peers run as their documentation says, without gradient checkpointing unless stated (it is
TRL's default and would slow them down). Both sides have a limit of 32 new tokens; where the peer is tuned to 8, ours
keeps 32, for its rows end at their answer.
"""


def to_markdown(
    cases: Sequence[Measured], machine: Machine, scaling: Mapping[str, Any], failed: Mapping[str, str], *, quick: bool
) -> str:
    """Return the whole page."""
    command = "make bench-quick" if quick else "make bench"
    parts = [
        "# Benchmarks",
        f"Written by `{command}`; the same numbers, and every single one, are in `benchmarks.json`.",
        _machine(machine, cases),
        "## Ours and theirs",
        HOW.strip(),
        _cases(cases, machine.matmul_flops),
        *(f"`{case.key}`: {ran_out(case)}" for case in cases if case.peer_needed_bytes),
        *(f"`{key}` could not be measured: {reason}" for key, reason in failed.items()),
        "## What bounds the step",
        _bounds(cases, machine.matmul_flops),
    ]
    if scaling:
        parts += ["## How a PPO step grows", _scaling(scaling)]
    return "\n\n".join(parts) + "\n"


def table(head: Row, rows: Sequence[Row]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(str(cell) for cell in line) + " |" for line in lines)


def _machine(machine: Machine, cases: Sequence[Measured]) -> str:
    versions = {
        f"{name} {version}"
        for case in cases
        for side in (case.ours, case.peer)
        for name, version in side.versions.items()
    }
    where = f"{machine.accelerator}, " if machine.accelerator else ""
    return (
        f"{where}{machine.processor}, {machine.cores} cores, {machine.memory_bytes / GIGA:.0f} GB, "
        f"{machine.threads} threads, {machine.dtype}, matmul {machine.matmul_flops / GIGA:.0f} Gflop/s, "
        f"{machine.date}. Python {machine.python}, {', '.join(sorted(versions))}."
    )


def _cases(cases: Sequence[Measured], matmul_flops: float) -> str:
    head = ["case", "", "median s", "min-max", "tokens/s", "peak GB", "Gflop", "of peak", "time ratio", "memory ratio"]
    rows = []
    for case in cases:
        for name, side in (("ours", case.ours), ("peer", case.peer)):
            first, share = name == "ours", share_of_peak(side, matmul_flops)
            rows.append(
                [
                    f"`{case.key}`: {case.title}" if first else "",
                    name,
                    f"{side.median_seconds:.2f}",
                    spread(side.seconds),
                    f"{case.row_tokens / side.median_seconds:.0f}",
                    f"{side.peak_bytes / GIGA:.1f}",
                    "" if side.flops is None else f"{side.flops / GIGA:.0f}",
                    "" if share is None else f"{share:.0%}",
                    f"**{case.ratio:.2f}**" if first else "",
                    ("at least " if case.peer_needed_bytes else "") + f"{case.memory_ratio:.2f}" if first else "",
                ]
            )
    return table(head, rows)


def _bounds(cases: Sequence[Measured], matmul_flops: float) -> str:
    """Say where the time of our batches goes and how near the operations are to the machine's own rate."""
    names = ["generate", "score", "update"]
    seen: set[str] = set()
    rows = []
    for case in cases:
        side, method = case.ours, case.key.partition("_vs_")[0]
        share = share_of_peak(side, matmul_flops)
        if method in seen or share is None:
            continue
        seen.add(method)
        seconds = [median(side.parts[f"{name}_seconds"]) if f"{name}_seconds" in side.parts else None for name in names]
        rest = side.median_seconds - sum(value for value in seconds if value is not None)
        shown = ["" if value is None else f"{value:.2f}" for value in [*seconds, rest]]
        rows.append(
            [
                method,
                f"{side.median_seconds:.2f}",
                *shown,
                f"{side.flops / GIGA:.0f}" if side.flops else "",
                f"{share:.0%}",
            ]
        )
    text = (
        "Seconds of our batch and of its parts (medians). What the rate leaves to 100 % is not arithmetic: memory "
        "traffic, small operations and Python between them, most of all while decoding token by token."
    )
    return text + "\n\n" + table(["method", "batch s", *names, "rest", "Gflop", "of matmul peak"], rows)


def _scaling(scaling: Mapping[str, Any]) -> str:
    parts = [
        "Our step alone: sampling and 4 epochs, every completion exactly as long as stated; 16 rows, a shared prefix "
        "of 76 tokens and 8 new tokens unless stated. Best of the repeats."
    ]
    for axis in scaling["axes"]:
        rows = [[point["value"], f"{min(point['seconds']):.2f}"] for point in axis["points"]]
        parts += [f"### {axis['title']}", table([axis["unit"], "seconds"], rows)]
    doubling = scaling["doubling"]
    parts.append(
        f"Doubling the shared prefix (from {doubling['from_tokens']} to {doubling['to_tokens']} tokens) for a batch of "
        f"{doubling['rows']} rows adds {doubling['added']:.1%}."
    )
    return "\n\n".join(parts)
