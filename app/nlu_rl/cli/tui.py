"""`nlu-rl tui`: the interface, on a run if one is named. `nlu-rl` alone opens it too."""

import os
import sys
from typing import Annotated

import typer

from nlu_rl.cli.completion import run_names
from nlu_rl.errors import NluRlError

app = typer.Typer()


@app.command()
def tui(
    run: Annotated[
        str | None,
        typer.Option("--run", help="Open this run; 'latest' is the newest.", autocompletion=run_names),
    ] = None,
) -> None:
    """Open the terminal interface."""
    from nlu_rl.runs.layout import list_runs, open_run
    from nlu_rl.tui.app import run_tui

    if not os.environ.get("TEXTUAL_DRIVER") and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise NluRlError("The interface needs a terminal.", "Type this on one, or use 'nlu-rl web' and a browser.")
    if run == "latest":
        runs = list_runs()
        run = runs[-1].name if runs else None
    run_tui(None if run is None else open_run(run).name)
