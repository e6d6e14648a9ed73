"""`nlu-rl demo`: from nothing to a trained, measured and exported model, with every step a job like any other.

The rows, the temperature and the seed of the measurement are the same before and after, and no step sees them.
"""

import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

if TYPE_CHECKING:
    from nlu_rl.errors import NluRlError
    from nlu_rl.runs.layout import RunDirectory

app = typer.Typer()

RECIPE, SEED = "demo", 1


@dataclass(frozen=True, slots=True)
class Outcome:
    """What the demo found out."""

    before: dict[str, Any]
    after: dict[str, Any]
    run: "RunDirectory"
    export: dict[str, Any]
    seconds: float
    failure: "NluRlError | None" = None
    """Why there is no export; what was measured stands."""


@app.command()
def demo(
    steps: Annotated[
        int | None, typer.Option("--steps", min=1, help="Training steps, instead of the recipe's.")
    ] = None,
    examples: Annotated[int, typer.Option("--examples", min=1, help="Held-out rows to measure on.")] = 400,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Train SmolLM2-135M by PPO to judge movie reviews: fetch, measure, train, measure again, export.

    Takes minutes on two CPU cores. Ctrl-C stops with a checkpoint.
    """
    outcome = run_demo(steps=steps, examples=examples, json=json)
    if json:
        from nlu_rl.cli.console import emit_json

        emit_json(
            {
                "before": _figures(outcome.before),
                "after": _figures(outcome.after),
                "run": outcome.run.name,
                "export": outcome.export.get("path"),
                "seconds": round(outcome.seconds, 1),
            }
        )
    else:
        _print_table(outcome)
    if outcome.failure is not None:
        raise outcome.failure


def run_demo(*, steps: int | None, examples: int, json: bool) -> Outcome:
    """Do the demo and return its figures. Raises the error of the first job that fails."""
    from nlu_rl.cli import recipes
    from nlu_rl.cli.console import note
    from nlu_rl.cli.live import run_job
    from nlu_rl.errors import NluRlError
    from nlu_rl.evaluation.finished import create_evaluation
    from nlu_rl.evaluation.request import evaluation_arguments, resolve_subject
    from nlu_rl.runs.checks import check_recipe, require
    from nlu_rl.runs.jobs import Job
    from nlu_rl.runs.layout import create_run
    from nlu_rl.tasks.registry import get_task

    started = time.monotonic()
    overrides = [] if steps is None else [f"train.max_steps={steps}"]
    path, recipe = recipes.resolve(RECIPE, overrides)
    require(check_recipe(recipe))
    recipes.fetch_missing_data(recipe)
    name = recipe.tasks[0]
    task = get_task(name)

    def measure(subject: dict[str, Any]) -> dict[str, Any]:
        arguments = evaluation_arguments(
            subject, name, task, split="test", data=None, examples=examples, seed=SEED, greedy=False
        )
        return run_job(create_evaluation(task, arguments), json=json)

    note("1 of 4: measuring the model before training")
    before = measure({"run": None, "model": recipe.model, "checkpoint": None})
    note("2 of 4: training")
    run = recipes.create_training_run(path, recipe)
    run_job(run, json=json)
    note("3 of 4: measuring on the same rows after training")
    after = measure(resolve_subject(run.name))
    note("4 of 4: exporting, and comparing the export with what was trained")
    job = create_run(run.export_dir, "export", Job("export", {"run": run.name, "to": None}))
    try:
        exported, failure = run_job(job, json=json), None
    except NluRlError as error:
        exported, failure = {}, error
    return Outcome(before, after, run, exported, time.monotonic() - started, failure)


def _figures(result: dict[str, Any]) -> dict[str, Any]:
    return {"accuracy": result["scores"]["accuracy"], "parse_rate": result["parse_rate"], "n": result["n"]}


def _print_table(outcome: Outcome) -> None:
    from rich.table import Table

    from nlu_rl.cli.console import stdout
    from nlu_rl.cli.format import duration, number

    table = Table(title=f"{outcome.after['n']} held-out movie-review snippets, temperature 1, seed {SEED}")
    for column in ("", "accuracy", "95 % interval", "parse rate"):
        table.add_column(column, justify="left" if not column else "right")
    for name, result in (("before", outcome.before), ("after", outcome.after)):
        low, high = (result.get("intervals") or {}).get("accuracy") or (None, None)
        figures = _figures(result)
        interval = f"{number(low)} to {number(high)}"
        table.add_row(name, number(figures["accuracy"]), interval, number(figures["parse_rate"]))
    console = stdout()
    console.print(table)
    run, folder = outcome.run, outcome.export.get("path")
    for title, value in (("time", duration(outcome.seconds)), ("run", run.path), ("export", folder or "none")):
        console.print(f"{title:<7} {value}", markup=False, soft_wrap=True)
    console.print(f"\nNext:   nlu-rl runs show {run.name}", markup=False)
    console.print("        nlu-rl run sst2-ppo --dry-run      a paper task: what a run would do", markup=False)
    console.print("        nlu-rl tasks list                  every task; nlu-rl --help has all commands", markup=False)
