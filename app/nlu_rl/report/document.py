"""A report as files: Markdown, CSV, and one HTML page that needs nothing beside it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from nlu_rl import __version__
from nlu_rl.errors import RunError
from nlu_rl.report.figures import curve_figures
from nlu_rl.report.records import Collected, Curve
from nlu_rl.report.seeds import spreads
from nlu_rl.report.tables import Table, csv_text, evaluations_table, markdown, spreads_table
from nlu_rl.runs.files import disk_error, write_atomic

_TEMPLATE = Path(__file__).with_name("page.html.jinja")


@dataclass(frozen=True, slots=True)
class Document:
    """What is written. `lines` stand before the tables; the first table is the one that matters."""

    title: str
    tables: Sequence[Table]
    curves: Sequence[Curve] = ()
    lines: Sequence[str] = field(default_factory=list)
    command: str = ""

    def markdown(self) -> str:
        parts = [f"# {self.title}", *self.lines]
        if self.command:
            parts.append(f"```\n{self.command}\n```")
        return "\n\n".join([*parts, *(markdown(table).rstrip("\n") for table in self.tables)]) + "\n"

    def html(self) -> str:
        """Return the page; every text in it is escaped."""
        from jinja2 import Environment

        template = Environment(autoescape=True).from_string(_TEMPLATE.read_text(encoding="utf-8"))
        return template.render(
            title=self.title,
            lines=self.lines,
            command=self.command,
            tables=self.tables,
            figures=curve_figures(self.curves),
            version=__version__,
        )


def report_document(found: Collected) -> Document:
    """Return the report of any runs."""
    seeds = spreads(found.records)
    tables = []
    if found.records:
        tables.append(evaluations_table(found.records))
    if seeds:
        tables.append(spreads_table(seeds))
    if found.curves:
        tables.append(runs_table(found.curves))
    lines = [f"Without anything to show: {name} ({why})." for name, why in found.without.items()]
    return Document("Report", tables, found.curves, lines)


def runs_table(curves: Sequence[Curve]) -> Table:
    """Return how far each training run is, and its reward at the beginning and at the end."""
    rows = []
    for curve in curves:
        values = [value for _, value in curve.points]
        part = max(1, len(values) // 10)
        means = [f"{sum(some) / len(some):.3f}" for some in (values[:part], values[-part:])]
        seconds = "-" if curve.step_seconds is None else f"{curve.step_seconds:.3g}"
        rows.append((curve.name, curve.state, f"{curve.step}/{curve.total or '?'}", curve.quantity, *means, seconds))
    columns = ("run", "state", "step", "quantity", "first tenth", "last tenth", "s a step")
    return Table(
        "Training",
        columns,
        tuple(rows),
        "Means over the first and the last tenth of the steps; of the seconds the median.",
    )


def write_document(document: Document, folder: Path) -> dict[str, str]:
    """Write `report.md`, `report.html` and `report.csv`, the first table; the others go beside it. Return the paths.

    Raises:
        RunError: the folder is a file, or the disk refuses.
    """
    if folder.exists() and not folder.is_dir():
        raise RunError(f"{folder} is a file.", "Give --to a folder.")
    texts = {"report.md": document.markdown(), "report.html": document.html()}
    for number, table in enumerate(document.tables):
        name = f"report-{table.title.lower().replace(' ', '-')}.csv" if number else "report.csv"
        texts[name] = csv_text(table)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for name, text in texts.items():
            write_atomic(folder / name, text)
    except OSError as error:
        raise disk_error(error, f"write the report to {folder}") from None
    return {name.removeprefix("report").lstrip(".-"): str(folder / name) for name in texts}
