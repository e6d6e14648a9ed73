"""`nlu-rl doctor`: is this machine fit, and what to do where it is not. Imports none of what it looks for."""

import os
import platform
import re
import shlex
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nlu_rl.runs.checks import Check

app = typer.Typer()
_NEEDED = ("torch", "transformers", "trl", "peft", "datasets", "accelerate", "safetensors")
_CACHES = ("TMPDIR", "XDG_CACHE_HOME", "TORCHINDUCTOR_CACHE_DIR", "TRITON_CACHE_DIR", "CUDA_CACHE_PATH")
_CARD_DEVICES = ("/dev/nvidiactl", "/dev/dxg")  # a driver without nvidia-smi; one under Windows
_DEMO_BYTES = 2_000_000_000  # the demo's model, checkpoints and export
_COMFORTABLE_MEMORY_BYTES = 6_000_000_000


@app.command()
def doctor(
    gpu: Annotated[
        bool, typer.Option("--gpu", help="Also show on the card itself that everything works; takes minutes.")
    ] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Look at this machine: Python, packages, memory, disk, GPU, folders, models and data, each with its fix."""
    from dataclasses import asdict

    from nlu_rl.cli.check import print_checks
    from nlu_rl.cli.console import emit_json

    checks = examine()
    if gpu:
        checks.extend(_on_the_card(json=json))
    failed = any(check.state == "fail" for check in checks)
    if json:
        emit_json({"ok": not failed, "checks": [asdict(check) for check in checks]})
    else:
        print_checks(checks)
    if failed:
        raise typer.Exit(2)


def examine() -> "list[Check]":
    """Return every check, in the order they are shown."""
    from nlu_rl.cli.doctor_hardware import check_card, check_offline_flags, check_shared_memory
    from nlu_rl.runs.checks import check_disk

    return [
        _python(),
        *_packages(),
        _bitsandbytes(),
        _memory(),
        check_disk(_DEMO_BYTES),
        *check_card(),
        *check_shared_memory(),
        *_folders(),
        _offline(),
        *check_offline_flags(),
        _precision(),
        *_models(),
        *_data(),
    ]


def _on_the_card(*, json: bool) -> "list[Check]":
    """Run the job that computes on the card."""
    import shutil

    from nlu_rl import paths
    from nlu_rl.cli.live import run_job
    from nlu_rl.runs.checks import Check
    from nlu_rl.runs.jobs import Job
    from nlu_rl.runs.layout import create_run

    if shutil.which("nvidia-smi") is None and not any(map(os.path.exists, _CARD_DEVICES)):
        message = "There is no NVIDIA card here."
        return [Check("on the card", "fail", message, "Run it where there is one; in a container, with --gpus all.")]
    run = create_run(paths.runs_dir() / ".jobs", "gpu-check", Job("gpu-check"))
    result = run_job(run, json=json)
    checks = [Check(**{**check, "name": f"on the card: {check['name']}"}) for check in result["checks"]]
    if all(check.state == "ok" for check in checks):
        shutil.rmtree(run.path, ignore_errors=True)
    return checks


def _python() -> "Check":
    from nlu_rl.runs.checks import Check

    version = platform.python_version()
    return Check("python", "ok", f"Python {version}, {os.cpu_count()} CPU cores, {platform.system()}.")


def _packages() -> "list[Check]":
    """Compare what is installed with what this release was tested with."""
    from nlu_rl.runs.checks import Check

    pins = {
        found.group(1): found.group(2)
        for line in _requirements()
        if (found := re.match(r"([\w.-]+)==([\w.]+)", line)) and "extra ==" not in line
    }
    checks = []
    for name in _NEEDED:
        version, pinned = _version(name), pins.get(name)
        if version is None:
            checks.append(Check(name, "fail", f"{name} is not installed.", "Run 'make install'."))
        elif pinned and version.partition("+")[0] != pinned:
            message = f"{name} {version} is installed; this release was tested with {pinned}."
            checks.append(Check(name, "warn", message, f"pip install {name}=={pinned}"))
        else:
            checks.append(Check(name, "ok", f"{name} {version}."))
    return checks


def _requirements() -> list[str]:
    try:
        return metadata.requires("nlu-rl") or []
    except metadata.PackageNotFoundError:
        return []


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _bitsandbytes() -> "Check":
    from nlu_rl.runs.checks import Check

    version = _version("bitsandbytes")
    if version:
        return Check("bitsandbytes", "ok", f"bitsandbytes {version}.")
    message = "bitsandbytes is not installed (quantize=nf4 needs it)."
    return Check("bitsandbytes", "warn", message, "pip install bitsandbytes")


def _memory() -> "Check":
    from nlu_rl.cli.format import size
    from nlu_rl.models.machine import memory_bytes
    from nlu_rl.runs.checks import Check

    total = memory_bytes()
    if total < _COMFORTABLE_MEMORY_BYTES:
        fix = "Close other programs, or set train.micro_batch_tokens to 512."
        return Check("memory", "warn", f"{size(total)} of memory is little for training.", fix)
    return Check("memory", "ok", f"{size(total)} of memory.")


def _folders() -> "list[Check]":
    """Can something be written in every folder this program writes to."""
    from nlu_rl import paths

    folders = {
        "models": paths.models_dir(),
        "datasets": paths.datasets_dir(),
        "hub cache": Path(os.environ.get("HF_HOME") or paths.hf_dir()),
        "runs": paths.runs_dir(),
        "exports": paths.exports_dir(),
        **{name: Path(os.environ[name]) for name in _CACHES if os.environ.get(name)},
    }
    set_by = {"hub cache": "HF_HOME"} if os.environ.get("HF_HOME") else {}
    set_by |= {name: name for name in _CACHES}
    checks = [_writable(name, folder, set_by.get(name, "NLU_RL_HOME")) for name, folder in folders.items()]
    return [*checks, *_bundled_models()]


def _bundled_models() -> "list[Check]":
    """Is the folder of the models that came with the installation there."""
    from nlu_rl import paths
    from nlu_rl.runs.checks import Check

    folder = paths.bundled_models_dir()
    if folder is None or (folder.is_dir() and os.access(folder, os.R_OK | os.X_OK)):
        return []
    message = f"NLU_RL_BUNDLED_MODELS is {folder}, which is no folder that can be read: no model is found there."
    return [Check("bundled models folder", "warn", message, "Correct NLU_RL_BUNDLED_MODELS, or unset it.")]


def _writable(name: str, folder: Path, variable: str) -> "Check":
    """Try to write there; `variable` is the one that says where it is."""
    import tempfile

    from nlu_rl.runs.checks import Check

    existing = next(path for path in (folder, *folder.parents) if os.path.exists(path))
    if not existing.is_dir():
        return Check(
            f"{name} folder", "fail", f"{existing} is a file.", f"Move it away, or set {variable} to a folder."
        )
    try:
        with tempfile.TemporaryFile(dir=existing):
            pass
        if variable == "TMPDIR" and existing != folder:  # the one that no program makes
            message = f"TMPDIR is {folder}, which does not exist: temporary files go elsewhere."
            fix = f"Run 'mkdir -p {shlex.quote(str(folder))}', or unset TMPDIR."
            return Check(f"{name} folder", "warn", message, fix)
        return Check(f"{name} folder", "ok", f"{folder} is writable.")
    except OSError as error:
        message = f"{folder} is not writable: {error.strerror}."
        return Check(f"{name} folder", "fail", message, f"Set {variable} to a folder you can write to.")


def _offline() -> "Check":
    from nlu_rl.models.hub import is_offline
    from nlu_rl.runs.checks import Check

    if is_offline():
        return Check("hub", "ok", "HF_HUB_OFFLINE is set: the hub is never asked; the package index still is.")
    return Check("hub", "ok", "The hub is asked for models and data sets that are not here.")


def _precision() -> "Check":
    from nlu_rl.errors import ModelError
    from nlu_rl.models.machine import wanted_precision
    from nlu_rl.runs.checks import Check

    try:
        return Check("precision", "ok", f"{wanted_precision('auto')}.")
    except ModelError as error:
        return Check("precision", "fail", error.message, error.fix)


def _models() -> "list[Check]":
    from nlu_rl import paths
    from nlu_rl.models.encoders import is_encoder
    from nlu_rl.models.verify import verify_folder
    from nlu_rl.runs.checks import Check

    folders = paths.model_dirs()
    if not folders:
        return [Check("models", "warn", "No model is here yet.", "'nlu-rl models fetch smollm2-135m'")]
    checks = []
    for folder in folders:
        problems = verify_folder(folder, hashes=False, encoder=is_encoder(folder))
        if problems:
            checks.append(
                Check(f"model {folder.name}", "warn", " ".join(problems), "'nlu-rl models verify' says more.")
            )
        else:
            checks.append(Check(f"model {folder.name}", "ok", f"In {folder}."))
    return checks


def _data() -> "list[Check]":
    from nlu_rl.data.cache import damaged_splits, read_meta
    from nlu_rl.data.schema import SCHEMAS
    from nlu_rl.errors import DataError
    from nlu_rl.runs.checks import Check

    checks = []
    for name in SCHEMAS:
        try:
            meta = read_meta(name)
        except DataError as error:
            checks.append(Check(f"data {name}", "warn", error.message, error.fix))
            continue
        if meta is not None and (wrong := damaged_splits(name)):
            checks.append(Check(f"data {name}", "warn", " ".join(wrong.values()), SCHEMAS[name].bring))
        elif meta is not None:
            rows = ", ".join(f"{split} {entry['rows']}" for split, entry in meta["splits"].items())
            checks.append(Check(f"data {name}", "ok", f"{rows} rows."))
    return checks or [Check("data", "warn", "No data set is here yet.", "'nlu-rl data list' shows how to get each.")]
