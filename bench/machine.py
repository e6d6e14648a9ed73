"""What the numbers were measured on, without naming the machine: processor, memory, threads, versions, matmul peak."""

import os
import platform
import re
import time
from datetime import UTC, datetime
from pathlib import Path

import torch

from bench.report import Machine
from nlu_rl.models.machine import memory_bytes

MATMUL_SIZE = 2048
MATMUL_SECONDS = 5.0


def describe_machine(dtype: torch.dtype, threads: int) -> Machine:
    torch.set_num_threads(threads)
    card = torch.cuda.get_device_name() if torch.cuda.is_available() else None
    return Machine(
        processor=processor_name(),
        cores=len(os.sched_getaffinity(0)),
        memory_bytes=memory_bytes(),
        accelerator=card,
        threads=threads,
        dtype=str(dtype).removeprefix("torch."),
        matmul_flops=matmul_flops(dtype),
        date=datetime.now(UTC).date().isoformat(),
        python=platform.python_version(),
        torch=torch.__version__,
    )


def thread_count() -> int:
    """Return OMP_NUM_THREADS where it is set, else the cores this process may use."""
    return int(os.environ.get("OMP_NUM_THREADS") or len(os.sched_getaffinity(0)))


def processor_name() -> str:
    """Return the processor's own name, such as /proc/cpuinfo has it."""
    try:
        text = Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return platform.machine()
    match = re.search(r"^model name\s*:\s*(.+)$", text, re.MULTILINE)
    return match[1].strip() if match else platform.machine()


def matmul_flops(dtype: torch.dtype) -> float:
    device = "cuda" if torch.cuda.is_available() else "cpu"
    left = torch.ones(MATMUL_SIZE, MATMUL_SIZE, dtype=dtype, device=device)
    best, started = float("inf"), time.perf_counter()
    while time.perf_counter() - started < MATMUL_SECONDS:
        before = time.perf_counter()
        product = left @ left
        float(product[0, 0])  # waits for a card
        best = min(best, time.perf_counter() - before)
    return 2 * MATMUL_SIZE**3 / best
