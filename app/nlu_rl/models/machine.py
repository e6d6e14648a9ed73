"""What this machine has: accelerators, and memory within the limits of a container. Reads files and nvidia-smi only."""

import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from nlu_rl.errors import ModelError, NluRlError, unknown_name

MIB = 1 << 20
GPU_MIB = {
    "a100-80g": 81_920,
    "a100-40g": 40_960,
    "h100": 81_559,
    "h200": 143_771,
    "l40s": 46_068,
    "a6000": 49_140,
    "a10g": 23_028,
    "rtx4090": 24_564,
    "rtx3090": 24_576,
    "l4": 23_034,
    "t4": 15_360,
}
"""Memory of the cards `plan` knows by name, as nvidia-smi reports it."""
_WITHOUT_BFLOAT16 = frozenset({"t4"})
_CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))


def wanted_precision(stated: str) -> str:
    """Return what a recipe's precision means here: `auto` leaves it to NLU_RL_PRECISION.

    Raises:
        ModelError: NLU_RL_PRECISION is none of float32, bfloat16 and auto.
    """
    wanted = os.environ.get("NLU_RL_PRECISION", "auto") if stated == "auto" else stated
    if wanted not in ("float32", "bfloat16", "auto"):
        raise ModelError(f"NLU_RL_PRECISION is '{wanted}'.", "Set it to float32, bfloat16 or auto.")
    return wanted


@dataclass(frozen=True, slots=True)
class Accelerator:
    """Where a run would live. `memory_bytes` is all of it, not what is free now."""

    name: str
    memory_bytes: int
    kind: Literal["cuda", "cpu"]
    bfloat16: bool


def named_accelerator(name: str | None) -> Accelerator:
    """Return the card of this name; `cpu` is this machine's memory, None the first card here, else the CPU.

    Raises:
        NluRlError: unknown name.
    """
    if name is None:
        cards = installed_cards()
        return cards[0] if cards else cpu()
    key = name.lower()
    if key == "cpu":
        return cpu()
    if key not in GPU_MIB:
        raise NluRlError(unknown_name("GPU", name, [*GPU_MIB, "cpu"]), "Without --gpu, this machine's own is taken.")
    return Accelerator(key, GPU_MIB[key] * MIB, "cuda", key not in _WITHOUT_BFLOAT16)


def cpu() -> Accelerator:
    return Accelerator("cpu", memory_bytes(), "cpu", bfloat16=True)


def installed_cards() -> list[Accelerator]:
    """Return the NVIDIA cards of this machine, by nvidia-smi; empty without it."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return []
    query = [program, "--query-gpu=name,memory.total,compute_cap", "--format=csv,noheader,nounits"]
    try:
        answer = subprocess.run(query, capture_output=True, text=True, timeout=10, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return []
    return [card for line in answer.stdout.splitlines() if (card := _card(line))]


def _card(line: str) -> Accelerator | None:
    """Return the card of one line `name, MiB, compute capability`; None for a line of another shape."""
    name, *numbers = (part.strip() for part in line.split(","))
    try:
        mib, capability = int(numbers[0]), float(numbers[1])
    except (IndexError, ValueError):
        return None
    return Accelerator(name, mib * MIB, "cuda", bfloat16=capability >= 8)


def memory_bytes() -> int:
    """Return the memory this process may use: the machine's, or the container's limit below it."""
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in _CGROUP_LIMITS:
        try:
            limit = path.read_text(encoding="ascii").strip()
        except OSError:
            continue
        if limit.isdigit():
            total = min(total, int(limit))
    return total
