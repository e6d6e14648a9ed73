"""The model card written with an export: what it is, how it was trained, what it scores, how to serve it."""

import json
import os
import shlex
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from nlu_rl import __version__
from nlu_rl.export.base import MergeInto
from nlu_rl.export.serving import GGUF_NAME, Served, request_body, unmerged_command
from nlu_rl.export.verify import Agreement
from nlu_rl.models.catalogue import Reference
from nlu_rl.models.origin import Origin, bare_name, origin_of
from nlu_rl.recipe import Recipe
from nlu_rl.tasks.contract import CLOSE_TAG, OPEN_TAG, Message
from nlu_rl.tasks.registry import get_task

_MERGED: dict[MergeInto, str] = {
    "original": "the base's own weights (bfloat16)",
    "quantized": "what the 4-bit weights it was trained on stand for (in bfloat16), so that it is what was trained",
}
_PORT = 8000
"""Of the example's request."""


def model_card(
    *,
    name: str,
    run: str,
    step: str,
    recipe: Recipe,
    base: Reference,
    agreement: Agreement,
    scores: Sequence[Mapping[str, Any]],
    messages: Sequence[Message],
    prompt: str,
    into: MergeInto = "original",
    served: Sequence[Served] = (),
    manifest: Mapping[str, Any] | None = None,
    gguf: str = "",
) -> str:
    """Return the text of README.md. Of this machine's folders it gives the names alone: cards are made to be shown.

    Args:
        step: name of the checkpoint that was exported.
        scores: results of the run's evaluations of this checkpoint.
        messages: the turns of a request, without the opened answer.
        prompt: the same as the model was trained on it.
        into: which weights of the base the adapter was merged into.
        served: the commands that serve it.
        manifest: of the base's folder, which says what its weights were made from.
        gguf: of a GGUF file beside it, how its weights agree with these.
    """
    names = recipe.tasks
    recipe = _without_folders(recipe)
    origin = origin_of(base)
    method = {"sft": "supervised fine-tuning", "ppo": "PPO", "grpo": "GRPO"}[recipe.method]
    parts = [
        _front_matter(origin, recipe),
        f"# {name}",
        f"{origin.name}, fine-tuned by {method} on {', '.join(recipe.tasks)} with a LoRA of rank {recipe.lora.rank}, "
        f"merged into {_MERGED[into]}. Made by nlu-rl {__version__} from run `{run}`, {step}.",
        "## Base weights",
        _base_weights(origin.name, manifest or {}, recipe.quantize),
        "## Data",
        _data(names),
        "## Scores",
        _score_table(scores),
        "## The same model as was trained",
        _proof(agreement),
        "## Use",
        _use(messages, prompt),
        "## Serve",
        _serve(served, request_body(name, messages, recipe.generation.max_new_tokens)),
        *([f"`{GGUF_NAME}`: {gguf}."] if gguf else []),
        f"{_UNMERGED[recipe.quantize]}:\n\n```\n{unmerged_command(Path(name), recipe.lora.rank)}\n```",
        "## Recipe",
        f"```yaml\n{recipe.to_yaml()}```",
        "## Licence",
        _licence(origin),
    ]
    return "\n\n".join(parts) + "\n"


_UNMERGED = {
    "none": "`adapter/` is the LoRA by itself. On the base's own weights (in the folder BASE) it is the model that was "
    "trained, with nothing lost to rounding",
    "nf4": "`adapter/` is the LoRA by itself. It was trained on the base in 4 bits (NF4), and is the model that was "
    "trained on these alone: on a folder of `nlu-rl models bundle`, or with `load_in_4bit` of transformers. On the "
    "base's 16-bit weights (in the folder BASE) it is a model near to that one",
}
"""What the adapter by itself is, by the base it was trained on."""


def _licence(origin: Origin) -> str:
    if origin.licence is None:
        return "The base model's licence applies; which one it is was not recorded with its weights."
    where = f" ({origin.licence_url})" if origin.licence_url else ""
    return f"The base model's licence applies: {origin.licence}{where}."


def _without_folders(recipe: Recipe) -> Recipe:
    """Return the recipe with the names alone of a model and of tasks that are files of this machine."""
    tasks = [bare_name(task) for task in recipe.tasks]
    start = recipe.start_from and bare_name(recipe.start_from)
    return recipe.model_copy(update={"model": bare_name(recipe.model), "tasks": tasks, "start_from": start})


def _base_weights(base_id: str, manifest: Mapping[str, Any], quantize: str) -> str:
    """Return what the base's weights were made from: under one name there are several, and an adapter fits its own."""
    held = " in 4 bits (NF4)" if manifest.get("source") == "bundle" else ""
    made_from = manifest.get("made_from") or manifest
    on_them = "on them as they are held in 4 bits (NF4)" if quantize == "nf4" else "on them"
    belongs = f"This model is made of these weights{held}, and `adapter/` belongs {on_them}"
    converted = made_from.get("converted_from")
    if converted:
        return (
            f"Not the hub's: they were converted from `{os.path.basename(converted['file'])}` of the package file "
            f"`{made_from.get('url')}` (SHA-256 `{converted['wheel_sha256']}`). {belongs}, not on the weights of "
            f"{base_id} on the hub, whose name `base_model` and the adapter's configuration give for its origin."
        )
    if made_from.get("source") == "hub":
        return f"Those of {made_from.get('url')}. {belongs}."
    return f"Those of a folder of its own, of unrecorded origin. {belongs}."


