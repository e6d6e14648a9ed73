"""The export job: merge, check, write the card, and only then put the model in its place.

The model is built in a hidden folder beside its place. One that fails its check is left aside, with the suffix
`.failed`, and the job fails; nothing that was there before is touched.
"""

import json
import logging
import os
import time
from dataclasses import asdict
from pathlib import Path
from typing import Any

from nlu_rl.errors import InternalError
from nlu_rl.evaluation import fingerprint
from nlu_rl.evaluation.checkpoint import find_checkpoint
from nlu_rl.evaluation.journal import read_settings
from nlu_rl.export.base import MergeInto, choose_base
from nlu_rl.export.card import model_card
from nlu_rl.export.check_text import GGUF, MERGING
from nlu_rl.export.gguf import adds_bos_token, require_converter, write_gguf
from nlu_rl.export.merge import export_bytes, merge_adapter
from nlu_rl.export.probes import TaskRow, choose_examples
from nlu_rl.export.serving import GGUF_NAME, modelfile, serving_commands
from nlu_rl.export.target import export_target
from nlu_rl.export.verify import Agreement, verify_export
from nlu_rl.models.catalogue import resolve_reference
from nlu_rl.models.chat import render_prompt
from nlu_rl.models.fetch import model_folder
from nlu_rl.models.load import load_tokenizer
from nlu_rl.models.verify import read_manifest
from nlu_rl.recipe import Recipe, load_recipe
from nlu_rl.runs.files import disk_error
from nlu_rl.runs.layout import RunDirectory, list_runs, open_run
from nlu_rl.runs.new_folder import draft_folder, put_in_place
from nlu_rl.runs.reporter import Reporter, StopNow
from nlu_rl.tasks.registry import get_task

logger = logging.getLogger(__name__)

ROWS = 120
"""Rows on which greedy answers and scores are compared."""
KEPT_ENOUGH = 0.9


def run(run: RunDirectory, arguments: dict[str, Any], reporter: Reporter) -> dict[str, Any]:
    """Export `arguments["run"]` (its `checkpoint`) to `arguments["to"]`, by default `exports/<run>`.

    `arguments["merge_into"]` chooses the base's weights (`base.choose_base`), `arguments["gguf"]` the type of a GGUF
    file to write as well.

    Returns:
        `path`, the figures of the check, `bytes`, `seconds`.

    Raises:
        RunError: no checkpoint, no room, or something is in the way.
        DownloadError: the converter to GGUF is not here and cannot be had.
        InternalError: the export is not the model that was trained.
    """
    started = time.monotonic()
    source = open_run(arguments["run"])
    recipe = load_recipe(source.recipe_path)
    checkpoint = find_checkpoint(source, arguments.get("checkpoint"))
    target = export_target(source, arguments.get("to"))
    rows = choose_examples([get_task(name) for name in recipe.tasks], ROWS)

    def phase(name: str, done: int, total: int | None) -> None:
        reporter.progress(name, done, total)
        if "stop" in reporter.requested():
            reporter.acknowledge("stop")
            raise StopNow

    gguf = arguments.get("gguf")
    reporter.state("loading")
    if gguf:
        require_converter()  # before the minutes of merging and checking, which its lack would waste
    model_folder(recipe.model, fetch=True, progress=lambda done, total: phase("fetching the model", done, total))
    into = choose_base(recipe.model, recipe.quantize, arguments.get("merge_into"))
    needed = export_bytes(recipe.model) * (3 if gguf == "f32" else 2 if gguf else 1)
    with draft_folder(target, needed, "export") as draft:
        reporter.state("saving")
        phase(MERGING, 0, None)
        tokens = recipe.generation.max_new_tokens
        precision = merge_adapter(recipe.model, checkpoint, draft, into=into, max_new_tokens=tokens)
        reporter.state("evaluating")
        agreement = verify_export(
            draft,
            recipe.model,
            checkpoint,
            rows,
            tokens,
            phase,
            merged_in=precision,
            into=into,
            trained=recipe.quantize,
        )
        reporter.event("export_check", **asdict(agreement))
        if agreement.problems:
            raise _failed(draft, target, agreement)
        if agreement.kept_update is not None and agreement.kept_update < KEPT_ENOUGH:
            reporter.warning(
                f"Only {agreement.kept_update:.0%} of the adapter's change survives in bfloat16 weights: it is small "
                "against their steps. The checks passed; to keep all of it, serve base and adapter unmerged, as the "
                "folder's README.md says."
            )
        reporter.state("saving")
        gguf_check = None
        if gguf:
            phase(GGUF, 0, None)
            gguf_check = write_gguf(draft, gguf, _model_type(draft))
        _write_texts(draft, target, source, checkpoint, recipe, agreement, rows, into=into, gguf=gguf_check or "")
        put_in_place(draft, target)
    figures = asdict(agreement)
    del figures["problems"]
    return {
        "path": str(target),
        **figures,
        "merged_into": into,
        "gguf": str(target / GGUF_NAME) if gguf else None,
        "gguf_check": gguf_check,
        "run": source.name,
        "checkpoint": checkpoint.name,
        "bytes": sum(file.stat().st_size for file in target.rglob("*") if file.is_file()),
        "seconds": time.monotonic() - started,
    }


