"""`nlu-rl export`: a run as a model folder that anything can load."""

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from nlu_rl.cli.completion import run_names

app = typer.Typer()


class MergeInto(StrEnum):
    original = "original"
    quantized = "quantized"


class GgufType(StrEnum):
    bf16 = "bf16"
    f16 = "f16"
    f32 = "f32"
    q8_0 = "q8_0"


@app.command("export")
def export(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A training run.", autocompletion=run_names)],
    to: Annotated[Path | None, typer.Option(help="Folder to make; default: exports/RUN.")] = None,
    checkpoint: Annotated[str | None, typer.Option(help="best (default), latest, or a step.")] = None,
    gguf: Annotated[bool, typer.Option("--gguf", help="Also write a GGUF file, for llama.cpp and Ollama.")] = False,
    gguf_type: Annotated[
        GgufType | None, typer.Option(help="How the GGUF file holds its weights; default: bf16.", show_default=False)
    ] = None,
    merge_into: Annotated[
        MergeInto | None,
        typer.Option(
            help="Only of a run on a 4-bit base. quantized (default): into what its 4 bits stand for, which is the "
            "model that was trained. original: into the 16-bit weights, nearer to the base but another model; the "
            "check then also says what the trained one scores."
        ),
    ] = None,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Merge a run's adapter into its base and prove that the saved model is the one that was trained.

    Writes bfloat16 safetensors, tokenizer, a chat template that opens the answer, generation configuration, model card
    and the adapter by itself. The folder appears only when the reloaded model agrees with base + adapter in logits,
    answers and score.
    """
    from nlu_rl.cli.console import emit_json, note, stdout
    from nlu_rl.cli.live import run_job
    from nlu_rl.errors import RunError
    from nlu_rl.evaluation.checkpoint import find_checkpoint
    from nlu_rl.evaluation.request import require_trained
    from nlu_rl.export.base import choose_base
    from nlu_rl.export.check_text import figures
    from nlu_rl.export.serving import serving_commands
    from nlu_rl.export.target import export_target
    from nlu_rl.recipe import load_recipe
    from nlu_rl.runs.jobs import Job, read_job
    from nlu_rl.runs.layout import create_run, open_run
    from nlu_rl.tasks.contract import CLOSE_TAG

    source = open_run(run, kind="train")
    require_trained(source)
    if read_job(source).kind == "encoder":
        raise RunError(
            f"{source.name} is an encoder, which has no adapter to merge.",
            f"Its model is a folder already: {find_checkpoint(source, checkpoint)}.",
        )
    recipe = load_recipe(source.recipe_path)
    choose_base(recipe.model, recipe.quantize, merge_into.value if merge_into else None)
    if gguf_type is not None and not gguf:
        raise RunError("--gguf-type says how a GGUF file holds its weights, and none was asked for.", "Add --gguf.")
    target = export_target(source, str(to) if to else None)
    step = find_checkpoint(source, checkpoint).name
    arguments = {"run": source.name, "to": str(target), "checkpoint": step, "merge_into": merge_into}
    job = Job("export", {**arguments, "gguf": (gguf_type or GgufType.bf16).value if gguf else None})
    result = run_job(create_run(source.export_dir, "export", job), json=json)
    if json:
        emit_json(result)
        return
    console = stdout()
    for line in figures(result):
        console.print(line, soft_wrap=True)
    console.print(result["path"], markup=False, soft_wrap=True)
    note("\nServe it with one of:")
    for served in serving_commands(Path(result["path"]), gguf=gguf):
        note(f"  {served.command}   # {served.program}")
    note(f"Ask it in chat messages, with {CLOSE_TAG} as the stop text; the folder's README has a whole request.")
