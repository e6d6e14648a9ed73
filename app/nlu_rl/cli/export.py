"""`nlu-rl export`: a run as a model folder that anything can load."""

from pathlib import Path
from typing import Annotated

import typer

from nlu_rl.cli.completion import run_names

app = typer.Typer()


@app.command("export")
def export(
    run: Annotated[str, typer.Argument(metavar="RUN", help="A training run.", autocompletion=run_names)],
    to: Annotated[Path | None, typer.Option(help="Folder to make; default: exports/RUN.")] = None,
    checkpoint: Annotated[str | None, typer.Option(help="best (default), latest, or a step.")] = None,
    gguf: Annotated[bool, typer.Option("--gguf", help="Also write a GGUF file (not available yet).")] = False,
    json: Annotated[bool, typer.Option("--json", help="One JSON object on standard output.")] = False,
) -> None:
    """Merge a run's adapter into its base and prove that the saved model is the one that was trained.

    Writes bfloat16 safetensors, tokenizer, chat template, generation configuration and a model card. The folder appears
    only when the reloaded model agrees with base + adapter in logits, answers and score.
    """
    from nlu_rl.cli.console import emit_json, stdout
    from nlu_rl.cli.live import run_job
    from nlu_rl.errors import RunError
    from nlu_rl.evaluation.checkpoint import find_checkpoint
    from nlu_rl.evaluation.request import require_trained
    from nlu_rl.export.target import export_target
    from nlu_rl.runs.jobs import Job, read_job
    from nlu_rl.runs.layout import create_run, open_run

    if gguf:
        raise RunError("GGUF files cannot be written yet.", "Export without --gguf; llama.cpp converts the folder.")
    source = open_run(run, kind="train")
    require_trained(source)
    if read_job(source).kind == "encoder":
        raise RunError(
            f"{source.name} is an encoder, which has no adapter to merge.",
            f"Its model is a folder already: {find_checkpoint(source, checkpoint)}.",
        )
    target = export_target(source, str(to) if to else None)
    step = find_checkpoint(source, checkpoint).name
    job = Job("export", {"run": source.name, "to": str(target), "checkpoint": step})
    result = run_job(create_run(source.export_dir, "export", job), json=json)
    if json:
        emit_json(result)
        return
    console = stdout()
    kept = "" if result["kept_update"] is None else f", {result['kept_update']:.0%} of the adapter's change kept"
    console.print(
        f"weights: {result['weights_checked']} adapted tensors are base + adapter in bfloat16{kept}\n"
        f"logits differ by {result['logit_rms']:.4g} in root mean square (allowed {result['logit_rms_allowed']:.4g}, "
        f"{result['prompts']} prompts)\n"
        f"answers the same: {result['same_answers']:.1%} of {result['rows']}; completions changed: "
        f"{result['changed_completions']}, each a near tie\n"
        f"score: adapter {result['score_adapter']:.3f}, export {result['score_export']:.3f} "
        f"(paired p = {result['p']:.2g})",
        soft_wrap=True,
    )
    console.print(result["path"], markup=False, soft_wrap=True)
