"""The table of a reproduction: one's own rows with intervals, the averages, and the paper's rows below. Pure.

Shares are printed as percentages, as the paper prints them; a perplexity as it is.
"""

import statistics
from collections.abc import Mapping, Sequence

from nlu_rl.report.averages import AVERAGED, Column, Scores, averages, column_score
from nlu_rl.report.records import Record
from nlu_rl.report.tables import DASH, Table
from nlu_rl.reproduce.matrix import PERPLEXITY, TABLES, Cell
from nlu_rl.reproduce.paper import paper_rows
from nlu_rl.tasks.registry import get_task

Found = Mapping[Cell, Record]
SCORES_NOTE = (
    "Scores in percent, in square brackets the 95 % bootstrap interval over the rows, one sample a row at temperature "
    "1; over several seeds the mean and the standard deviation. A mean of these columns is no benchmark's average. The "
    "paper's rows are on the official test sets, mostly of Llama-2-7B-chat, ours on the labelled rows named below: "
    "they stand beside each other, they are not the same rows."
)
PERPLEXITY_NOTE = (
    "In square brackets the 95 % bootstrap interval over the windows of the text; over several seeds the mean and the "
    "standard deviation. The paper's rows are of Llama-2-7B-chat; how it cut the text into windows it does not say."
)


def columns_of(table: str, tasks: Sequence[str]) -> list[Column]:
    """Return a column for every task, in the table's order, then those of other tables by their metrics there."""
    known = {column[0][0]: column for other in (*TABLES.values(), TABLES[table]) for column in other.columns}
    own = [column[0][0] for column in TABLES[table].columns if column[0][0] in tasks]
    ordered = [*own, *(task for task in tasks if task not in own)]
    return [known.get(task) or ((task, get_task(task).metric),) for task in ordered]


def result_table(table: str, model: str, rows: Sequence[str], columns: Sequence[Column], found: Found) -> Table:
    """Return the table: a row for each of `rows`, then the paper's."""
    tasks = [column[0][0] for column in columns]
    means = _means(table, columns)
    heads = ["method", *(_head(column) for column in columns), *means]
    lines = []
    for row in rows:
        cells = [_cell(column, _of(row, column[0][0], found)) for column in columns]
        lines.append([row, *cells, *_averages(table, means, columns, _scores(row, found))])
    for label, figures in paper_rows(table, tasks).items():
        cells = [figures.get(task, DASH) for task in tasks]
        lines.append([f"paper: {label}", *cells, *[figures.get("average", DASH), DASH][: len(means)]])
    note = PERPLEXITY_NOTE if tasks == [PERPLEXITY] else SCORES_NOTE
    return Table(f"{TABLES[table].about}: {model}", tuple(heads), tuple(map(tuple, lines)), note)


def _of(row: str, task: str, found: Found) -> list[Record]:
    return [record for cell, record in found.items() if (cell.row, cell.task) == (row, task)]


def _head(column: Column) -> str:
    return f"{column[0][0]} ({'/'.join(metric for _, metric in column)})"


def _cell(column: Column, records: Sequence[Record]) -> str:
    """Return the scores of a column's metrics, each with its interval; over seeds mean and deviation."""
    return " / ".join(_score(metric, records) for _, metric in column) if records else DASH


def _score(metric: str, records: Sequence[Record]) -> str:
    scale = 1.0 if metric == "perplexity" else 100.0
    values = [record.result["scores"].get(metric) for record in records]
    there = [float(value) * scale for value in values if value is not None]
    if not there:
        return DASH
    if len(there) > 1:
        return f"{statistics.fmean(there):.1f} ± {statistics.stdev(there):.1f}"
    bounds = records[0].result["intervals"].get(metric)
    digits = 2 if metric == "perplexity" else 1
    shown = f"{there[0]:.{digits}f}"
    return f"{shown} [{', '.join(f'{scale * bound:.{digits}f}' for bound in bounds)}]" if bounds else shown


def _means(table: str, columns: Sequence[Column]) -> list[str]:
    """Return the headings of the averages: of a whole benchmark both, of a part of it, or of a mixture, its mean."""
    if table in AVERAGED and all(column in columns for column in AVERAGED[table][0]):
        return ["average (paper's)", *(["average (official)"] if AVERAGED[table][1] else [])]
    return ["mean of these"] if len(columns) > 1 and columns[0][0][0] != PERPLEXITY else []


def _averages(table: str, means: Sequence[str], columns: Sequence[Column], scores: Scores) -> list[str]:
    """Return a row's averages; a dash where a column that counts is missing."""
    if not means:
        return []
    if means[0] == "mean of these":
        shown = [column_score(column, scores) for column in columns]
        there = [value for value in shown if value is not None]
        values = [statistics.fmean(there) if len(there) == len(shown) else None]
    else:
        both = averages(table, scores)
        values = [both.paper.value, *([both.official.value] if both.official else [])]
    return [DASH if value is None else f"{100 * value:.1f}" for value in values]


def _scores(row: str, found: Found) -> Scores:
    """Return a row's scores by task, over several seeds their means."""
    scores: dict[str, dict[str, float]] = {}
    for cell in found:
        if cell.row == row:
            records = _of(row, cell.task, found)
            names = records[0].result["scores"]
            scores[cell.task] = {n: statistics.fmean(float(r.result["scores"][n]) for r in records) for n in names}
    return scores
