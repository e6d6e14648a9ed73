"""Several evaluations of one task together, such as those of a recipe's runs with different seeds: mean and spread."""

from collections.abc import Sequence
from typing import Any

from nlu_rl.cli.console import note, stdout
from nlu_rl.cli.format import number


def together(results: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return the results with the mean and spread of every score; says so where more than the seed differs.

    Raises:
        RecipeError: they are of different tasks.
    """
    from dataclasses import asdict

    from nlu_rl.errors import RecipeError
    from nlu_rl.report.score_spread import metric_spreads

    tasks = list(dict.fromkeys(result["task"] for result in results))
    if len(tasks) > 1:
        raise RecipeError(f"The runs are of different tasks: {', '.join(tasks)}.", "Give --task.")
    if not _one_recipe([str(result["subject"]) for result in results]):
        note("These differ in more than their seeds, so the spread is not that of seeds.")
    found = metric_spreads([result["scores"] for result in results])
    return {
        "task": tasks[0],
        "metric": results[0]["metric"],
        "n": results[0]["n"],
        "runs": len(results),
        "scores": {name: value.mean for name, value in found.items()},
        "spread": {name: asdict(value) for name, value in found.items()},
        "results": list(results),
    }


def show_together(result: dict[str, Any]) -> None:
    """Print every run's main score, and the mean and spread of all scores."""
    from rich.table import Table

    console = stdout()
    console.print(f"[bold]{result['task']}[/]: {result['runs']} evaluations, n {result['n']}", highlight=False)
    table = Table(pad_edge=False)
    for heading in ("score", "mean", "deviation", "lowest", "highest"):
        table.add_column(heading, justify="left" if heading == "score" else "right")
    for name, value in sorted(result["spread"].items(), key=lambda item: item[0] != result["metric"]):
        table.add_row(name, *(number(value[key]) for key in ("mean", "deviation", "low", "high")))
    console.print(table)
    for part in result["results"]:
        low, high = part["intervals"][result["metric"]]
        print(f"{part['subject']}: {result['metric']} {part['scores'][result['metric']]:.3f}, {low:.3f} to {high:.3f}")


def _one_recipe(subjects: Sequence[str]) -> bool:
    """Whether all are runs that differ in the seed alone."""
    from nlu_rl.errors import NluRlError
    from nlu_rl.report.records import training_settings
    from nlu_rl.report.score_spread import but_for_seed
    from nlu_rl.runs.layout import open_run

    try:
        return len({but_for_seed(training_settings(open_run(name))) for name in subjects}) == 1
    except NluRlError:
        return False
