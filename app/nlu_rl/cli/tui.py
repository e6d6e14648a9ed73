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
    keys: Annotated[
        bool, typer.Option("--keys", help="List the actions and their keys, as tui.yaml names them.")
    ] = False,
) -> None:
    """Open the terminal interface."""
    if keys:
        _list_keys()
        return
    from nlu_rl.runs.layout import list_runs, open_run
    from nlu_rl.tui.start import run_tui

    if not os.environ.get("TEXTUAL_DRIVER") and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise NluRlError("The interface needs a terminal.", "Type this on one, or use 'nlu-rl web' and a browser.")
    if run == "latest":
        runs = list_runs()
        run = runs[-1].name if runs else None
    run_tui(None if run is None else open_run(run).name)


def _list_keys() -> None:
    """Print every action with its keys as the user's tui.yaml has them."""
    from nlu_rl.tui.keys import COMMON, KEYS
    from nlu_rl.tui.settings import read_settings

    keymap = read_settings().keymap
    anywhere = next(iter(KEYS))
    for key in COMMON:
        print(f"{key.name:<28} {keymap.get(f'{anywhere}.{key.name}', key.key):<22} {key.about}")
    for screen, screen_keys in KEYS.items():
        for key in screen_keys:
            name = f"{screen}.{key.name}"
            print(f"{name:<28} {keymap.get(name, key.key):<22} {key.about}")
