"""`nlu-rl runs`: the runs there are, what is known of one, its log, and removing one so that it can be undone."""

import sys
import time
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nlu_rl.cli import completion
from nlu_rl.cli.arguments import Json, RunName

if TYPE_CHECKING:
    from nlu_rl.runs.layout import RunDirectory

app = typer.Typer(no_args_is_help=True, help="List, show, follow, remove and restore runs.")


@app.command("list")
def list_all(json: Annotated[bool, typer.Option("--json", help="Print one JSON object a line.")] = False) -> None:
    """Show every run, the newest last."""
    from nlu_rl.cli.console import emit_json, note, stdout
    from nlu_rl.runs.layout import damaged_runs, list_runs

    damaged = [_damaged(run) for run in damaged_runs()]
    found = [*damaged, *(described for run in list_runs() if (described := _brief(run)) is not None)]
    if json:
        for described in found:
            emit_json(described)
        return
    if not found:
        note("There is no run yet. Start one with 'nlu-rl demo' or 'nlu-rl run RECIPE'.")
        return
    from rich.table import Table
    from rich.text import Text

    from nlu_rl.cli.format import duration, number

    table = Table(box=None, pad_edge=False)
    for title in ("run", "kind", "state", "step", "best", "age"):
        table.add_column(title, overflow="fold")
    for described in found:
        steps = f"{described['step']}/{described['total']}" if described["total"] else "-"
        age = duration(time.time() - described["created"])
        what = described["method"] or described["kind"] or "-"
        table.add_row(Text(described["run"]), Text(what), described["state"], steps, number(described["best"]), age)
    stdout().print(table)
    if damaged:
        note(f"'nlu-rl runs show {damaged[0]['run']}' says what is wrong with a damaged one.")


@app.command()
def show(run: RunName, json: Json = False) -> None:
    """Show where a run is, its scores, checkpoints, evaluations and files."""
    from nlu_rl.cli.console import emit_json, stdout
    from nlu_rl.runs.layout import open_run

    described = _full(open_run(run))
    if json:
        emit_json(described)
        return
    if error := described["error"]:
        described["error"] = f"{error['message']} {error['fix']}".strip()
    described["created"] = time.strftime("%Y-%m-%d %H:%M:%S", time.localtime(described["created"]))
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, show_header=False, pad_edge=False)
    for key, value in described.items():
        if value not in (None, [], {}):
            table.add_row(Text(key.replace("_", " "), style="bold"), Text(_shown(value)))
    stdout().print(table)


@app.command()
def logs(
    run: RunName,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the run ends.")] = False,
    lines: Annotated[int | None, typer.Option("--lines", "-n", min=0, help="Only the last so many lines.")] = None,
    json: Json = False,
) -> None:
    """Print the log of a run's worker; with --json one object {"line"} a line."""
    from nlu_rl.cli.console import emit_json, print_text
    from nlu_rl.runs.layout import open_run
    from nlu_rl.runs.logs import tail
    from nlu_rl.runs.status import read_status

    directory = open_run(run)
    for text in tail(directory.log_path, lines, follow=lambda: follow and read_status(directory).live):
        for line in text.splitlines() if json else ():
            emit_json({"line": line})
        if not json:
            print_text(text, end="")
        sys.stdout.flush()


@app.command()
def rm(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...", help="Names of runs.", autocompletion=completion.run_names, show_default=False
        ),
    ],
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    json: Json = False,
) -> None:
    """Remove runs that are not running, or are damaged. 'nlu-rl runs restore' brings them back."""
    from nlu_rl.cli.console import emit_json, note
    from nlu_rl.errors import RunError
    from nlu_rl.runs.trash import removable, remove

    directories = [removable(name) for name in runs]
    for directory in directories:
        if not yes:
            if not sys.stdin.isatty():
                raise RunError(f"Removing {directory.name} wants a yes.", "Give --yes.")
            if typer.prompt(f"Type {directory.name} to remove it", err=True).strip() != directory.name:
                raise RunError(f"{directory.name} was not removed: the name typed is another.", "Try again.")
        remove(directory)
        note(f"Removed {directory.name}; 'nlu-rl runs restore {directory.name}' brings it back.")
        if json:
            emit_json({"run": directory.name, "removed": True})


@app.command()
def restore(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...",
            help="Names of removed runs.",
            autocompletion=completion.trashed_runs,
            show_default=False,
        ),
    ],
    json: Json = False,
) -> None:
    """Bring back removed runs."""
    from nlu_rl.cli.console import emit_json, note
    from nlu_rl.runs.trash import restore as bring_back

    for run in runs:
        name = bring_back(run).name
        note(f"{name} is back.")
        if json:
            emit_json({"run": name, "removed": False})


def _brief(run: "RunDirectory") -> dict[str, Any] | None:
    """Return one line about a run; None for a directory that is not a whole run of ours."""
    from nlu_rl.errors import RunError
    from nlu_rl.runs.checkpoints import best_record
    from nlu_rl.runs.jobs import read_job
    from nlu_rl.runs.overview import read_recipe
    from nlu_rl.runs.status import read_status

    try:
        job = read_job(run)
    except RunError:
        return None
    status, recipe = read_status(run), read_recipe(run)
    return {
        "run": run.name,
        "kind": job.kind,
        "method": recipe.get("method"),
        "model": recipe.get("model") or job.arguments.get("model"),
        "tasks": recipe.get("tasks") or [task for task in [job.arguments.get("task")] if task],
        "state": status.state,
        "step": status.step,
        "total": status.total,
        "best": best_record(run).get("score"),
        "created": run.job_path.stat().st_mtime,
    }


def _damaged(run: "RunDirectory") -> dict[str, Any]:
    """Return the line of a folder among the runs that is no whole run."""
    unknown = dict.fromkeys(("kind", "method", "model", "best"))
    created = run.path.stat().st_mtime
    return {"run": run.name, **unknown, "tasks": [], "state": "damaged", "step": 0, "total": 0, "created": created}


def _full(run: "RunDirectory") -> dict[str, Any]:
    from dataclasses import asdict

    from nlu_rl.cli.recipes import run_summary
    from nlu_rl.runs.checkpoints import best_record, complete_checkpoints
    from nlu_rl.runs.layout import list_runs
    from nlu_rl.runs.status import read_status

    status = read_status(run)
    return {
        **(_brief(run) or {}),
        "scores": run_summary(run)["scores"],
        "best_step": best_record(run).get("step"),
        "checkpoints": [step for step, _ in complete_checkpoints(run)],
        "evaluations": [evaluation.path.name for evaluation in list_runs(run.eval_dir)],
        "phase": status.phase,
        "worker": status.pid if status.live else None,
        "error": asdict(status.error) if status.error else None,
        "path": str(run.path),
        "log": str(run.log_path),
    }


def _shown(value: Any) -> str:
    from nlu_rl.cli.format import number

    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(item)}" for name, item in value.items() if item not in (None, ""))
    if isinstance(value, list):
        return ", ".join(_shown(item) for item in value)
    return number(value) if isinstance(value, float) and value < 1e6 else str(value)
