"""`nlu-rl eval ... --task wikitext2`: a perplexity instead of answers, measured by a worker, new or continued."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nlu_rl.cli.console import emit_json, note, stdout
from nlu_rl.cli.format import duration
from nlu_rl.errors import RecipeError


def eval_perplexity(
    subject: str, checkpoint: str | None, options: dict[str, Any], refused: Sequence[str], *, json: bool
) -> None:
    """Measure and print. `options` are those of `perplexity_arguments`; `refused` those that mean nothing here."""
    from nlu_rl.evaluation.perplexity import perplexity_arguments
    from nlu_rl.evaluation.request import resolve_subject

    resolved = resolve_subject(subject, checkpoint)
    result = measure(perplexity_arguments(resolved, **options, refused=refused), json=json, reuse=False)
    if json:
        emit_json(result)
    else:
        _show(result)


def compare_perplexity(a: str, b: str, options: dict[str, Any], *, json: bool) -> None:
    """Compare two models or runs window by window, and print."""
    from nlu_rl.evaluation.paired import SIGNIFICANT
    from nlu_rl.evaluation.perplexity import perplexity_arguments, perplexity_difference, read_windows
    from nlu_rl.evaluation.request import resolve_subject

    results, parts = [], []
    for name in (a, b):
        arguments = perplexity_arguments(resolve_subject(name), **options, window=None, stride=None)
        results.append(measure(arguments, json=json, reuse=True))
        parts.append(read_windows(Path(results[-1]["predictions"])))
    if [part.tokens for part in parts[0]] != [part.tokens for part in parts[1]]:
        raise RecipeError(
            f"{a} and {b} cut the text into different tokens, so their perplexities cannot be compared.",
            "Compare models with the same tokenizer and context.",
        )
    interval, p = perplexity_difference(parts[0], parts[1], options["seed"])
    scores = [result["scores"]["perplexity"] for result in results]
    lower = [one.nll > other.nll for one, other in zip(*parts, strict=True)]
    higher = [one.nll < other.nll for one, other in zip(*parts, strict=True)]
    found = {
        "a": a,
        "b": b,
        "task": results[0]["task"],
        "metric": "perplexity",
        "score_a": scores[0],
        "score_b": scores[1],
        "difference": scores[1] - scores[0],
        "interval": list(interval),
        "p": p,
        "test": "paired bootstrap over windows",
        "fixed": sum(lower),
        "broken": sum(higher),
        "n": len(lower),
        "real": p < SIGNIFICANT,
        "predictions": [result["predictions"] for result in results],
    }
    if json:
        emit_json(found)
        return
    low, high = interval
    print(f"A  {a}: perplexity {scores[0]:.3f}\nB  {b}: perplexity {scores[1]:.3f}")
    print(
        f"B - A {found['difference']:+.3f}, 95 % interval {low:+.3f} to {high:+.3f}, p = {p:.3g} ({found['test']}, "
        f"{len(lower)} windows: {sum(lower)} lower in B, {sum(higher)} higher); lower is better"
    )


def measure(arguments: dict[str, Any], *, json: bool, reuse: bool) -> dict[str, Any]:
    """Return the result of a measurement: a finished one (with `reuse`), one that goes on, or a new one."""
    from nlu_rl.cli.live import read_result, run_job
    from nlu_rl.evaluation.finished import DONE, INTERRUPTED, create_evaluation, evaluation_on
    from nlu_rl.evaluation.perplexity import TASK, ground_of, text_of

    ground = ground_of(text_of(arguments))
    if reuse and (done := evaluation_on(ground, arguments, DONE)) is not None:
        note(f"Using the finished evaluation {done.name}.")
        return read_result(done)
    run = evaluation_on(ground, arguments, INTERRUPTED)
    if run is not None:
        note(f"Going on with the interrupted evaluation {run.name}.")
    return run_job(run or create_evaluation(TASK, arguments), json=json)


def _show(result: dict[str, Any]) -> None:
    console = stdout()
    text = result["data"] or f"WikiText-2, {result['split']} split"
    bounds = result["intervals"].get("perplexity")
    spread = "no interval: one window" if bounds is None else "95 % interval {:.3f} to {:.3f} (bootstrap over windows)"
    console.print(f"[bold]{result['task']}[/]: {result['subject']}", highlight=False)
    console.print(
        f"{text}, {result['n']:,} tokens scored in {result['windows']} windows of {result['window']}, "
        f"{result['stride']} apart, in {result.get('precision', 'a precision not noted')}",
        style="dim",
    )
    console.print(
        f"perplexity [bold]{result['scores']['perplexity']:.3f}[/]  {spread.format(*(bounds or ()))}",
        highlight=False,
    )
    console.print(f"{duration(result['seconds'])}; every window: {result['predictions']}", soft_wrap=True)