def _model_type(folder: Path) -> str:
    return str(json.loads((folder / "config.json").read_text(encoding="utf-8"))["model_type"])


def _failed(draft: Path, target: Path, agreement: Agreement) -> InternalError:
    """Leave the model aside and return the error that says why.

    A score that moved although every weight is base + adapter is rounding: a short run's change is smaller than the
    steps of bfloat16 and part of it is lost.
    """
    aside = target.with_name(f"{target.name}.failed")
    number = 1
    while os.path.lexists(aside):
        number += 1
        aside = target.with_name(f"{target.name}.failed-{number}")
    (draft / "check.json").write_text(json.dumps(asdict(agreement), indent=1), encoding="utf-8")
    draft.rename(aside)
    advice = "Please report this; the run itself is untouched."
    if agreement.weight_error <= 1 and agreement.kept_update is not None and agreement.kept_update < KEPT_ENOUGH:
        advice = (
            f"Its weights are right, but only {agreement.kept_update:.0%} of what was trained survives in bfloat16: "
            "train further, or serve base and adapter unmerged."
        )
    return InternalError(
        f"The exported model is not the one that was trained: {'; '.join(agreement.problems)}.",
        f"It was left at {aside} for a look and must not be used. {advice}",
    )


def _write_texts(
    draft: Path,
    target: Path,
    source: RunDirectory,
    checkpoint: Path,
    recipe: Recipe,
    agreement: Agreement,
    rows: list[TaskRow],
    *,
    into: MergeInto,
    gguf: str,
) -> None:
    """Write the model card, and Ollama's Modelfile beside a GGUF file."""
    task, example = rows[0]
    tokenizer = load_tokenizer(draft, target.name)
    base = resolve_reference(recipe.model)
    card = model_card(
        name=target.name,
        run=source.name,
        step=checkpoint.name,
        recipe=recipe,
        base=base,
        agreement=agreement,
        scores=_scores_of(source, checkpoint),
        messages=task.prompt(example)[:-1],
        prompt=render_prompt(tokenizer, task.prompt(example)),
        into=into,
        served=serving_commands(Path(target.name), gguf=bool(gguf)),
        gguf=gguf,
        manifest=read_manifest(base.folder),
    )

    def render(messages: list[dict[str, str]]) -> str:
        return str(tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True))

    try:
        (draft / "README.md").write_text(card, encoding="utf-8")
        if gguf:
            bos_token = tokenizer.bos_token if adds_bos_token(draft / GGUF_NAME) else None
            text = modelfile(render, bos_token, recipe.generation.max_new_tokens)
            (draft / "Modelfile").write_text(text, encoding="utf-8")
    except OSError as error:
        raise disk_error(error, f"write {draft / 'README.md'}") from None


def _scores_of(source: RunDirectory, checkpoint: Path) -> list[dict[str, Any]]:
    """Return the results of the run's finished evaluations of this very adapter."""
    adapter = fingerprint.of_adapter(checkpoint)
    found = []
    for evaluation in list_runs(source.eval_dir):
        if (read_settings(evaluation.path) or {}).get("adapter") == adapter and evaluation.result_path.is_file():
            try:
                result = json.loads(evaluation.result_path.read_text(encoding="utf-8"))
            except (OSError, ValueError):
                logger.warning("%s cannot be read and is left out of the card", evaluation.result_path)
                continue
            if result.get("scores"):
                found.append(result)
    return found
