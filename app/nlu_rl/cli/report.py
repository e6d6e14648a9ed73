"""`nlu-rl report`: runs and evaluations as Markdown, CSV and one HTML page."""

from pathlib import Path
from typing import Annotated

import typer

from nlu_rl.cli.completion import run_names

app = typer.Typer()


@app.command("report")
def report(
    runs: Annotated[
        list[str],
        typer.Argument(
            metavar="RUN...",
            help="Training runs (with their evaluations), encoders, and evaluations.",
            autocompletion=run_names,
            show_default=False,
        ),
    ],
    to: Annotated[Path | None, typer.Option(help="Folder for the files; default: reports/RUN.")] = None,
    json: Annotated[bool, typer.Option("--json", help="Print one JSON object on standard output.")] = False,
) -> None:
    """Write what runs have shown: scores with intervals, seeds, parse rates, speed, and the reward curves.

    Three files: report.md, report.csv, and report.html, which needs nothing beside it. Files of these names in the
    folder are replaced.
    """
    from nlu_rl import paths
    from nlu_rl.cli.console import emit_json
    from nlu_rl.report.document import report_document, write_document
    from nlu_rl.report.records import collect

    found = collect(runs)
    name = Path(runs[0]).name if len(runs) == 1 else f"{Path(runs[0]).name}-and-{len(runs) - 1}-more"
    folder = (to.expanduser() if to else paths.home() / "reports" / name).absolute()
    written = write_document(report_document(found), folder)
    result = {"evaluations": len(found.records), "runs": len(found.curves), "without": found.without, **written}
    if json:
        emit_json(result)
        return
    print(f"{len(found.records)} evaluations and {len(found.curves)} training runs:")
    for path in written.values():
        print(f"  {path}")
