"""What models there are to begin with: sizes, whether they are here, and whether they fit this machine."""

import os
from dataclasses import dataclass

from nlu_rl import paths
from nlu_rl.errors import NluRlError
from nlu_rl.models.catalogue import CATALOGUE, resolve_reference
from nlu_rl.models.encoders import ENCODERS
from nlu_rl.models.machine import Accelerator, named_accelerator
from nlu_rl.models.recipe_plan import plan_recipe
from nlu_rl.recipe import Recipe


@dataclass(frozen=True, slots=True)
class ModelChoice:
    """One model on this machine. Bytes are None where its sizes are not known before it is fetched."""

    name: str
    parameters: int | None
    here: bool
    sft_bytes: float | None
    rl_bytes: float | None
    fits: bool
    advice: str
    about: str


def machine() -> Accelerator:
    """Return where a run would live. May ask nvidia-smi: call it in a thread."""
    return named_accelerator(None)


def model_choices(accelerator: Accelerator) -> list[ModelChoice]:
    """Return the catalogue, then the other model folders; encoders write no text and are left out."""
    names = [*CATALOGUE, *(path.name for path in paths.model_dirs() if path.name.lower() not in ENCODERS)]
    return [model_choice(name, accelerator) for name in dict.fromkeys(names)]


def model_choice(name: str, accelerator: Accelerator) -> ModelChoice:
    """Return one model. Raises ModelError for a name that means nothing."""
    reference = resolve_reference(name)
    entry = reference.entry
    plans = {}
    for method in ("sft", "ppo"):
        recipe = Recipe.model_validate({"model": name, "tasks": ["sst2"], "method": method})
        try:
            plans[method] = plan_recipe(recipe, accelerator)
        except NluRlError:
            break
    known = len(plans) == 2
    return ModelChoice(
        name=name,
        parameters=plans["ppo"]["parameters"] if known else None,
        here=os.path.isdir(reference.folder),
        sft_bytes=plans["sft"]["total_bytes"] if known else None,
        rl_bytes=plans["ppo"]["total_bytes"] if known else None,
        fits=not known or (plans["sft"]["fits"] and plans["ppo"]["fits"]),
        advice=" ".join(plans["ppo"]["change"]) if known else "",
        about=f"{entry.about} {entry.licence}." if entry else "A model folder, or one on the hub.",
    )
