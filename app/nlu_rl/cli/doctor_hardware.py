"""The doctor's checks of the card and of what runs on it: driver, capability, CUDA, flash-attention, shared memory.

Reads nvidia-smi and files of packages; imports none of them. What only the card can show, `doctor --gpu` shows.
"""

import os
import re
import shutil
import subprocess
from importlib import metadata
from importlib.util import find_spec
from pathlib import Path

from nlu_rl.cli.format import size
from nlu_rl.runs.checks import Check

_OLDEST_CAPABILITY = {12: 5.0, 13: 7.5}
"""By the major version of CUDA that torch is built with."""
_FLASH_CAPABILITY = 8.0
_ENOUGH_SHARED_BYTES = 1 << 29
_SHARED = Path("/dev/shm")
_FLAGS = ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE", "HF_DATASETS_OFFLINE")
_ON = ("1", "true", "yes", "on")
_OFF = ("0", "false", "no", "off")


def check_card() -> list[Check]:
    """Look at the NVIDIA cards, their driver, and whether the installed torch can use them."""
    program = shutil.which("nvidia-smi")
    if program is None:
        return [Check("gpu", "ok", "No NVIDIA GPU; runs use the CPU.")]
    cards = _lines(
        [program, "--query-gpu=name,memory.total,compute_cap,driver_version", "--format=csv,noheader,nounits"]
    )
    rows = [[part.strip() for part in line.split(",")] for line in cards]
    rows = [row for row in rows if len(row) == 4 and row[1].isdigit()]
    if not rows:
        return [Check("gpu", "warn", "nvidia-smi is here but names no GPU.", "Check the NVIDIA driver.")]
    built = cuda_of_torch()
    checks = []
    for name, mebibytes, capability, driver in rows:
        about = f"{name}, {size(int(mebibytes) << 20)}, compute capability {capability}, driver {driver}."
        checks.append(_capability(about, _number(capability), built))
    header = re.search(r"CUDA Version:\s*([\d.]+)", "\n".join(_lines([program])))
    return [*checks, _cuda(built, header.group(1) if header else None), _flash([_number(row[2]) for row in rows])]


def cuda_of_torch() -> str | None:
    """Return the CUDA version torch is built with, such as 13.0; None for a build for CPUs, or without torch."""
    spec = find_spec("torch")
    try:
        text = (Path(spec.origin).parent / "version.py").read_text(encoding="utf-8") if spec and spec.origin else ""
    except OSError:
        text = ""
    found = re.search(r"^cuda.*=\s*'([\d.]+)'", text, re.MULTILINE)
    return found.group(1) if found else None


def check_shared_memory() -> list[Check]:
    """Is there enough of /dev/shm, which processes of one run and their data loaders share."""
    if not _SHARED.is_dir():
        return []
    total = shutil.disk_usage(_SHARED).total
    about = f"{size(total)} of shared memory."
    if total < _ENOUGH_SHARED_BYTES:
        fix = "Give the container more: docker run --shm-size 1g (needed by more than one process only)."
        return [Check("shared memory", "warn", about, fix)]
    return [Check("shared memory", "ok", about)]


def check_offline_flags() -> list[Check]:
    """Do the libraries' flags say something, and the same; one alone leaves a library asking the hub, or not."""
    stated = {flag: os.environ.get(flag, "").strip().lower() for flag in _FLAGS}
    checks = [
        Check("offline flags", "warn", f"{flag} is '{value}', which counts as not set.", f"Set {flag} to 1 or 0.")
        for flag, value in stated.items()
        if value not in ("", *_ON, *_OFF)
    ]
    given = [flag for flag, value in stated.items() if value in _ON]
    if given and "HF_HUB_OFFLINE" not in given:
        message = f"{' and '.join(given)} is set without HF_HUB_OFFLINE: some libraries go on asking the hub."
        checks.append(Check("offline flags", "warn", message, "Set HF_HUB_OFFLINE=1, which goes for all of them."))
    return checks


def _capability(about: str, capability: float, built: str | None) -> Check:
    oldest = _OLDEST_CAPABILITY.get(int(_number(built)), 0.0) if built else 0.0
    if capability < oldest:
        fix = "Install a torch built for an older CUDA, from download.pytorch.org/whl/cu126."
        return Check("gpu", "fail", f"{about} torch for CUDA {built} needs capability {oldest}.", fix)
    if capability < 8:
        return Check("gpu", "ok", f"{about} It has no bfloat16: runs compute in float32.")
    return Check("gpu", "ok", about)


def _cuda(built: str | None, driver: str | None) -> Check:
    if built is None:
        fix = "Install the CUDA build of torch: pip install --force-reinstall torch"
        return Check("cuda", "warn", "The installed torch is built for CPUs only.", fix)
    if driver is None:
        return Check(
            "cuda", "warn", f"torch is built with CUDA {built}; nvidia-smi names no version.", "Update the driver."
        )
    if int(_number(driver)) < int(_number(built)):
        message = f"torch is built with CUDA {built}, and the driver goes up to {driver}."
        return Check("cuda", "fail", message, "Update the NVIDIA driver, or install a torch built for an older CUDA.")
    return Check("cuda", "ok", f"torch is built with CUDA {built}; the driver goes up to {driver}.")


def _flash(capabilities: list[float]) -> Check:
    try:
        version = metadata.version("flash-attn")
    except metadata.PackageNotFoundError:
        return Check("flash-attn", "ok", "Not installed; PyTorch's own attention is used, which is right everywhere.")
    if max(capabilities) < _FLASH_CAPABILITY:
        return Check("flash-attn", "ok", f"{version} is installed, but the card is too old for it; it is not used.")
    return Check("flash-attn", "ok", f"{version}; a run compares it with PyTorch's attention before it uses it.")


def _lines(command: list[str]) -> list[str]:
    try:
        return subprocess.run(command, capture_output=True, text=True, timeout=10, check=False).stdout.splitlines()
    except (OSError, subprocess.TimeoutExpired):
        return []


def _number(text: str | None) -> float:
    found = re.match(r"\d+(\.\d+)?", text or "")
    return float(found.group()) if found else 0.0
