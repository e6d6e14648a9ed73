"""`nlu-rl check`: can this recipe run here."""

from typing import TYPE_CHECKING

import typer

from nlu_rl.cli.arguments import Json, Overrides, RecipeName

if TYPE_CHECKING:
    from nlu_rl.runs.checks import Check

app = typer.Typer()


@app.command()
def check(
    recipe: RecipeName,
    overrides: Overrides = None,
    json: Json = False,
) -> None:
    """Look whether a recipe is valid and its model, data and disk are there. Nothing is fetched."""
    from dataclasses import asdict

    from nlu_rl.cli.console import emit_json
    from nlu_rl.cli.recipes import resolve
    from nlu_rl.runs.checks import Check, check_recipe

    path, resolved = resolve(recipe, overrides or [])
    checks = [Check("recipe", "ok", f"{path} is valid."), *check_recipe(resolved)]
    failed = any(found.state == "fail" for found in checks)
    if json:
        emit_json({"recipe": str(path), "ok": not failed, "checks": [asdict(found) for found in checks]})
    else:
        print_checks(checks)
    if failed:
        raise typer.Exit(2)


def print_checks(checks: "list[Check]") -> None:
    """Print one line a check, and the fix under those that want one."""
    from rich.text import Text

    from nlu_rl.cli.console import stdout

    console = stdout()
    for found in checks:
        style = {"ok": "green", "warn": "yellow", "fail": "bold red"}[found.state]
        console.print(Text.assemble((f"{found.state:<5}", style), f"{found.name}: {found.message}"))
        if found.fix and found.state != "ok":
            console.print(Text(f"     {found.fix}", style="dim"))
