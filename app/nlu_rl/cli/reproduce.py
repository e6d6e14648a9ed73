"""`nlu-rl reproduce`: the paper's tables for one's own model, planned, counted, run and written."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nlu_rl.cli.completion import encoder_names, model_names, task_names

if TYPE_CHECKING:
    from nlu_rl.reproduce.matrix import Cell
    from nlu_rl.reproduce.progress import Reproduction

app = typer.Typer()


@app.command("reproduce")
def reproduce(
    table: Annotated[
        str,
        typer.Argument(
            metavar="TABLE",
            help="glue, superglue, transfer, algorithms, squad, perplexity or instruction.",
            show_default=False,
        ),
    ],
    model: Annotated[str, typer.Option(help="Language model: name, folder or hub id.", autocompletion=model_names)],
    tasks: Annotated[
        str,
        typer.Option(
            metavar="T[,T...]", help="Columns, also of other tables; default: all.", autocompletion=task_names
        ),
    ] = "",
    methods: Annotated[
        str, typer.Option(metavar="M[,M...]", help="Rows: zero-shot, few-shot, sft-st, ppo-st, grpo-st, sft-mt, ...")
    ] = "",
    budget: Annotated[
        str | None,
        typer.Option(
            metavar="20min|60steps", help="Most of each training run; both: 20min,60steps.", show_default=False
        ),
    ] = None,
    examples: Annotated[int | None, typer.Option(min=1, help="Score only so many rows of each task.")] = None,
    shots: Annotated[str, typer.Option(metavar="K|best", help="Demonstrations of few-shot.")] = "best",
    seeds: Annotated[str, typer.Option(metavar="S[,S...]", help="Several give mean and spread.")] = "1",
    encoder: Annotated[
        str, typer.Option(help="minilm-l6, bert-base, bert-large, folder or hub id.", autocompletion=encoder_names)
    ] = "minilm-l6",
    also: Annotated[
        list[str] | None, typer.Option(help="A further run, model or openai:MODEL, as a row of its own.")
    ] = None,
    endpoint: Annotated[str | None, typer.Option(metavar="URL", help="Where openai:MODEL is.")] = None,
    overrides: Annotated[
        list[str] | None, typer.Option("--set", metavar="KEY=VALUE", help="Change every recipe, such as train.batch=8.")
    ] = None,
    to: Annotated[Path | None, typer.Option(help="Folder for the files; default: reports/TABLE-MODEL.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only show the plan, and what it will cost.")] = False,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Make one of the paper's tables for a model: run what is missing, one thing at a time, and write it.

    The table stands beside the paper's own figures in report.md, report.csv and report.html. Given again after an
    interruption, the command goes on where it was; given again with more seeds or tasks, it runs what is new.
    """
    from nlu_rl.cli.console import emit_json, note
    from nlu_rl.cli.reproduce_run import alone, print_plan, run_all, steps_of, write_table
    from nlu_rl.reproduce.budget import parse_budget
    from nlu_rl.reproduce.matrix import choose_methods, choose_tasks
    from nlu_rl.reproduce.progress import Reproduction

    columns = choose_tasks(table, _names(tasks, "--tasks sst2,cola"))
    rows = choose_methods(table, _names(methods, "--methods zero-shot,sft-st"))
    what = Reproduction(
        _known_model(model),
        _known_encoder(encoder, rows),
        parse_budget(budget),
        overrides or [],
        examples,
        endpoint={"url": endpoint},
    )
    if not dry_run:
        with alone():  # refused before anything is said of what is left to do
            pass
    note("Reading the rows and what is done ...")
    columns, left_out = _with_rows(columns, given=bool(tasks))
    cells, untrained = _cells(what, rows, columns, _seeds(seeds), _shots(shots), also or [])
    left_out |= untrained
    labels = [*rows, *(also or [])]
    if dry_run:
        print_plan(what, cells, left_out, json=json)
        return
    from nlu_rl import paths
    from nlu_rl.reproduce.progress import home_of

    folder = (to.expanduser() if to else home_of(table, model, paths.home() / "reports")).absolute()
    print_plan(what, cells, left_out, json=None)
    failures = run_all(
        what, cells, lambda: write_table(what, table, labels, columns, cells, folder, left_out), json=json
    )
    written, found = write_table(what, table, labels, columns, cells, folder, left_out)
    summary: dict[str, Any] = {"cells": len(cells), "done": len(found), "failures": failures, **written}
    if json:
        emit_json(summary)
    else:
        print(Path(written["md"]).read_text(encoding="utf-8"))
        for path in written.values():
            print(path)
    if failures:
        from nlu_rl.errors import RunError

        raise RunError(
            f"{len(failures)} of {len(steps_of(cells))} steps failed: {'; '.join(failures)}",
            "Put it right, and give the command again: what is done is kept.",
        )


