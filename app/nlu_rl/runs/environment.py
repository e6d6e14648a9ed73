"""`env.json`: what a run ran on. Versions are read from package metadata, so nothing is imported for it."""

import os
import platform
import subprocess
import sys
from importlib import metadata
from typing import Any

from nlu_rl import __version__, paths
from nlu_rl.runs.status import host_name

PACKAGES = (
    "accelerate",
    "bitsandbytes",
    "datasets",
    "gguf",
    "numpy",
    "peft",
    "pydantic",
    "safetensors",
    "scikit-learn",
    "scipy",
    "tokenizers",
    "torch",
    "transformers",
    "trl",
)


def describe_environment() -> dict[str, Any]:
    """Return the program, interpreter, packages and machine of this process."""
    return {
        "v": 1,
        "nlu_rl": __version__,
        "revision": _revision(),
        "python": platform.python_version(),
        "executable": sys.executable,
        "platform": platform.platform(),
        "machine": platform.machine(),
        "cpus": os.cpu_count(),
        "host": host_name(),
        "packages": {name: version for name in PACKAGES if (version := _version(name))},
    }


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _revision() -> str | None:
    """Return the checkout's commit, with '+' when files differ from it; None outside a checkout."""
    root = paths.checkout()
    if root is None or not (root / ".git").exists():
        return None
    try:
        describe = ["git", "-C", str(root), "describe", "--always", "--abbrev=12", "--dirty=+", "--exclude=*"]
        found = subprocess.run(describe, capture_output=True, text=True, timeout=5, check=True)
    except (OSError, subprocess.SubprocessError):
        return None
    return found.stdout.strip() or None
