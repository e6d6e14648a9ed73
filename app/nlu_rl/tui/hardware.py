"""What the machine is doing: processor, memory, disk, and cards where nvidia-smi is there."""

import os
import shutil
import subprocess
from dataclasses import dataclass

from nlu_rl import paths
from nlu_rl.tui.format import filled

_QUERY = ("--query-gpu=utilization.gpu,memory.used,memory.total,temperature.gpu", "--format=csv,noheader,nounits")
FIRST_LOOK_SECONDS = 0.1
_looked = False


@dataclass(frozen=True, slots=True)
class Card:
    """One GPU: share of time busy, bytes, degrees Celsius."""

    busy: float
    used_bytes: float
    total_bytes: float
    celsius: float


@dataclass(frozen=True, slots=True)
class Usage:
    """A moment of the machine. `busy` is the share of all processors since the last moment."""

    busy: float
    used_bytes: float
    total_bytes: float
    free_disk_bytes: float
    disk_bytes: float
    cards: tuple[Card, ...]


def usage() -> Usage:
    """Return what is used now. May wait for nvidia-smi: call it in a thread."""
    import psutil

    memory, disk = psutil.virtual_memory(), _disk()
    used = memory.total - memory.available
    return Usage(_busy(), used, memory.total, disk.free, disk.total, cards())


def _busy() -> float:
    """Return the share of all processors since the last call; the first call looks for a moment."""
    import psutil

    global _looked  # as psutil itself keeps when it was last asked
    share = psutil.cpu_percent(None if _looked else FIRST_LOOK_SECONDS) / 100
    _looked = True
    return float(share)


def _disk() -> "shutil._ntuple_diskusage":
    """Return the room on the disk of the runs; they may not be there yet, or no more."""
    existing = next(folder for folder in (paths.runs_dir(), *paths.runs_dir().parents) if os.path.exists(folder))
    return shutil.disk_usage(existing)


def cards() -> tuple[Card, ...]:
    program = shutil.which("nvidia-smi")
    if program is None:
        return ()
    try:
        answer = subprocess.run([program, *_QUERY], capture_output=True, text=True, timeout=5, check=False)
    except (OSError, subprocess.TimeoutExpired):
        return ()
    found = []
    for line in answer.stdout.splitlines():
        try:
            busy, used, total, celsius = (float(part) for part in line.split(","))
        except ValueError:
            continue
        found.append(Card(busy / 100, used * 2**20, total * 2**20, celsius))
    return tuple(found)


def hardware_text(now: Usage) -> str:
    """Return it on one line."""
    parts = [
        f"GPU{number} {card.busy:.0%} {filled(card.used_bytes, card.total_bytes)} {card.celsius:.0f}°C"
        for number, card in enumerate(now.cards)
    ]
    parts.append(f"CPU {now.busy:.0%}")
    parts.append(f"RAM {filled(now.used_bytes, now.total_bytes)}")
    parts.append(f"disk {now.free_disk_bytes / 1e9:.0f} GB free")
    return "  ".join(parts)
