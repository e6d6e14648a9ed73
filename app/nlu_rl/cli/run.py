"""`nlu-rl run`, `resume` and `stop`: start, go on with, and end a training run."""

from dataclasses import replace
from typing import TYPE_CHECKING, Annotated

import typer

from nlu_rl.cli.arguments import Json, Overrides, RecipeName, RunName

if TYPE_CHECKING:
    from nlu_rl.runs.layout import RunDirectory

app = typer.Typer()

Processes = Annotated[
    int,
    typer.Option(min=1, help="Processes of this machine that share every batch, one for each card.", metavar="N"),
]

Detach = Annotated[bool, typer.Option("--detach", "-d", help="Return at once; the run goes on by itself.")]


@app.command()
def run(
    recipe: RecipeName,
    overrides: Overrides = None,
    name: Annotated[str | None, typer.Option("--name", help="Name of the run; default: task, model, method.")] = None,
    detach: Detach = False,
    processes: Processes = 1,
    prepare: Annotated[
        bool, typer.Option("--prepare", help="Only make the run's folder, for a launcher of your own; print it.")
    ] = False,
    dry_run: Annotated[
        bool, typer.Option("--dry-run", help="Only show the resolved recipe, the memory plan and a prompt.")
    ] = False,
    json: Json = False,
) -> None:
    """Train by a recipe; what is missing (model, data) is fetched first.

    Ctrl-C asks the run to write a checkpoint and stop, a second one stops it
    at once. Closing the terminal does not touch the run.
    """
    from nlu_rl import paths
    from nlu_rl.cli import recipes
    from nlu_rl.cli.console import note
    from nlu_rl.runs.checks import LEFT_OUT, check_recipe, require
    from nlu_rl.runs.layout import require_free_name
    from nlu_rl.runs.sharing import require_cards, require_divisible
    from nlu_rl.runs.status import PREPARED, read_status, write_status

    if name is not None:
        require_free_name(paths.runs_dir(), name)
    path, resolved = recipes.resolve(recipe, overrides or [])
    require_divisible(resolved, processes)
    require_cards(processes)
    checks = check_recipe(resolved)
    require(checks)
    if dry_run:
        from nlu_rl.cli.dry_run import show

        show(resolved, checks, json=json)
        if any(check.state == "fail" for check in checks):
            raise typer.Exit(2)
        return
    for check in checks:
        if check.name.startswith(LEFT_OUT):
            note(f"warning: {check.message}")
    recipes.fetch_missing_data(resolved)
    run = recipes.create_training_run(path, resolved, name)
    if prepare:
        write_status(run, replace(read_status(run), phase=PREPARED))
        print(run.path)
        return
    _start(run, processes=processes, detach=detach, json=json)


@app.command()
def resume(run: RunName, processes: Processes = 1, detach: Detach = False, json: Json = False) -> None:
    """Go on with a stopped, failed or lost run from its latest checkpoint, exactly as if it had not stopped."""
    from nlu_rl.cli.console import note
    from nlu_rl.errors import RunError
    from nlu_rl.recipe import load_recipe
    from nlu_rl.runs import control
    from nlu_rl.runs.checkpoints import damaged_checkpoints
    from nlu_rl.runs.jobs import read_job
    from nlu_rl.runs.layout import open_run
    from nlu_rl.runs.resume import requeue, require_recipe
    from nlu_rl.runs.sharing import require_cards, require_divisible
    from nlu_rl.runs.status import read_status
    from nlu_rl.runs.stop import wait_until_ended

    directory = open_run(run, write=True, kind="train")
    kind = read_job(directory).kind
    if kind != "train":
        raise RunError(f"{directory.name} is not a training run but '{kind}'.", "Give its command again; it goes on.")
    require_recipe(directory)
    status = read_status(directory)
    if status.live and "stop" in control.pending(directory):
        note(f"{directory.name} was asked to stop; it goes on as soon as it has.")
        wait_until_ended(directory)
    elif status.state == "paused":
        control.request(directory, "resume")
        note(f"{directory.name} is paused; it was asked to go on.")
        return
    require_divisible(load_recipe(directory.recipe_path), processes)
    require_cards(processes)
    step = requeue(directory)
    for damaged, file in damaged_checkpoints(directory):
        note(f"The checkpoint of step {damaged} is damaged ({file}) and is not used.")
    note(
        f"{directory.name} goes on from step {step}."
        if step
        else f"{directory.name} begins again: no whole checkpoint."
    )
    _start(directory, processes=processes, detach=detach, json=json)


@app.command()
def stop(
    run: RunName,
    now: Annotated[bool, typer.Option("--now", help="At once, without a checkpoint.")] = False,
    wait: Annotated[bool, typer.Option("--wait", help="Return when it has stopped.")] = False,
    json: Json = False,
) -> None:
    """Ask a run to write a checkpoint and stop after the step it is in."""
    from nlu_rl.cli.console import emit_json, note
    from nlu_rl.runs import control
    from nlu_rl.runs.layout import open_run
    from nlu_rl.runs.status import read_status
    from nlu_rl.runs.stop import stop_now, wait_until_ended

    directory = open_run(run, write=True)
    status = read_status(directory)
    if not status.live:
        note(f"{directory.name} is not running: it is {status.state}.")
    elif now:
        status = stop_now(directory)
        note(f"{directory.name} is {status.state}; {_how_to_go_on(directory, status.kind)}.")
    else:
        control.request(directory, "stop")
        note(f"{directory.name} stops with a checkpoint after its current step.")
        status = wait_until_ended(directory) if wait else status
    if json:
        emit_json({"run": directory.name, "state": status.state, "step": status.step, "stopping": status.live})


def _how_to_go_on(run: "RunDirectory", kind: str) -> str:
    from nlu_rl.runs.checkpoints import how_to_go_on

    return how_to_go_on(run) if kind == "train" else "give the same command again"


def _start(run: "RunDirectory", *, processes: int, detach: bool, json: bool) -> None:
    """Launch the worker and follow it, unless detached."""
    from nlu_rl.cli.console import emit_json, note
    from nlu_rl.cli.live import follow, raise_failure
    from nlu_rl.cli.recipes import run_summary
    from nlu_rl.runs.jobs import launch

    pid = launch(run, processes)
    if detach:
        if json:
            emit_json(run_summary(run))
        else:
            print(run.name)
        note(f"Follow it with 'nlu-rl runs logs -f {run.name}', end it with 'nlu-rl stop {run.name}'.")
        return
    ended = follow(run, pid=pid, json=json)
    raise_failure(run, ended.status)
    summary = run_summary(run)
    if json:
        emit_json(summary)
    else:
        _print_summary(run, summary["state"], summary["step"], summary["scores"])
    if ended.interrupted or summary["state"] == "stopped":
        raise typer.Exit(130)


def _print_summary(run: "RunDirectory", state: str, step: int, scores: dict[str, float]) -> None:
    from nlu_rl.cli.format import number

    shown = ", ".join(f"{name} {number(value)}" for name, value in scores.items())
    print(f"{run.name}: {state} at step {step}" + (f", {shown}" if shown else ""))
    print(f"  {run.path}")
    if state == "done":
        print(f"Next: nlu-rl eval {run.name}, nlu-rl export {run.name}")
    else:
        print(f"Next: nlu-rl resume {run.name}")
