"""Where everything is written: one root, `NLU_RL_HOME`, and the folders under it.

Default root: the checkout when the package runs from one, else `~/.local/share/nlu-rl`. Nothing is created here; the
writer of a file creates its folder.
"""

import os
from pathlib import Path

from nlu_rl.errors import NluRlError

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


def require_home() -> None:
    """Raise NluRlError when the writable root cannot be a folder."""
    root = home()
    if os.path.lexists(root) and not root.is_dir():
        raise NluRlError(f"NLU_RL_HOME is {root}, which is not a folder.", "Set it to a folder, or unset it.")


def require_runs_dir() -> None:
    """Raise NluRlError when the place of the runs cannot be a folder: there would seem to be none."""
    require_home()
    if os.path.lexists(runs_dir()) and not runs_dir().is_dir():
        raise NluRlError(f"{runs_dir()} is where runs are kept, and is not a folder.", "Move it away.")


def models_dir() -> Path:
    return home() / "data_cache" / "models"


def bundled_models_dir() -> Path | None:
    """Return the read-only folder of the models that came with the installation (`NLU_RL_BUNDLED_MODELS`), if any."""
    configured = os.environ.get("NLU_RL_BUNDLED_MODELS")
    return Path(configured) if configured else None


def model_dir(name: str) -> Path:
    """Return where the model folder `name` is, or will be once fetched: the user's own goes before a bundled one."""
    own, bundled = models_dir() / name, bundled_models_dir()
    if bundled is not None and not os.path.lexists(own) and os.path.isdir(bundled / name):
        return bundled / name
    return own


def model_dirs() -> list[Path]:
    """Return the folder of every model that is here, the user's own first."""
    roots = [root for root in (models_dir(), bundled_models_dir()) if root and os.access(root, os.R_OK | os.X_OK)]
    found = [path for root in roots for path in sorted(root.iterdir()) if path.is_dir() and path.name[0] != "."]
    return [path for path in found if path == model_dir(path.name)]


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
