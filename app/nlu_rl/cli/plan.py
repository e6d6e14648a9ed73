"""`nlu-rl plan`: how much memory a recipe takes on a card, what takes it, and what to change when it does not fit."""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from nlu_rl.cli.arguments import Json, Overrides, RecipeName
from nlu_rl.models.machine import GPU_MIB
from nlu_rl.models.recipe_plan import PROMPT_TOKENS

if TYPE_CHECKING:
    from nlu_rl.recipe import Recipe

app = typer.Typer()
_BAR = 28
_LARGER = "Use a smaller model, shorter prompts or a larger card."
_LABELS = {
    "weights_bytes": "base weights",
    "lora_bytes": "adapter and gradients",
    "optimizer_bytes": "optimizer",
    "activation_bytes": "activations",
    "logits_bytes": "logits",
    "kv_bytes": "keys and values (sampling)",
    "slack_bytes": "libraries and slack",
}


@app.command()
def plan(
    recipe: RecipeName,
    overrides: Overrides = None,
    gpu: Annotated[
        str | None,
        typer.Option(
            help=f"{', '.join(GPU_MIB)} or cpu. Default: this machine's own.",
            autocompletion=lambda incomplete: [name for name in (*GPU_MIB, "cpu") if name.startswith(incomplete)],
        ),
    ] = None,
    prompt_tokens: Annotated[
        int | None,
        typer.Option(
            min=1,
            help="Longest prompt, in tokens, of prompts that share nothing. Default: those of the recipe's rows, "
            f"where rows and tokenizer are here, else {PROMPT_TOKENS}.",
            show_default=False,
        ),
    ] = None,
    price: Annotated[
        float | None,
        typer.Option(min=0, help="USD for an hour of the card. Default: a usual price."),
    ] = None,
    json: Json = False,
) -> None:
    """Show how much memory a run takes, what to change when it does not fit, and the time and cost of a step.

    Loads nothing.
    """
    from nlu_rl.cli.console import emit_json
    from nlu_rl.cli.recipes import resolve
    from nlu_rl.models.machine import named_accelerator
    from nlu_rl.models.recipe_plan import plan_recipe
    from nlu_rl.runs.prompt_sizes import plan_on_rows

    _, resolved = resolve(recipe, overrides or [])
    require_usable(resolved)
    card = named_accelerator(gpu)
    if prompt_tokens is None:
        report, counted = plan_on_rows(resolved, card, price)
        require_room(resolved, report["prompt_tokens"])
    else:
        require_room(resolved, prompt_tokens)
        report, counted = plan_recipe(resolved, card, prompt_tokens, price), False
    if json:
        emit_json(report)
    else:
        _print(report, counted=counted)


def require_usable(recipe: "Recipe") -> None:
    """Raise ModelError for a folder that no run can use, such as an encoder's: a plan of it would mislead."""
    from nlu_rl.models.catalogue import resolve_reference
    from nlu_rl.models.verify import require_whole

    model = resolve_reference(recipe.model)
    if model.kind == "folder":
        require_whole(model.folder, name=model.name)


def require_room(recipe: "Recipe", prompt_tokens: int) -> None:
    """Raise RecipeError when a prompt of that length and an answer are more than the model reads."""
    from nlu_rl.errors import RecipeError
    from nlu_rl.models.recipe_plan import shape_of

    name, shape = shape_of(recipe.model)
    room = shape.context - recipe.generation.max_new_tokens
    if prompt_tokens > room:
        raise RecipeError(
            f"A prompt of {prompt_tokens} tokens and an answer of {recipe.generation.max_new_tokens} are more than the "
            f"{shape.context} tokens of {name}'s context.",
            f"Give --prompt-tokens of at most {room}, or a model with a longer context.",
        )


def _print(report: dict[str, Any], *, counted: bool) -> None:
    from rich.table import Table

    from nlu_rl.cli.console import stdout

    budget = report["budget_bytes"]
    table = Table(box=None, pad_edge=False, show_header=False)
    table.add_column(no_wrap=True)
    table.add_column(justify="right", no_wrap=True)
    table.add_column(no_wrap=True)
    for key, label in _LABELS.items():
        table.add_row(label, f"{report[key] / 1e9:.2f} GB", _bar(report[key] / budget))
    style = "bold" if report["fits"] else "bold red"
    table.add_row(
        "needed at most at once", f"{report['total_bytes'] / 1e9:.2f} GB", _bar(report["total_bytes"] / budget)
    )
    table.rows[-1].style = style
    table.add_row(f"{report['gpu']} has", f"{budget / 1e9:.2f} GB", "")
    console = stdout()
    shared = f" in its rows, {report['shared_tokens']} of them shared" if counted else ""
    console.print(
        f"{report['model']}, {report['parameters'] / 1e6:,.0f} M parameters, {report['compute_type']}, "
        f"prompts up to {report['prompt_tokens']} tokens{shared},\n"
        f"micro-batches of {report['micro_batch_tokens']} tokens\n"
    )
    console.print(table)
    console.print("\n" + _verdict(report), soft_wrap=True)
    console.print(_time(report), soft_wrap=True)


def _time(report: dict[str, Any]) -> str:
    from nlu_rl.cli.format import duration, number

    seconds = report["step_seconds"]
    if seconds is None:
        return "How long a step takes here, its first steps will say."
    whole = seconds * report["steps"]
    return (
        f"About {number(seconds, 2)} s and {report['usd_per_step']:.5f} USD a step, {duration(whole)} and "
        f"{report['usd_per_step'] * report['steps']:.2f} USD for {report['steps']} steps, validation not counted; "
        "an estimate from the card's published speed, not a measurement."
    )


def _verdict(report: dict[str, Any]) -> str:
    if report["tight"]:
        left = 1 - report["total_bytes"] / report["budget_bytes"]
        more = f"More room is left with: {' '.join(report['roomier'])}" if report["roomier"] else _LARGER
        return f"It fits only just: {left:.1%} is left. {more}"
    if report["fits"]:
        return "It fits. Sampling and training take turns: only the larger of the two counts."
    if report["change"]:
        return f"It does not fit. It does with: {' '.join(report['change'])}"
    return f"It does not fit, and no setting makes it fit. {_LARGER}"


def _bar(share: float) -> str:
    filled = min(_BAR, round(share * _BAR))
    return "█" * filled + "·" * (_BAR - filled) + f" {share:4.0%}"
