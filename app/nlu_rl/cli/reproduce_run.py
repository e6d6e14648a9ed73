"""The steps of `nlu-rl reproduce`: shown with their cost, done one after another, written as the table.

One process at a time works; a worker that outlived the command before is waited for, not started again.
"""

import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nlu_rl import paths
from nlu_rl.errors import NluRlError, RunError

if TYPE_CHECKING:
    from nlu_rl.report.records import Record
    from nlu_rl.reproduce.matrix import Cell, Training
    from nlu_rl.reproduce.progress import Reproduction
    from nlu_rl.runs.layout import RunDirectory

POLL_SECONDS = 1.0
MOST_SECONDS = 365 * 86400.0
"""A plan of more than a year is warned of."""


def steps_of(cells: "Sequence[Cell]") -> "list[Cell | Training]":
    """Return trainings and evaluations in the order in which they are done: each training before its first use."""
    steps: dict[Any, None] = {}
    for cell in cells:
        if cell.training is not None:
            steps.setdefault(cell.training)
        steps.setdefault(cell)
    return list(steps)


def print_plan(what: "Reproduction", cells: "Sequence[Cell]", left_out: dict[str, str], *, json: bool | None) -> None:
    """Show every step, whether it is done, and what is left. `json` None is for people on standard error."""
    from nlu_rl.cli.console import emit_json, note
    from nlu_rl.cli.format import duration
    from nlu_rl.cli.tables import print_table
    from nlu_rl.reproduce.cost import Costs, span

    costs, left = Costs(what), 0.0
    rows: list[dict[str, Any]] = []
    for step in steps_of(cells):
        state, name = state_of(what, step)
        seconds = 0.0 if state == "done" else costs.step(step)
        left += seconds
        rows.append({"step": title_of(step), "state": state, "run": name, "seconds": round(seconds)})
    todo = sum(row["state"] != "done" for row in rows)
    low, high = span(left)
    about = f"about {duration(left)} here ({duration(low)} to {duration(high)})" if todo else "nothing left"
    summary = f"{todo} of {len(rows)} steps to do, {about}; {what.budget}."
    for task, why in left_out.items():
        note(f"Left out: {task}. {why}")
    if left > MOST_SECONDS:
        note(f"warning: this takes about {left / MOST_SECONDS:,.0f} years here; a smaller --budget takes less.")
    if json:
        emit_json({"steps": rows, "seconds": round(left), "span": [round(low), round(high)], "left_out": left_out})
    elif json is None:
        note(summary)
    else:
        shown = [(r["step"], r["state"], duration(r["seconds"]) if r["seconds"] else "-", r["run"] or "") for r in rows]
        print_table(("step", "state", "about", "run"), shown)  # type: ignore[arg-type]
        print(f"\n{summary}")


def title_of(step: "Cell | Training") -> str:
    """Return a step as people read it."""
    from nlu_rl.reproduce.matrix import Cell

    if isinstance(step, Cell):
        shots = f" ({step.shots} shots)" if step.shots != "0" else ""
        return f"score {step.row}{shots} on {step.task}, seed {step.seed}"
    return f"train {step.method} on {', '.join(step.tasks)}, seed {step.seed}"


def state_of(what: "Reproduction", step: "Cell | Training") -> tuple[str, str | None]:
    """Return `done`, `running`, `interrupted` or `to do`, and the run it is told from."""
    from nlu_rl.evaluation.finished import DONE, INTERRUPTED
    from nlu_rl.reproduce.matrix import Cell
    from nlu_rl.reproduce.progress import LIVE
    from nlu_rl.runs.status import read_status

    if isinstance(step, Cell):
        for state, states in (("done", DONE), ("running", LIVE), ("interrupted", INTERRUPTED)):
            run = what.evaluation(step, states)
            if run is not None:
                return state, run.name
        return "to do", None
    run = what.training_run(step)
    if run is None:
        return "to do", None
    if what.is_finished(run, step):
        return "done", run.name
    return ("running" if read_status(run).live else "interrupted"), run.name


def run_all(
    what: "Reproduction", cells: "Sequence[Cell]", after_each: Callable[[], object], *, json: bool
) -> list[str]:
    """Do what is not done; return what failed, as `step: why`. A step that fails does not stop those after it.

    Raises:
        RunError: another one is at work in this home.
    """
    from nlu_rl.cli.console import note
    from nlu_rl.reproduce.matrix import Cell

    failures: list[str] = []
    broken: set[Any] = set()
    steps = steps_of(cells)
    with alone():
        for number, step in enumerate(steps, 1):
            if state_of(what, step)[0] == "done":
                continue
            if isinstance(step, Cell) and step.training in broken:
                continue
            note(f"\n[{number}/{len(steps)}] {title_of(step)}")
            try:
                if isinstance(step, Cell):
                    _evaluate(what, step, json=json)
                    after_each()
                else:
                    _train(what, step, json=json)
            except NluRlError as error:
                broken.add(step)
                failures.append(f"{title_of(step)}: {error.message}")
                note(f"Failed: {error}")
    return failures


def _train(what: "Reproduction", training: "Training", *, json: bool) -> None:
    """Train to the end or to the end of the time, new or continued."""
    from nlu_rl.encoder.request import create_encoder_run
    from nlu_rl.reproduce.progress import trained_seconds

    run = what.training_run(training)
    if training.method == "encoder":
        _follow(run or create_encoder_run(what.encoder_job(training)), json=json)
        return
    run = run or _new_run(what, training)
    limit = what.budget.seconds
    ended = _follow(run, json=json, over=None if limit is None else lambda: trained_seconds(run) >= limit)
    if ended == "stopped" and not what.is_finished(run, training):
        raise KeyboardInterrupt


