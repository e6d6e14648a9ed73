"""A model's files from the Hugging Face hub into a folder: safetensors, tokenizer and configuration, nothing else.

Asks once with a short limit whether the hub answers, so that a machine without it goes on in seconds. The transfer runs
in a thread of its own while the caller's is told how far it is. Weight files must have the SHA-256 the hub states.
"""

import fnmatch
import os
import shutil
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nlu_rl import paths
from nlu_rl.download import Progress, file_sha256
from nlu_rl.errors import ModelError

ANSWER_SECONDS = 5.0
_POLL_SECONDS = 0.5
_WANTED = (
    "*.safetensors",
    "*.json",
    "*.jinja",
    "tokenizer.model",
    "merges.txt",
    "vocab.txt",
    "LICENSE*",
    "USE_POLICY*",
)
_UNWANTED = ("*/*", "consolidated*", "*.bin.index.json")
_SPACE_MARGIN = 1.05


class HubUnreachableError(Exception):
    """The hub does not answer, or not in time."""


@dataclass(frozen=True, slots=True)
class HubFiles:
    """What the hub has of a model. `files` maps a name to its bytes and, for weights, its SHA-256."""

    hub_id: str
    revision: str
    files: dict[str, tuple[int, str | None]]
    licence: str | None

    @property
    def total_bytes(self) -> int:
        return sum(size for size, _ in self.files.values())


def is_offline() -> bool:
    """Tell whether HF_HUB_OFFLINE (or TRANSFORMERS_OFFLINE) forbids hub calls."""
    values = (os.environ.get(name, "") for name in ("HF_HUB_OFFLINE", "TRANSFORMERS_OFFLINE"))
    return any(value.strip().upper() in ("1", "ON", "YES", "TRUE") for value in values)


def look_up(hub_id: str) -> HubFiles:
    """Return what the hub has of `hub_id`.

    Raises:
        HubUnreachableError: no answer within a few seconds.
        ModelError: no such model, no access to it, or no safetensors in it.
    """
    os.environ.setdefault("HF_HOME", str(paths.hf_dir()))
    from huggingface_hub import HfApi

    def ask() -> Any:
        return HfApi(endpoint=_endpoint(), token=_token()).model_info(
            hub_id, files_metadata=True, timeout=ANSWER_SECONDS
        )

    info = _explained(hub_id, lambda: _in_thread(ask, timeout_seconds=ANSWER_SECONDS + 1))
    files = {
        sibling.rfilename: (sibling.size or 0, sibling.lfs.sha256 if sibling.lfs else None)
        for sibling in info.siblings or []
        if is_wanted(sibling.rfilename)
    }
    if not any(name.endswith(".safetensors") for name in files):
        raise ModelError(
            f"The hub's {hub_id} has no safetensors.", "Use another model, or convert it with save_pretrained()."
        )
    licence = (info.card_data or {}).get("license") if info.card_data else None
    return HubFiles(hub_id, info.sha, files, licence)


def fetch_files(found: HubFiles, folder: Path, progress: Progress | None) -> None:
    """Bring the files to `folder`, going on with what an earlier call left there.

    Raises:
        ModelError: no access, no disk space, a broken transfer, or a file that is not what the hub states.
    """
    from huggingface_hub import snapshot_download
    from huggingface_hub.utils.tqdm import disable_progress_bars

    folder.mkdir(parents=True, exist_ok=True)
    have = _folder_bytes(folder)
    free = shutil.disk_usage(folder).free
    if free < (found.total_bytes - have) * _SPACE_MARGIN:
        raise ModelError(
            f"No disk space: {found.hub_id} needs {(found.total_bytes - have) / 1e9:.1f} GB more, and "
            f"{free / 1e9:.1f} GB are free in {folder.parent}.",
            "Free some space, or set NLU_RL_HOME to a folder on a larger disk.",
        )
    disable_progress_bars()

    def fetch() -> None:
        snapshot_download(
            found.hub_id,
            revision=found.revision,
            local_dir=folder,
            allow_patterns=list(found.files),
            endpoint=_endpoint(),
            token=_token(),
        )

    def tell() -> None:
        if progress:
            progress(min(_folder_bytes(folder), found.total_bytes), found.total_bytes)

    try:
        _explained(found.hub_id, lambda: _in_thread(fetch, on_wait=tell))
    except HubUnreachableError as error:
        raise ModelError(
            f"The transfer of {found.hub_id} broke off: {error}.", "Try again; it goes on where it stopped."
        ) from None
    shutil.rmtree(folder / ".cache", ignore_errors=True)
    for name, (_, sha256) in found.files.items():
        if sha256 and file_sha256(folder / name) != sha256:
            (folder / name).unlink()
            raise ModelError(
                f"{name} of {found.hub_id} arrived damaged (its SHA-256 is not the hub's). It was removed.",
                "Try again; the rest is kept.",
            )


