"""Evaluations and comparisons as people read them, on standard output."""

from typing import TYPE_CHECKING, Any

from nlu_rl.cli.console import print_text, stdout
from nlu_rl.cli.format import duration, number

if TYPE_CHECKING:
    from collections.abc import Sequence

    from rich.table import Table

    from nlu_rl.evaluation.changes import Change


def show_evaluation(result: dict[str, Any]) -> None:
    """Print scores with intervals, parse rates, the confusion matrix and where the predictions are."""
    from rich.table import Table

    console = stdout()
    rows = result["data"] or f"{result['split']} split"
    decoding = decoding_text(result["temperature"])
    if result["samples"] > 1:
        decoding += f", {result['samples']} samples a row"
    shots = f", {result['shots']} demonstrations" if result["shots"] else ""
    if tried := result.get("shots_tried"):
        shots += f" (the best of 1 to {len(tried)})"
    console.print(f"[bold]{result['task']}[/]: {result['subject']}", highlight=False)
    console.print(f"{rows}, n {result['n']}{decoding}{shots}, seed {result['seed']}", style="dim")
    table = Table(pad_edge=False)
    table.add_column("score")
    table.add_column("value", justify="right")
    table.add_column("95 % interval", justify="right")
    if result["sample_intervals"]:
        table.add_column("over samples", justify="right")
    for name, value in sorted(result["scores"].items(), key=lambda item: item[0] != result["metric"]):
        cells = [name, number(value), interval_text(result["intervals"][name])]
        if result["sample_intervals"]:
            cells.append(interval_text(result["sample_intervals"][name]))
        table.add_row(*cells, style="bold" if name == result["metric"] else "")
    table.add_section()
    table.add_row("parse rate, strict", number(result["parse_rate"]))
    table.add_row("parse rate, lenient", number(result["parse_rate_lenient"]))
    if result.get("shortened"):
        table.add_row("passages cut to fit", f"{result['shortened']:,}")
    console.print(table)
    if balance := balance_text(result):
        console.print(balance, soft_wrap=True)
    if result["confusion"]:
        console.print(_confusion(result["confusion"]))
    if result.get("seconds_per_row") is not None:
        console.print(f"{result['seconds_per_row']:.3g} s a row, loading apart", style="dim")
    console.print(f"{duration(result['seconds'])}; every prediction: {result['predictions']}", soft_wrap=True)


def show_comparison(result: dict[str, Any], fixed: "Sequence[Change]" = (), broken: "Sequence[Change]" = ()) -> None:
    """Print the two scores, their difference, each label, whether the difference is real, and rows that changed."""
    from rich.table import Table

    from nlu_rl.evaluation.comparison import comparison_sentence

    table = Table(pad_edge=False)
    table.add_column(f"{result['task']}, {result['metric']}")
    table.add_column("score", justify="right")
    table.add_row(f"A  {result['a']}", number(result["score_a"]))
    table.add_row(f"B  {result['b']}", number(result["score_b"]))
    table.add_section()
    table.add_row("B - A", f"{result['difference']:+.3f}")
    console = stdout()
    console.print(table)
    if len(result.get("labels", ())) > 1:
        console.print(_labels(result["labels"]))
    console.print(comparison_sentence(result), soft_wrap=True)
    from nlu_rl.evaluation.changes import changes_text

    for title, rows in (("fixed", fixed), ("broken", broken)):
        if rows:
            print_text("\n".join([f"rows {title}:", *changes_text(rows, len(rows))]))


def _labels(labels: "Sequence[dict[str, Any]]") -> "Table":
    from rich.table import Table

    table = Table(pad_edge=False)
    for heading in ("right answer", "rows", "A right", "B right", "fixed", "broken"):
        table.add_column(heading, justify="left" if heading == "right answer" else "right")
    for entry in labels:
        counts = [f"{entry[key]:,}" for key in ("n", "right_a", "right_b", "fixed", "broken")]
        table.add_row(entry["label"], *counts)
    return table


def balance_text(result: dict[str, Any]) -> str:
    """Return how often each answer was given, and how many rows have it as their label; nothing for texts."""
    given, right = (result.get("balance") or {}).get("given", {}), (result.get("balance") or {}).get("right", {})
    if len(right) < 2:
        return ""
    shares = ", ".join(f"{label} {count} ({right[label]})" for label, count in given.items() if label in right)
    unread = sum(count for label, count in given.items() if label not in right)
    return f"answers given, in brackets how many are labelled so: {shares}" + (f", unparsed {unread}" if unread else "")


def decoding_text(temperature: float | None) -> str:
    """Return how answers were decoded, after a comma; nothing for an encoder, which has no temperature."""
    return "" if temperature is None else ", greedy" if temperature == 0 else f", temperature {temperature:g}"


def interval_text(interval: list[float]) -> str:
    low, high = interval
    return f"{low:.3f} to {high:.3f}"


def _confusion(confusion: dict[str, Any]) -> "Table":
    from rich.table import Table

    table = Table(title="right answer (rows) against answer given", title_justify="left", pad_edge=False)
    table.add_column("")
    for answer in confusion["answers"]:
        table.add_column(answer, justify="right")
    for label, counts in zip(confusion["labels"], confusion["counts"], strict=True):
        cells = [
            f"[bold]{count}[/]" if answer == label else str(count)
            for answer, count in zip(confusion["answers"], counts, strict=True)
        ]
        table.add_row(label, *cells)
    return table