def _names(text: str, like: str) -> list[str]:
    """Return the names in a list, none for no text at all. Raises RecipeError for a text without a name."""
    from nlu_rl.errors import RecipeError

    found = [name.strip() for name in text.split(",") if name.strip()]
    if text and not found:
        raise RecipeError(f"'{text}' names nothing.", f"Give names, such as {like}, or leave the option out for all.")
    return found


def _seeds(text: str) -> list[int]:
    from nlu_rl.errors import RecipeError

    try:
        found = [int(part) for part in text.split(",") if part.strip()]
    except ValueError:
        found = []
    if not found or min(found) < 0:
        raise RecipeError(f"'{text}' is not a list of seeds.", "Give whole numbers, such as --seeds 1,2,3.")
    return list(dict.fromkeys(found))


def _shots(text: str) -> str:
    from nlu_rl.errors import RecipeError
    from nlu_rl.evaluation.rows import MOST_SHOTS

    if text != "best" and not (text.isdecimal() and 0 < int(text) <= MOST_SHOTS):
        raise RecipeError(
            f"'{text}' is not a number of demonstrations from 1 to {MOST_SHOTS}.",
            f"Give --shots 1 to {MOST_SHOTS}, or --shots best.",
        )
    return text


def _known_model(name: str) -> str:
    """Return the model, checked. Raises ModelError for an unknown one, or a run."""
    from nlu_rl.models.catalogue import resolve_reference
    from nlu_rl.models.verify import require_whole

    target = resolve_reference(name)
    if target.kind == "folder":
        require_whole(target.folder, name=name, fix="Complete the folder, or name a model of 'nlu-rl models list'.")
    return name


def _known_encoder(name: str, rows: list[str]) -> str:
    from nlu_rl.models.encoders import resolve_encoder

    if "encoder" in rows:
        resolve_encoder(name)
    return name


def _with_rows(columns: list[str], *, given: bool) -> tuple[list[str], dict[str, str]]:
    """Return the tasks whose rows are here, and why the others are left out.

    Raises:
        RecipeError: an unknown task. DataError: a task that was named has no rows here, or none has.
    """
    from nlu_rl.errors import DataError
    from nlu_rl.reproduce.matrix import PERPLEXITY
    from nlu_rl.reproduce.progress import missing_rows
    from nlu_rl.tasks.registry import get_task

    for name in columns:
        if name != PERPLEXITY:
            get_task(name)
    missing = {name: why for name in columns if (why := missing_rows(name)) is not None}
    if missing and (given or len(missing) == len(columns)):
        raise DataError(
            f"There are no rows to score {', '.join(missing)} on.", " ".join(dict.fromkeys(missing.values()))
        )
    return [name for name in columns if name not in missing], missing


def _cells(
    what: "Reproduction", rows: list[str], columns: list[str], seeds: list[int], shots: str, also: list[str]
) -> "tuple[list[Cell], dict[str, str]]":
    """Return every evaluation, and what is left out of the table for want of training rows, with the reason."""
    from nlu_rl.encoder.texts import form_of
    from nlu_rl.errors import RecipeError
    from nlu_rl.evaluation.request import resolve_subject
    from nlu_rl.reproduce.matrix import PERPLEXITY, plan_cells, source_of
    from nlu_rl.reproduce.progress import has_training_rows
    from nlu_rl.tasks.registry import get_task

    for subject in also:
        resolve_subject(subject, **what.endpoint)
    encodable = []
    for name in columns:
        try:
            if name != PERPLEXITY and form_of(get_task(name)) == form_of(get_task(source_of(name))):
                encodable.append(name)
        except RecipeError:
            continue
    sources = dict.fromkeys(map(source_of, columns))
    trainable = [name for name in sources if has_training_rows(name)]
    cells = plan_cells(rows, columns, seeds=seeds, shots=shots, trainable=trainable, encodable=encodable, also=also)
    wanted = plan_cells(rows, columns, trainable=list(sources), encodable=encodable)
    untrained = {}
    for source in [name for name in sources if name not in trainable]:
        without = [cell for cell in wanted if source_of(cell.task) == source and cell.row != "zero-shot"]
        if without:
            methods, scored = ({getattr(cell, key): None for cell in without} for key in ("row", "task"))
            what_is = f"{', '.join(methods)} on {', '.join(scored)}"
            untrained[what_is] = f"There are no rows of {source} to train on. {get_task(source).schema.bring}".strip()
    if not cells:
        raise RecipeError(
            "There is nothing to run: these methods train, and there are no rows to train on.",
            f"Import the training split of {', '.join(sources)}, or give other --methods.",
        )
    for training in {cell.training for cell in cells if cell.training is not None}:
        if training.method != "encoder":
            what.recipe(training)  # an override that does not fit is told before anything runs
    return cells, untrained