def is_wanted(name: str) -> bool:
    """Whether a file of a repository belongs to the model, by its name."""
    return any(fnmatch.fnmatch(name, p) for p in _WANTED) and not any(fnmatch.fnmatch(name, p) for p in _UNWANTED)


def _explained(hub_id: str, call: Callable[[], Any]) -> Any:
    """Return `call()`, with the hub's refusals as errors for a person."""
    from huggingface_hub.errors import GatedRepoError, RepositoryNotFoundError

    try:
        return call()
    except GatedRepoError:
        raise ModelError(
            f"The model {hub_id} is gated: its licence must be accepted first.",
            f"Accept it at https://huggingface.co/{hub_id}, make a token at https://huggingface.co/settings/tokens, "
            "and set HF_TOKEN to it (or run 'hf auth login').",
        ) from None
    except RepositoryNotFoundError:
        raise ModelError(
            f"The hub has no model {hub_id}, or you may not see it.",
            "Correct the name; for a private model set HF_TOKEN.",
        ) from None
    except (HubUnreachableError, ModelError):
        raise
    except OSError as error:
        if error.errno in (28, 122):
            raise ModelError("No disk space is left.", "Free some, or set NLU_RL_HOME to a larger disk.") from None
        raise HubUnreachableError(str(error)) from error
    except Exception as error:
        first_line = (str(error) or type(error).__name__).splitlines()[0]
        raise HubUnreachableError(first_line) from error


def _in_thread(
    call: Callable[[], Any], *, timeout_seconds: float | None = None, on_wait: Callable[[], None] | None = None
) -> Any:
    """Return `call()`, run in a thread that neither a slow name server nor a stop has to wait for."""
    result: list[Any] = []
    errors: list[Exception] = []

    def work() -> None:
        try:
            result.append(call())
        except Exception as error:  # noqa: BLE001 - raised again by who waits
            errors.append(error)

    thread = threading.Thread(target=work, name="hub", daemon=True)
    thread.start()
    if on_wait is None:
        thread.join(timeout_seconds)
    while on_wait is not None and thread.is_alive():
        thread.join(_POLL_SECONDS)
        on_wait()
    if errors:
        raise errors[0]
    if not result:
        raise HubUnreachableError(f"no answer within {timeout_seconds:.0f} s")
    return result[0]


def _folder_bytes(folder: Path) -> int:
    total = 0
    for path in folder.rglob("*"):
        try:
            total += path.stat().st_blocks * 512 if path.is_file() else 0
        except OSError:  # renamed meanwhile
            continue
    return total


def _endpoint() -> str | None:
    """Return the hub to ask: HF_ENDPOINT, or None for the usual one."""
    return os.environ.get("HF_ENDPOINT") or None


def _token() -> str | None:
    """Return the user's token: the environment's, else of `hf auth login`, which a HF_HOME of our own would hide."""
    from huggingface_hub import get_token

    token: str | None = get_token()
    usual = Path.home() / ".cache" / "huggingface" / "token"
    if token is None and usual.is_file():
        token = usual.read_text(encoding="utf-8").strip() or None
    return token
