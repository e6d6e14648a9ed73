"""`nlu-rl encoder`: fine-tune an encoder on a task and score it on the rows that language models are scored on."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from nlu_rl.cli.completion import encoder_names, task_names

if TYPE_CHECKING:
    from nlu_rl.runs.layout import RunDirectory

app = typer.Typer()
RATES = ["2e-5,3e-5,5e-5"]


@app.command("encoder")
def encoder(
    model: Annotated[
        str,
        typer.Argument(
            metavar="MODEL",
            help="minilm-l6, bert-base, bert-large, a folder, or a hub id.",
            autocompletion=encoder_names,
            show_default=False,
        ),
    ],
    task: Annotated[str, typer.Option(help="Task with a list of answers or a number.", autocompletion=task_names)],
    epochs: Annotated[int, typer.Option(min=1, help="Passes over the training rows.")] = 3,
    learning_rates: Annotated[
        list[str], typer.Option("--learning-rate", metavar="LR[,LR...]", help="One, or a grid to choose the best from.")
    ] = RATES,
    batch: Annotated[int, typer.Option(min=1, help="Rows a step.")] = 32,
    max_tokens: Annotated[int, typer.Option(min=8, help="Longer rows are cut, the longer text first.")] = 256,
    train_rows: Annotated[int | None, typer.Option(min=2, help="Only so many training rows.")] = None,
    max_steps: Annotated[int | None, typer.Option(min=1, help="At most so many steps a learning rate.")] = None,
    intermediate: Annotated[
        str | None, typer.Option(metavar="TASK", help="First train on this task (STILTs).", autocompletion=task_names)
    ] = None,
    split: Annotated[str | None, typer.Option(help="Split to score; default: the one scores are quoted on.")] = None,
    examples: Annotated[int | None, typer.Option(min=1, help="Score only so many rows.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Fixes the new head and the order of rows.")] = 1,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Fine-tune an encoder (BERT and its like) as a baseline, and score it: the best learning rate and epoch are kept.

    They are chosen on rows that are not scored. A command that was interrupted goes on where it was when given again;
    'nlu-rl compare RUN OTHER' compares with any other run or model.
    """
    from nlu_rl.cli.console import emit_json, note
    from nlu_rl.encoder.request import encoder_arguments, training_rows
    from nlu_rl.evaluation.request import evaluation_arguments
    from nlu_rl.evaluation.rows import load_rows
    from nlu_rl.tasks.registry import get_task

    arguments = encoder_arguments(
        model,
        task,
        seed=seed,
        epochs=epochs,
        learning_rates=parse_rates(",".join(learning_rates)),
        batch=batch,
        max_tokens=max_tokens,
        train_rows=train_rows,
        max_steps=max_steps,
        intermediate=intermediate,
    )
    chosen = get_task(arguments["task"])
    options: dict[str, Any] = {"split": split, "data": None, "examples": examples, "seed": seed, "greedy": False}
    subject: dict[str, Any] = {"run": None, "model": None, "checkpoint": None}
    scored = evaluation_arguments(subject, arguments["task"], chosen, **options)  # what cannot be scored is told now
    fetch_rows(task, intermediate)
    load_rows(chosen, scored)
    for name in filter(None, (arguments["task"], arguments["intermediate"])):
        training_rows(get_task(name), train_rows)
    run, trained = train_encoder(arguments, json=json)
    note(f"Scoring {run.name}.")
    result = score_encoder(run, arguments["task"], options, json=json)
    if json:
        emit_json({"run": run.name, "trained": trained, **result})
        return
    from nlu_rl.cli.evaluation_view import show_evaluation

    show_evaluation(result)
    print(
        f"{run.name}: learning rate {trained['learning_rate']:g}, chosen on {trained['chosen_on']} "
        f"({trained['metric']} {trained['scores']['validation']:.3f})"
    )
    print(f"Next: nlu-rl compare {run.name} OTHER")


def train_encoder(arguments: dict[str, Any], *, json: bool) -> "tuple[RunDirectory, dict[str, Any]]":
    """Return a run with these arguments and its result: an interrupted one goes on, else a new one is made."""
    from nlu_rl.cli.console import note
    from nlu_rl.cli.live import run_job
    from nlu_rl.encoder.request import create_encoder_run, encoder_run
    from nlu_rl.evaluation.finished import INTERRUPTED

    run = encoder_run(arguments, set(INTERRUPTED))
    if run is not None:
        note(f"Going on with the interrupted {run.name}.")
    run = run or create_encoder_run(arguments)
    return run, run_job(run, json=json)


def score_encoder(run: "RunDirectory", task: str, options: dict[str, Any], *, json: bool) -> dict[str, Any]:
    """Evaluate a trained encoder on the rows that `options` name."""
    from nlu_rl.cli.live import run_job
    from nlu_rl.evaluation.finished import create_evaluation
    from nlu_rl.evaluation.request import evaluation_arguments, resolve_subject
    from nlu_rl.tasks.registry import get_task

    chosen = get_task(task)
    arguments = evaluation_arguments(resolve_subject(run.name), task, chosen, **options)
    return run_job(create_evaluation(chosen, arguments), json=json)


def parse_rates(text: str) -> list[float]:
    """Return the learning rates in `2e-5,3e-5`. Raises RecipeError for anything else."""
    from nlu_rl.errors import RecipeError

    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise RecipeError(f"'{text}' is not a list of learning rates.", "Give them as 2e-5,3e-5,5e-5.") from None


def fetch_rows(*tasks: str | None) -> None:
    """Bring the rows of these tasks that are not here. Raises DataError when they cannot be had."""
    from nlu_rl.cli.console import progress_bar
    from nlu_rl.data.cache import read_meta
    from nlu_rl.data.fetch import fetch_dataset
    from nlu_rl.tasks.registry import get_task

    for name in filter(None, tasks):
        for dataset in get_task(name).datasets():
            if read_meta(dataset) is None:
                with progress_bar(f"Fetching the data of {name}") as progress:
                    fetch_dataset(dataset, progress)
