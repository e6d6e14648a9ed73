"""Where everything is written: one root, `NLU_RL_HOME`, and the folders under it.

Default root: the checkout when the package runs from one, else `~/.local/share/nlu-rl`. Nothing is created here; the
writer of a file creates its folder.
"""

import os
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parent


def checkout() -> Path | None:
    """Return the root of the source checkout this package runs from, or None when it is installed elsewhere."""
    root = _PACKAGE.parent.parent
    return root if (root / "pyproject.toml").is_file() and (root / "recipes").is_dir() else None


def home() -> Path:
    """Return the one writable root."""
    configured = os.environ.get("NLU_RL_HOME")
    if configured:
        return Path(configured).expanduser().resolve()
    return checkout() or Path.home() / ".local" / "share" / "nlu-rl"


def models_dir() -> Path:
    return home() / "data_cache" / "models"


def datasets_dir() -> Path:
    return home() / "data_cache" / "datasets"


def hf_dir() -> Path:
    """Return the folder to use as `HF_HOME`."""
    return home() / "data_cache" / "hf"


def runs_dir() -> Path:
    return home() / "runs"


def exports_dir() -> Path:
    return home() / "exports"


def recipes_dir() -> Path:
    """Return the folder of the shipped recipes: of the checkout, else the copy installed with the package."""
    root = checkout()
    return root / "recipes" if root else _PACKAGE / "recipes"
