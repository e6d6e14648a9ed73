"""`nlu-rl tasks new`: from a table of one's own to a task file, with what a model will be asked to see at once."""

from pathlib import Path
from typing import Annotated

import typer

from nlu_rl.cli.console import emit_json, note

MAX_REFUSALS_SHOWN = 10
MAX_LABELS_SHOWN = 10
KINDS = ("answers", "number", "span")


def new_task(
    data: Annotated[Path, typer.Argument(help="Your rows: .csv, .tsv, .jsonl or .parquet.")],
    to: Annotated[Path | None, typer.Option(help="Where to write the task (default: beside the data).")] = None,
    text: Annotated[str | None, typer.Option(help="The text columns, such as title,body (default: guessed).")] = None,
    label: Annotated[str | None, typer.Option(help="The column with the answer (default: guessed).")] = None,
    kind: Annotated[str | None, typer.Option(help="What an answer is: answers, number or span.")] = None,
    name: Annotated[str | None, typer.Option(help="What to call the task (default: as the file).")] = None,
    validation: Annotated[Path | None, typer.Option(help="A file to validate on (default: a tenth of DATA).")] = None,
    test: Annotated[Path | None, typer.Option(help="A file to evaluate on.")] = None,
    force: Annotated[bool, typer.Option("--force", help="Replace the task file if there is one.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print JSON on standard output.")] = False,
) -> None:
    """Write a task file for a table of your own: guesses the columns, shows the labels and a prompt."""
    from nlu_rl.cli.tasks import print_histogram, print_preview
    from nlu_rl.errors import DataError, RecipeError, unknown_name
    from nlu_rl.tasks.new_task import beside, write_task
    from nlu_rl.tasks.new_task import new_task as draft
    from nlu_rl.tasks.training_commands import next_commands

    if kind is not None and kind not in KINDS:
        raise RecipeError(unknown_name("kind", kind, KINDS), "Leave --kind out to have it guessed.")
    target = to or beside(data, name)
    if target.exists() and not force:
        raise DataError(f"{target} is there already.", "Give another --to, or --force to replace it.")
    columns = [column.strip() for column in text.split(",")] if text else []
    made = draft(
        data,
        to=target,
        text=columns,
        label=label,
        kind=kind,  # type: ignore[arg-type]
        name=name,
        validation=validation,
        test=test,
    )
    first = made.task.load("train")[0]
    messages = made.task.prompt(first)
    write_task(made)
    for refusal in made.refused[:MAX_REFUSALS_SHOWN]:
        note(f"refused {refusal}")
    if len(made.refused) > MAX_REFUSALS_SHOWN:
        note(f"and {len(made.refused) - MAX_REFUSALS_SHOWN} more refused")
    if made.header_is_a_row:
        note(
            f"The first line is taken as the names of the columns, and looks like a row ('{made.file.label}' is an "
            "answer): if it is one, put a line with names before it, or it is lost"
        )
    if made.left_out:
        left_out = ", ".join(name or "a column without a name" for name in made.left_out)
        note(f"Left out: {left_out}. --text names the text columns")
    for split, count in made.overlap.items():
        if count:
            note(f"{count:,} {split} rows have a text that is also in train")
    for split, names in made.unseen.items():
        shown = ", ".join(names[:MAX_LABELS_SHOWN]) + (", …" if len(names) > MAX_LABELS_SHOWN else "")
        note(f"No {split} row is labelled {shown}: scores say nothing of such rows")
    if len(made.file.answer_names()) > sum(made.labels.values()) / 2:
        note(f"Most rows have an answer of their own: if '{made.file.label}' is not the label, name it with --label")
    if made.duplicates:
        note(f"{made.duplicates:,} rows of train repeat the text of another")
    if json:
        emit_json(
            {
                "path": str(target),
                "name": made.file.name,
                "kind": made.file.kind,
                "text": made.file.text,
                "label": made.file.label,
                "answers": list(made.file.answer_names()) or None,
                "metric": made.task.metric,
                "splits": made.rows,
                "refused": len(made.refused),
                "duplicates": made.duplicates,
                "overlap": made.overlap,
                "left_out": made.left_out,
                "unseen": made.unseen,
                "header_is_a_row": made.header_is_a_row,
                "labels": made.labels,
                "messages": messages,
                "next": next_commands(made.file, str(target)),
            }
        )
        return
    rows = ", ".join(f"{split} {count:,}" for split, count in made.rows.items())
    print_histogram(f"{made.file.name}: {rows}", made.labels)
    print_preview({"id": first.id, "gold": first.gold, "messages": messages})
    commands = next_commands(made.file, str(target))
    note(f"Written to {target}. Next: {', then '.join(commands)}")
