"""`nlu-rl tasks new`: from a table of one's own to a task file, with what a model will be asked to see at once."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nlu_rl.cli.console import emit_json, note
from nlu_rl.cli.task_training import next_commands

if TYPE_CHECKING:
    from nlu_rl.tasks.guess import Guess
    from nlu_rl.tasks.task_file import TaskFile

MAX_REFUSALS_SHOWN = 10
KINDS = ("answers", "number", "span")
HEADER = """\
# A task of your own. Change what was guessed wrongly; 'nlu-rl tasks preview {file}' shows what a model is asked.
# Train on it:
{commands}
"""


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
    from nlu_rl.data.checks import overlaps
    from nlu_rl.data.files import read_table
    from nlu_rl.errors import DataError, RecipeError, unknown_name
    from nlu_rl.tasks.guess import guess_task
    from nlu_rl.tasks.own import make_task

    if kind is not None and kind not in KINDS:
        raise RecipeError(unknown_name("kind", kind, KINDS), "Leave --kind out to have it guessed.")
    target = to or data.with_name(f"{_slug(name or data.stem)}.yaml")
    if target.exists() and not force:
        raise DataError(f"{target} is there already.", "Give another --to, or --force to replace it.")
    rows, _ = read_table(data)
    columns = [column.strip() for column in text.split(",")] if text else []
    guess = guess_task(rows, text=columns, label=label, kind=kind)  # type: ignore[arg-type]
    file = _task_file(guess, _slug(name or target.stem), target.parent, data, validation, test)
    task = make_task(file, target.parent)
    part = task.data.read("train")
    by_split = {split: task.data.read(split).rows for split in task.data.splits()}
    counts, shared = {split: len(found) for split, found in by_split.items()}, overlaps(by_split)
    messages = task.prompt(task.load("train")[0])
    _write(target, file)
    for refusal in part.refused[:MAX_REFUSALS_SHOWN]:
        note(f"refused {refusal}")
    if len(part.refused) > MAX_REFUSALS_SHOWN:
        note(f"and {len(part.refused) - MAX_REFUSALS_SHOWN} more refused")
    for split, count in shared.items():
        if count:
            note(f"{count:,} {split} rows have a text that is also in train")
    if part.duplicates:
        note(f"{part.duplicates:,} rows of train repeat the text of another")
    if json:
        emit_json(
            {
                "path": str(target),
                "name": file.name,
                "kind": file.kind,
                "text": file.text,
                "label": file.label,
                "answers": list(file.answer_names()) or None,
                "metric": task.metric,
                "splits": counts,
                "refused": len(part.refused),
                "duplicates": part.duplicates,
                "overlap": shared,
                "labels": part.labels,
                "messages": messages,
                "next": next_commands(file, str(target)),
            }
        )
        return
    print_histogram(f"{file.name}: {', '.join(f'{split} {count:,}' for split, count in counts.items())}", part.labels)
    first = task.load("train")[0]
    print_preview({"id": first.id, "gold": first.gold, "messages": messages})
    commands = next_commands(file, str(target))
    note(f"Written to {target}. Next: {', then '.join(commands)}")


def _task_file(
    guess: "Guess", name: str, folder: Path, data: Path, validation: Path | None, test: Path | None
) -> "TaskFile":
    from nlu_rl.tasks.task_file import TaskFile

    given: dict[str, Any] = {
        "name": name,
        "train": _relative(data, folder),
        "validation": _relative(validation, folder),
        "test": _relative(test, folder),
        "text": guess.text,
        "label": guess.label,
        "kind": guess.kind,
        "metric": guess.metric,
        "passage": guess.passage,
    }
    if guess.kind == "answers":
        given["answers"] = guess.answers
    if guess.kind == "number":
        given |= {"low": guess.low, "high": guess.high}
    draft = TaskFile.model_validate(given)
    return draft.model_copy(update={"instructions": draft.question()})


def _relative(path: Path | None, folder: Path) -> str | None:
    """Return a path as the task file names it: from its own folder where it lies in it."""
    if path is None:
        return None
    whole, base = path.expanduser().resolve(), folder.expanduser().resolve()
    return str(whole.relative_to(base)) if whole.is_relative_to(base) else str(whole)


def _slug(text: str) -> str:
    import re
    import unicodedata

    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return re.sub(r"[^A-Za-z0-9._-]+", "-", plain).strip("-._")[:60] or "my-task"


def _write(target: Path, file: "TaskFile") -> None:
    import yaml

    from nlu_rl.errors import DataError

    given = file.model_dump(exclude_none=True, exclude_defaults=True) | {"kind": file.kind}
    stated = {key: given[key] for key in type(file).model_fields if key in given}
    commands = "\n".join(f"#   {command}" for command in next_commands(file, target.name))
    header = HEADER.format(file=target.name, commands=commands)
    text = yaml.safe_dump(stated, sort_keys=False, allow_unicode=True, width=110)
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(header + text, encoding="utf-8")
    except OSError as error:
        raise DataError(f"Cannot write {target}: {error.strerror}.", "Give another --to.") from None