def _data(names: Sequence[str]) -> str:
    """Return the data each task was trained on, with its licence as far as it is known."""
    tasks = [get_task(name) for name in names]
    return "\n".join(
        f"- {task.name}: {', '.join(task.datasets()) or 'a file of its own'}; licence: {task.about()['licence']}"
        for task in tasks
    )


def _serve(served: Sequence[Served], body: str) -> str:
    commands = "\n".join(f"{one.command}   # {one.program}" for one in served)
    return (
        f"In the folder that holds this one:\n\n```\n{commands}\n```\n\n"
        f"The chat template opens the answer with `{OPEN_TAG}` by itself, so chat requests need nothing but the stop "
        f"text (transformers takes the folder's path for the model's name{_other_ports(served)}):\n\n"
        f"```\ncurl http://localhost:{_PORT}/v1/chat/completions -H 'Content-Type: application/json' "
        f"-d {shlex.quote(body)}\n```\n\n"
        f"Some servers return `{CLOSE_TAG}` with the answer, some do not; what is before it counts."
    )


def _other_ports(served: Sequence[Served]) -> str:
    """Return where a server listens that is not at the port of the example."""
    return "".join(f"; {one.program} listens on port {one.port}" for one in served if one.port not in (None, _PORT))


def _front_matter(origin: Origin, recipe: Recipe) -> str:
    lines = ["---", f"license: {origin.hub_licence}", "library_name: transformers", "pipeline_tag: text-generation"]
    if origin.hub_id:
        lines.append(f"base_model: {origin.hub_id}")
    return "\n".join([*lines, "tags:", f"- {recipe.method}", "- lora", "- nlu-rl", "---"])


def _score_table(scores: Sequence[Mapping[str, Any]]) -> str:
    if not scores:
        return "No evaluation of this checkpoint was run; `nlu-rl eval` makes one."
    rows = ["| task | rows | metric | score | 95 % interval | parse rate | decoding |", "|---|---|---|---|---|---|---|"]
    for result in scores:
        metric = result["metric"]
        bounds = result["intervals"].get(metric)  # the perplexity of a single window has none
        spread = "-" if bounds is None else f"{bounds[0]:.3f} to {bounds[1]:.3f}"
        rows.append(
            f"| {result['task']} | {result['n']} of {result['split'] or 'a file'} | {metric} | "
            f"{result['scores'][metric]:.3f} | {spread} | {_rate(result['parse_rate'])} | "
            f"{_decoding(result)} |"
        )
    return "\n".join(rows)


def _rate(rate: float | None) -> str:
    return "-" if rate is None else f"{rate:.3f}"


def _decoding(result: Mapping[str, Any]) -> str:
    """Return how the answers were made; of a perplexity, how the text was cut."""
    if "window" in result:
        return f"windows of {result['window']} tokens, {result['stride']} apart"
    decoding = "greedy" if result["temperature"] == 0 else "one sample at temperature 1"
    return f"{decoding}, seed {result['seed']}"


def _proof(agreement: Agreement) -> str:
    a = agreement
    kept = "" if a.kept_update is None else f" (which keeps {a.kept_update:.0%} of the adapter's change)"
    weights = f"Every weight is base + adapter, rounded to bfloat16{kept}. " if a.weights_checked else ""
    few = {0: "no completion changed", 1: "one completion changed, a near tie"}
    changed = few.get(a.changed_completions, f"{a.changed_completions} completions changed, every one a near tie")
    return (
        f"{weights}The saved files were loaded again and compared with base + adapter. Logits on {a.prompts} prompts "
        f"differ by {a.logit_rms:.3g} in root mean square (allowed: {a.logit_rms_allowed:.3g}). "
        f"Of {a.rows} greedy answers {a.same_answers:.1%} are the same; {changed}. "
        f"Score {a.score_adapter:.3f} with the adapter, {a.score_export:.3f} merged (paired p = {a.p:.2g})."
        + ("" if a.score_trained is None else f" On the 4-bit base, as it was trained: {a.score_trained:.3f}.")
    )


def _use(messages: Sequence[Message], prompt: str) -> str:
    return (
        f"A prompt ends in `{OPEN_TAG}`, which the chat template writes, and the answer is closed by `{CLOSE_TAG}`:\n\n"
        f"```text\n{prompt}\n```\n\n"
        "```python\n"
        "from transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
        'tokenizer = AutoTokenizer.from_pretrained("PATH")\n'
        'model = AutoModelForCausalLM.from_pretrained("PATH", dtype="auto")\n'
        f"messages = {json.dumps(list(messages), ensure_ascii=False)}\n"
        "prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True)\n"
        'inputs = tokenizer(prompt, add_special_tokens=False, return_tensors="pt")\n'
        f'output = model.generate(**inputs, stop_strings=["{CLOSE_TAG}"], tokenizer=tokenizer)\n'
        "```\n\n"
        f"`model.generate(**inputs)` alone works too: it goes on to the end of text or its length; what follows "
        f"`{CLOSE_TAG}` does not count."
    )
