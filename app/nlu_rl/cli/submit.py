"""`nlu-rl submit`: the zip for an official leaderboard, answered where answers are missing, and checked."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nlu_rl.cli.arguments import Endpoint, EndpointConcurrency, EndpointKey, EndpointPrefill, EndpointTimeout
from nlu_rl.cli.completion import runs_and_models
from nlu_rl.cli.console import emit_json, note

if TYPE_CHECKING:
    from nlu_rl.evaluation.leaderboard import Answers, OfficialFile
    from nlu_rl.evaluation.leaderboard_sources import Source

app = typer.Typer()
MAX_PROBLEMS = 10


@app.command("submit")
def submit(
    benchmark: Annotated[str, typer.Argument(help="glue or superglue.")],
    sources: Annotated[
        list[str] | None,
        typer.Argument(
            metavar="[SOURCE]...",
            help="Who answers: runs (the test sets of their tasks), one model or openai:MODEL (the rest), or "
            "TASK=RUN, TASK=MODEL, TASK=predictions.jsonl.",
            autocompletion=runs_and_models,
        ),
    ] = None,
    to: Annotated[
        Path | None, typer.Option(help="The zip to write (default: exports/BENCHMARK-submission.zip).")
    ] = None,
    check: Annotated[Path | None, typer.Option(help="Only check this zip, and write nothing.")] = None,
    seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Fixes the samples.")] = 1,
    sample: Annotated[bool, typer.Option("--sample", help="A sample at temperature 1 instead of greedy.")] = False,
    endpoint: Endpoint = None,
    endpoint_key: EndpointKey = "OPENAI_API_KEY",
    endpoint_prefill: EndpointPrefill = False,
    endpoint_concurrency: EndpointConcurrency = 8,
    endpoint_timeout: EndpointTimeout = 60.0,
    force: Annotated[bool, typer.Option("--force", help="Replace the zip if it exists.")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on the last line of standard output.")] = False,
) -> None:
    """Write the zip that the official GLUE or SuperGLUE server takes, and check it.

    Test splits are answered first where they are not yet (an interrupted one goes on). A row without a readable answer,
    and every row of a test set that nobody answers, gets the default of docs/leaderboards.md.
    """
    from nlu_rl import paths
    from nlu_rl.errors import InternalError, RecipeError
    from nlu_rl.evaluation.leaderboard import check_zip_target, make_files, official_rows, require_numbered, write_zip
    from nlu_rl.evaluation.leaderboard_check import check_zip
    from nlu_rl.evaluation.leaderboard_sources import find_sources

    official_rows(benchmark)
    if check is not None:
        if sources:
            raise RecipeError("With --check nothing is answered.", "Leave the sources out.")
        _check(check.expanduser(), benchmark, json=json)
        return
    if not sources:
        raise RecipeError("It is not said who answers.", f"Write nlu-rl submit {benchmark} RUN... or MODEL.")
    target = (to or paths.exports_dir() / f"{benchmark}-submission.zip").expanduser().absolute()
    check_zip_target(target, force=force)
    asked: dict[str, Any] = {"url": endpoint, "key_variable": endpoint_key, "prefill": endpoint_prefill}
    asked |= {"concurrency": endpoint_concurrency, "timeout_seconds": endpoint_timeout}
    found = _present(benchmark, find_sources(benchmark, sources, **asked))
    require_numbered(benchmark)
    answers = {task: _answers(task, source, seed, greedy=not sample, json=json) for task, source in found.items()}
    files = make_files(benchmark, answers)
    write_zip(target, files, force=force)
    if problems := check_zip(target, benchmark):
        raise InternalError(f"{target} was written and is not right: {problems[0]}", "Please report it.")
    _show(target, files, {task: source.text for task, source in found.items()}, json=json)


def _present(benchmark: str, sources: "dict[str, Source]") -> "dict[str, Source]":
    """Return the sources whose test rows are here; one asked for by name must be.

    Raises:
        DataError: a test split is missing, or every one.
    """
    from nlu_rl.errors import DataError
    from nlu_rl.tasks.registry import get_task

    found = {}
    for task, source in sources.items():
        try:
            if source.file is None:
                get_task(task).load("test")
        except DataError as error:
            if source.named:
                raise
            note(f"{task}: not answered. {error.message}")
        else:
            found[task] = source
    if not found:
        raise DataError(
            f"No test split of {benchmark} is here, so there is nothing to answer.",
            f"Import the official folder: nlu-rl data import {benchmark} DIR",
        )
    return found


def _answers(task_name: str, source: "Source", seed: int, *, greedy: bool, json: bool) -> "Answers":
    """Return the answers of a source, from its file, a finished job, or a job that is run now."""
    from nlu_rl.cli.live import read_result, run_job
    from nlu_rl.evaluation.finished import DONE, INTERRUPTED, create_evaluation, evaluation_on, ground_of_rows
    from nlu_rl.evaluation.leaderboard_sources import read_answers
    from nlu_rl.tasks.registry import get_task

    if source.file is not None:
        return read_answers(task_name, source.file)
    task = get_task(task_name)
    arguments = {**(source.subject or {}), "task": task_name, "split": "test", "seed": seed, "greedy": greedy}
    examples = task.load("test")
    ground = ground_of_rows(task, range(len(examples)), examples)
    run = evaluation_on(ground, arguments, DONE, kind="predict")
    if run is not None:
        note(f"{task_name}: using the finished answers {run.name}.")
        return read_answers(task_name, Path(read_result(run)["predictions"]))
    run = evaluation_on(ground, arguments, INTERRUPTED, kind="predict")
    note(f"{task_name}: {'going on with ' + run.name if run else f'{source.text} answers {len(examples):,} rows'}.")
    result = run_job(run or create_evaluation(task, arguments, kind="predict"), json=json)
    return read_answers(task_name, Path(result["predictions"]))


def _check(path: Path, benchmark: str, *, json: bool) -> None:
    """Print what is wrong with a zip. Raises DataError when anything is."""
    from nlu_rl.errors import DataError
    from nlu_rl.evaluation.leaderboard_check import check_zip

    problems = check_zip(path, benchmark)
    if json:
        emit_json({"path": str(path), "benchmark": benchmark, "ok": not problems, "problems": problems})
    if problems:
        shown = " ".join(problems[:MAX_PROBLEMS])
        more = f" And {len(problems) - MAX_PROBLEMS} more." if len(problems) > MAX_PROBLEMS else ""
        raise DataError(f"The {benchmark} server would refuse {path}: {shown}{more}", "Write it anew: nlu-rl submit.")
    if not json:
        print(f"{path}: every file is there and in the official form.")


def _show(target: Path, files: "list[OfficialFile]", sources: dict[str, str], *, json: bool) -> None:
    from nlu_rl.cli.tables import print_table

    if json:
        listed: list[dict[str, Any]] = [
            {
                "file": file.name,
                "task": file.task,
                "source": sources.get(file.task),
                "answered": file.answered,
                "default": file.filled,
            }
            for file in files
        ]
        emit_json({"path": str(target), "files": listed})
        return
    rows = [(f.name, sources.get(f.task, "-"), f"{f.answered:,}", f"{f.filled:,}") for f in files]
    print_table(("file", "answered by", "rows answered", "rows with the default"), rows)
    print(target)
