"""LoRA adapters on a loaded base: new ones, reproducible from their seed, and saved ones, checked against the base.

Adapter weights are float32 whatever the base is held in, and dropout is 0 (the engine computes a prompt once for all
its completions, which a random mask would forbid). The output layer never gets one.
"""

import json
import logging
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch
from peft import LoraConfig, PeftModel, TaskType, get_peft_model

from nlu_rl.errors import ModelError, RecipeError, did_you_mean
from nlu_rl.models.catalogue import CATALOGUE
from nlu_rl.models.load import LoadedModel
from nlu_rl.models.lora_linear import use_fused_updates
from nlu_rl.recipe_sections import Lora

logger = logging.getLogger(__name__)

ADAPTER_FILES = ("adapter_config.json", "adapter_model.safetensors")
_PREFIX = "base_model.model."


def add_lora(loaded: LoadedModel, lora: Lora, seed: int) -> PeftModel:
    """Put a new adapter on the base and return the wrapped model. Equal seeds give equal weights, bit for bit.

    Raises:
        RecipeError: `lora.target` matches no module, or one of its names matches none.
    """
    modules = target_modules(loaded.model, lora.target)
    config = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        lora_dropout=0.0,
        bias="none",
        task_type=TaskType.CAUSAL_LM,
        target_modules=modules,
        base_model_name_or_path=str(loaded.path),
    )
    with _seeded(seed, loaded.device):
        model = get_peft_model(loaded.model, config, autocast_adapter_dtype=True)
    use_fused_updates(model)
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    logger.info("LoRA rank %d on %d modules, %d trainable weights", lora.rank, adapted_modules(model), trainable)
    return model


def load_adapter(loaded: LoadedModel, adapter_dir: Path, trainable: bool = False) -> PeftModel:
    """Put the adapter saved in `adapter_dir` on the base and return the wrapped model.

    Raises:
        ModelError: it is incomplete or damaged, or belongs to another base.
    """
    _check_adapter(loaded, Path(adapter_dir))
    model = PeftModel.from_pretrained(
        loaded.model, str(adapter_dir), is_trainable=trainable, autocast_adapter_dtype=True, local_files_only=True
    )
    if not all(bool(parameter.isfinite().all()) for name, parameter in model.named_parameters() if "lora_" in name):
        raise ModelError(
            f"The adapter in {adapter_dir} is damaged: it holds values that are not finite numbers.",
            "Use another checkpoint of the run, or train it again.",
        )
    model.peft_config["default"].base_model_name_or_path = str(loaded.path)  # it may have moved
    model.train(False)
    use_fused_updates(model)
    logger.info("adapter from %s on %d modules", adapter_dir, adapted_modules(model))
    return model


def adapted_modules(model: torch.nn.Module) -> int:
    """Return how many modules carry an adapter."""
    return sum(matched_targets(model).values())


def matched_targets(model: torch.nn.Module) -> dict[str, int]:
    """Return the last name of every module that carries an adapter, and how many there are of each."""
    names = (name.rpartition(".")[2] for name, module in model.named_modules() if hasattr(module, "lora_A"))
    return dict(Counter(names))


def target_modules(model: torch.nn.Module, target: str | list[str]) -> list[str]:
    """Return the full names of the linear modules that `target` means, in the model's order.

    Raises:
        RecipeError: nothing matches, or one of the names matches nothing.
    """
    head = model.get_output_embeddings()  # type: ignore[operator]
    linear = [name for name, m in model.named_modules() if isinstance(m, torch.nn.Linear) and m is not head]
    if target == "all-linear":
        wanted, chosen = [target], linear
    else:
        wanted = [target] if isinstance(target, str) else list(target)
        matching = {suffix: [n for n in linear if n == suffix or n.endswith("." + suffix)] for suffix in wanted}
        for suffix, names in matching.items():
            if not names:
                raise _no_match(suffix, linear)
        taken = {name for names in matching.values() for name in names}
        chosen = [name for name in linear if name in taken]
    if not chosen:
        raise _no_match(", ".join(wanted), linear)
    return chosen


def _no_match(suffix: str, linear: list[str]) -> RecipeError:
    known = sorted({name.rpartition(".")[2] for name in linear})
    return RecipeError(
        f"lora.target '{suffix}' matches no linear module of the model.{did_you_mean(suffix, known)}",
        f"Use all-linear, or a list of: {', '.join(known)}.",
    )


@contextmanager
def _seeded(seed: int, device: torch.device) -> Iterator[None]:
    """Draw from `seed` inside, and leave every global generator as it was."""
    devices = [device.index or 0] if device.type == "cuda" else []
    with torch.random.fork_rng(devices=devices):
        torch.manual_seed(seed)
        yield


def _check_adapter(loaded: LoadedModel, folder: Path) -> None:
    for name in ADAPTER_FILES:
        if not (folder / name).is_file():
            raise ModelError(f"{folder} holds no whole adapter: {name} is missing.", "Use another checkpoint.")
    try:
        config = json.loads((folder / ADAPTER_FILES[0]).read_text(encoding="utf-8"))
        shapes = _adapter_shapes(folder / ADAPTER_FILES[1])
    except Exception as error:  # noqa: BLE001 - safetensors raises its own type for a damaged file
        raise ModelError(f"The adapter in {folder} is damaged: {error}.", "Use another checkpoint.") from None
    if config.get("lora_dropout"):
        raise ModelError(
            f"The adapter in {folder} was made with LoRA dropout {config['lora_dropout']}.",
            "Set lora_dropout to 0 in its adapter_config.json.",
        )
    recorded = str(config.get("base_model_name_or_path") or "another model")
    misfit = _misfit(loaded.model, shapes)
    theirs, ours = _hub_id(recorded), _hub_id(loaded.name) or _hub_id(str(loaded.path))
    if misfit or (theirs and ours and theirs.lower() != ours.lower()):
        raise ModelError(
            f"The adapter in {folder} was trained on {theirs or recorded} and does not belong to "
            f"{ours or loaded.path}{': ' + misfit if misfit else ''}.",
            f"Load it on {theirs or 'its own base model'}.",
        )


def _hub_id(base: str) -> str | None:
    """Return the hub id that a base's name, or the name of its folder, stands for; None when it tells nothing."""
    name = Path(base).name
    if name in CATALOGUE:
        return CATALOGUE[name].hub_id
    if "--" in name:
        return name.replace("--", "/", 1)
    return base if base.count("/") == 1 and not base.startswith((".", "/", "~")) else None


def _adapter_shapes(path: Path) -> dict[str, tuple[int, ...]]:
    from safetensors import safe_open

    with safe_open(path, framework="pt") as tensors:
        return {key: tuple(tensors.get_slice(key).get_shape()) for key in tensors.keys()}  # noqa: SIM118


def _misfit(model: torch.nn.Module, shapes: dict[str, tuple[int, ...]]) -> str | None:
    """Return the first adapter tensor that has no place in the model; None when all have."""
    modules: dict[str, Any] = dict(model.named_modules())
    if not shapes:
        return "it holds no tensors"
    for key, shape in shapes.items():
        name, _, kind = key.removeprefix(_PREFIX).removesuffix(".weight").rpartition(".")
        module = modules.get(name)
        if module is None:
            return f"there is no module {name}"
        expected, found = (module.in_features, shape[-1]) if kind == "lora_A" else (module.out_features, shape[0])
        if expected != found:
            return f"{name} has {expected} {'inputs' if kind == 'lora_A' else 'outputs'}, the adapter {found}"
    return None
