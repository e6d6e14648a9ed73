"""`nlu-rl eval`, `compare` and `predict`: parse, start or reuse a worker's evaluation, print."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from nlu_rl.cli.arguments import Endpoint, EndpointConcurrency, EndpointKey, EndpointPrefill, EndpointTimeout
from nlu_rl.cli.completion import runs_and_models, task_names
from nlu_rl.cli.console import emit_json, note
from nlu_rl.errors import RecipeError

if TYPE_CHECKING:
    from nlu_rl.tasks.contract import Task

app = typer.Typer()
PERPLEXITY_TASK = "wikitext2"

TaskName = Annotated[
    str | None, typer.Option("--task", help="Task; default: the first that the runs have.", autocompletion=task_names)
]
Split = Annotated[str | None, typer.Option(help="Split of the task's data; default: the one its scores are quoted on.")]
Data = Annotated[Path | None, typer.Option(help="A labelled CSV, TSV, JSON lines or Parquet file instead of a split.")]
Examples = Annotated[int | None, typer.Option(min=1, help="Only so many rows, the same ones for every seed.")]
Seed = Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Fixes the samples.")]
Greedy = Annotated[bool, typer.Option("--greedy", help="The most likely answer instead of a sample at temperature 1.")]
Checkpoint = Annotated[str | None, typer.Option(help="Of a run: best (default), latest, or a step.")]
Json = Annotated[bool, typer.Option("--json", help="One JSON object on the last line of standard output.")]


@app.command("eval")
def eval_(
    subjects: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN|MODEL...",
            help="A run, or a model: name, folder, hub id, or openai:MODEL at an endpoint. Several, such as the runs "
            "of a recipe with different seeds: mean and spread.",
            autocompletion=runs_and_models,
        ),
    ],
    task: TaskName = None,
    split: Split = None,
    data: Data = None,
    examples: Examples = None,
    seed: Seed = 1,
    greedy: Greedy = False,
    samples: Annotated[int, typer.Option(min=1, max=1000, help="Predictions of each row (paper: 100).")] = 1,
    shots: Annotated[str, typer.Option(metavar="K|best", help="Demonstrations before each row.")] = "0",
    shots_seed: Annotated[int, typer.Option(min=0, max=2**31 - 1, help="Draws other demonstrations.")] = 0,
    checkpoint: Checkpoint = None,
    window: Annotated[int | None, typer.Option(min=2, help="wikitext2: tokens a window (default: 2048).")] = None,
    stride: Annotated[
        int | None, typer.Option(min=1, help="wikitext2: tokens from window to window (default: they do not overlap).")
    ] = None,
    endpoint: Endpoint = None,
    endpoint_key: EndpointKey = "OPENAI_API_KEY",
    endpoint_prefill: EndpointPrefill = False,
    endpoint_concurrency: EndpointConcurrency = 8,
    endpoint_timeout: EndpointTimeout = 60.0,
    json: Json = False,
) -> None:
    """Score a run or a model on a task: metric, 95 % interval, parse rate, confusion matrix, every prediction kept.

    One sample a row at temperature 1, as in the paper; --greedy takes the most likely answer. An evaluation that was
    interrupted goes on where it was. --task wikitext2 measures the perplexity on WikiText-2, or on a text (--data).
    """
    if task == PERPLEXITY_TASK:
        from nlu_rl.cli.perplexity import eval_perplexity

        refused = {"--greedy": greedy, "--samples": samples > 1, "--shots": shots != "0"}
        if len(subjects) > 1:
            raise RecipeError("Perplexities are measured one model at a time.", "Compare two: nlu-rl compare A B.")
        if subjects[0].startswith("openai:"):
            raise RecipeError("An endpoint does not tell the probabilities of a text.", "Give a local model.")
        options = {"split": split, "data": data, "examples": examples, "seed": seed, "window": window, "stride": stride}
        eval_perplexity(subjects[0], checkpoint, options, [name for name, given in refused.items() if given], json=json)
        return
    if window is not None or stride is not None:
        raise RecipeError("--window and --stride are for --task wikitext2.", "Leave them out.")
    from nlu_rl.cli.evaluation_view import show_evaluation
    from nlu_rl.cli.seeds_view import show_together, together
    from nlu_rl.evaluation.request import choose_task, evaluation_arguments, resolve_subject

    asked: dict[str, Any] = {"url": endpoint, "key_variable": endpoint_key, "prefill": endpoint_prefill}
    asked |= {"concurrency": endpoint_concurrency, "timeout_seconds": endpoint_timeout}
    found: list[dict[str, Any]] = []
    for subject_name in subjects:
        resolved = resolve_subject(subject_name, checkpoint, **asked)
        if resolved in found:
            note(f"{subject_name} is given more than once, and evaluated once.")
        else:
            found.append(resolved)
    name, chosen = choose_task(task, found)
    results = []
    for subject in found:
        arguments = evaluation_arguments(
            subject,
            name,
            chosen,
            split=split,
            data=data,
            examples=examples,
            seed=seed,
            greedy=greedy,
            samples=samples,
            shots=shots,
            shots_seed=shots_seed,
        )
        results.append(_evaluate(chosen, arguments, json=json, reuse=len(found) > 1))
    result = results[0] if len(results) == 1 else together(results)
    if json:
        emit_json(result)
    elif len(results) > 1:
        show_together(result)
    else:
        show_evaluation(result)


@app.command("compare")
def compare(
    a: Annotated[str, typer.Argument(metavar="A", help="A run or a model.", autocompletion=runs_and_models)],
    b: Annotated[
        str, typer.Argument(metavar="B", help="The run or model to compare with it.", autocompletion=runs_and_models)
    ],
    task: TaskName = None,
    split: Split = None,
    data: Data = None,
    examples: Examples = None,
    seed: Seed = 1,
    greedy: Greedy = False,
    shots_a: Annotated[str, typer.Option(metavar="K|best", help="Demonstrations before each row, for A.")] = "0",
    shots_b: Annotated[str, typer.Option(metavar="K|best", help="The same for B.")] = "0",
    metric: Annotated[str | None, typer.Option(help="Metric to compare by; default: the task's main one.")] = None,
    endpoint: Endpoint = None,
    endpoint_key: EndpointKey = "OPENAI_API_KEY",
    endpoint_prefill: EndpointPrefill = False,
    show: Annotated[int, typer.Option(min=0, help="Also print so many of the rows fixed, and of those broken.")] = 0,
    json: Json = False,
) -> None:
    """Say whether B is really better than A: both on the same rows, by a paired test.

    Finished evaluations with these settings are used again; what is missing is evaluated first.
    """
    if task == PERPLEXITY_TASK:
        from nlu_rl.cli.perplexity import compare_perplexity

        compare_perplexity(a, b, {"split": split, "data": data, "examples": examples, "seed": seed}, json=json)
        return
    from nlu_rl.cli.evaluation_view import show_comparison
    from nlu_rl.errors import unknown_name
    from nlu_rl.evaluation.comparison import Asked, compare_evaluations
    from nlu_rl.evaluation.request import choose_task, evaluation_arguments, metric_names, resolve_subject

    asked: dict[str, Any] = {"url": endpoint, "key_variable": endpoint_key, "prefill": endpoint_prefill}
    subjects = [resolve_subject(name, **asked) for name in (a, b)]
    name, chosen = choose_task(task, subjects)
    if metric is not None:
        known = metric_names(chosen)
        if metric not in known:
            raise RecipeError(unknown_name("metric", metric, known), "Give --metric one of them.")
    rows_asked: dict[str, Any] = {"split": split, "data": data, "examples": examples, "seed": seed, "greedy": greedy}
    checked = [  # both, before either is evaluated
        evaluation_arguments(subject, name, chosen, shots=shots, **rows_asked)
        for subject, shots in zip(subjects, (shots_a, shots_b), strict=True)
    ]
    evaluated = [
        Asked(given, arguments, _evaluate(chosen, arguments, json=json, reuse=True))
        for given, arguments in zip((a, b), checked, strict=True)
    ]
    compared = compare_evaluations(chosen, evaluated[0], evaluated[1], seed, metric)
    if json:
        emit_json(compared.result)
    else:
        show_comparison(compared.result, compared.fixed[:show], compared.broken[:show])


@app.command("predict")
def predict(
    subject: Annotated[str, typer.Argument(metavar="RUN", help="A run, or a model.", autocompletion=runs_and_models)],
    data: Annotated[Path, typer.Option(help="CSV, TSV, JSON lines or Parquet file; needs no labels.")],
    to: Annotated[Path, typer.Option(help="CSV to write: all columns, then the answer and how it was read.")],
    task: TaskName = None,
    seed: Seed = 1,
    sample: Annotated[bool, typer.Option("--sample", help="A sample at temperature 1 instead of greedy.")] = False,
    force: Annotated[bool, typer.Option("--force", help="Replace the file if it exists.")] = False,
    checkpoint: Checkpoint = None,
    json: Json = False,
) -> None:
    """Answer unlabelled rows: a file in, the same rows with answers out (the most likely answer of each)."""
    from nlu_rl import paths
    from nlu_rl.cli.live import run_job
    from nlu_rl.data.files import read_examples
    from nlu_rl.evaluation.answers import check_target
    from nlu_rl.evaluation.request import choose_task, resolve_subject
    from nlu_rl.runs.jobs import Job
    from nlu_rl.runs.layout import create_run

    resolved = resolve_subject(subject, checkpoint)
    name, chosen = choose_task(task, [resolved])
    source, target = data.expanduser().resolve(), to.expanduser().absolute()
    check_target(target, source, force=force)
    read_examples(chosen, source, require_labels=False)  # type: ignore[arg-type]
    arguments = {
        **resolved,
        "task": name,
        "data": str(source),
        "to": str(target),
        "seed": seed,
        "greedy": not sample,
        "force": force,
    }
    result = run_job(create_run(paths.runs_dir(), f"predict-{source.stem}", Job("predict", arguments)), json=json)
    if json:
        emit_json(result)
    else:
        given = ", ".join(f"{answer or '(unparsed)'} {count}" for answer, count in result["answers"].items())
        print(f"{result['n']} rows answered: {given}" if given else f"{result['n']} rows answered.")
        print(result["path"])


def _evaluate(task: "Task", arguments: dict[str, Any], *, json: bool, reuse: bool) -> dict[str, Any]:
    """Return the result of an evaluation: a finished one (with `reuse`), one that goes on, or a new one."""
    from nlu_rl.cli.live import read_result, run_job
    from nlu_rl.evaluation.finished import DONE, INTERRUPTED, create_evaluation, evaluation_for
    from nlu_rl.evaluation.rows import load_rows
    from nlu_rl.evaluation.shots import require_shots

    rows = load_rows(task, arguments)
    if reuse and (done := evaluation_for(task, rows, arguments, DONE)) is not None:
        note(f"Using the finished evaluation {done.name}.")
        return read_result(done)
    run = evaluation_for(task, rows, arguments, INTERRUPTED)
    if run is not None:
        note(f"Going on with the interrupted evaluation {run.name}.")
        return run_job(run, json=json)
    if told := require_shots(task, [example for _, example in rows], arguments):
        note(told)
    return run_job(create_evaluation(task, arguments), json=json)