def _new_run(what: "Reproduction", training: "Training") -> "RunDirectory":
    from nlu_rl.cli import recipes
    from nlu_rl.runs.checks import check_recipe, require
    from nlu_rl.runs.jobs import Job
    from nlu_rl.runs.layout import create_run

    recipe = what.recipe(training)
    require(check_recipe(recipe))
    recipes.fetch_missing_data(recipe)
    tasks = "-".join(Path(task).stem for task in training.tasks) if len(training.tasks) <= 2 else "mix"
    hint = f"{tasks}-{Path(recipe.model).name}-{training.method}".lower()[:90]
    text = recipe.to_yaml()
    return create_run(paths.runs_dir(), hint, Job("train"), text, text)


def _evaluate(what: "Reproduction", cell: "Cell", *, json: bool) -> None:
    from nlu_rl.evaluation.finished import INTERRUPTED, create_evaluation
    from nlu_rl.reproduce.matrix import PERPLEXITY
    from nlu_rl.reproduce.progress import LIVE
    from nlu_rl.tasks.registry import get_task

    run = what.evaluation(cell, LIVE) or what.evaluation(cell, INTERRUPTED)
    if run is None:
        subject = what.subject(cell)
        if subject is None:
            raise RunError(f"{title_of(cell)} has nothing to score.", "Train it first.")
        task = PERPLEXITY if cell.task == PERPLEXITY else get_task(cell.task)
        run = create_evaluation(task, what.arguments(cell, subject))  # type: ignore[arg-type]
    if _follow(run, json=json) == "stopped":
        raise KeyboardInterrupt


def _follow(run: "RunDirectory", *, json: bool, over: Callable[[], bool] | None = None) -> str:
    """Start the worker unless it is at work, wait for its end, and return its last state.

    `over` says when its time is up: then it is asked to stop with a checkpoint.

    Raises:
        NluRlError: the error with which the job failed. KeyboardInterrupt: Ctrl-C here.
    """
    from nlu_rl.cli.live import follow, raise_failure
    from nlu_rl.runs.jobs import launch
    from nlu_rl.runs.resume import requeue
    from nlu_rl.runs.status import read_status

    status = read_status(run)
    pid = None
    if not status.live:
        requeue(run)
        pid = launch(run)
    elif status.pid is None and status.state == "queued":
        pid = launch(run)  # whoever made it was killed before it could start the worker
    with _watched(run, over):
        ended = follow(run, pid=pid, json=json)
    if ended.interrupted:
        raise KeyboardInterrupt
    raise_failure(run, ended.status)
    return ended.status.state


@contextmanager
def _watched(run: "RunDirectory", over: Callable[[], bool] | None) -> Iterator[None]:
    """While inside, ask the run to stop as soon as `over` says so."""
    from nlu_rl.runs import control

    if over is None:
        yield
        return
    ended = threading.Event()

    def watch() -> None:
        while not ended.wait(POLL_SECONDS):
            if over():
                control.request(run, "stop")
                return

    thread = threading.Thread(target=watch, name="budget", daemon=True)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()


@contextmanager
def alone() -> Iterator[None]:
    """Let one `reproduce` at a time work in this home."""
    from filelock import FileLock, Timeout

    paths.runs_dir().mkdir(parents=True, exist_ok=True)
    lock = FileLock(paths.runs_dir() / ".reproduce.lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise RunError(
            "Another 'nlu-rl reproduce' is at work here: two at once would be in each other's way.",
            "Wait for it, or set NLU_RL_HOME to another folder.",
        ) from None
    try:
        yield
    finally:
        lock.release()


def write_table(
    what: "Reproduction",
    table: str,
    labels: Sequence[str],
    tasks: Sequence[str],
    cells: "Sequence[Cell]",
    folder: Path,
    left_out: dict[str, str],
) -> "tuple[dict[str, str], dict[Cell, Record]]":
    """Write the table as it now stands; return the files and what was found."""
    from nlu_rl.evaluation.finished import DONE
    from nlu_rl.report.document import Document, runs_table, write_document
    from nlu_rl.report.records import read_curve, read_record
    from nlu_rl.report.seeds import spreads
    from nlu_rl.report.tables import evaluations_table, spreads_table
    from nlu_rl.reproduce.matrix import trainings
    from nlu_rl.reproduce.results import columns_of, result_table

    found = {}
    for cell in cells:
        run = what.evaluation(cell, DONE)
        record = read_record(run) if run is not None else None
        if record is not None:
            found[cell] = record
    records = list(found.values())
    runs = [run for training in trainings(cells) if (run := what.training_run(training)) is not None]
    curves = [curve for run in runs if (curve := read_curve(run)) is not None]
    tables = [result_table(table, Path(what.model).name, labels, columns_of(table, tasks), found)]
    tables += [evaluations_table(records)] if records else []
    tables += [spreads_table(several)] if (several := spreads(records)) else []
    tables += [runs_table(curves)] if curves else []
    lines = [
        f"{len(found)} of {len(cells)} cells. Budget: {what.budget}. The last checkpoint counts: no row that is scored "
        "was used to choose one."
    ]
    lines += [f"Left out: {task}. {why}" for task, why in left_out.items()]
    document = Document(f"{tables[0].title}", tables, curves, lines, _command())
    return write_document(document, folder), found


def _command() -> str:
    import shlex

    return f"nlu-rl {shlex.join(sys.argv[1:])}" if sys.argv[1:2] == ["reproduce"] else ""
