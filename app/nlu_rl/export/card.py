"""The model card written with an export: what it is, how it was trained, what it scores, how to serve it."""

from collections.abc import Mapping, Sequence
from typing import Any

from nlu_rl import __version__
from nlu_rl.export.verify import Agreement
from nlu_rl.models.catalogue import Reference
from nlu_rl.recipe import Recipe
from nlu_rl.tasks.contract import CLOSE_TAG, OPEN_TAG

_SPDX = {"Apache-2.0": "apache-2.0", "Llama 2 Community License": "llama2"}


def model_card(
    *,
    name: str,
    run: str,
    step: str,
    recipe: Recipe,
    base: Reference,
    agreement: Agreement,
    scores: Sequence[Mapping[str, Any]],
    prompt: str,
) -> str:
    """Return the text of README.md.

    Args:
        step: name of the checkpoint that was exported.
        scores: results of the run's evaluations of this checkpoint.
        prompt: a whole prompt, as the model was trained on it.
    """
    licence = base.entry.licence if base.entry else "that of the base model"
    spdx = _SPDX.get(licence, "other")
    base_id = base.hub_id or base.name
    method = {"sft": "supervised fine-tuning", "ppo": "PPO", "grpo": "GRPO"}[recipe.method]
    parts = [
        _front_matter(base_id if base.hub_id else None, spdx, recipe),
        f"# {name}",
        f"{base_id}, fine-tuned by {method} on {', '.join(recipe.tasks)} with a LoRA of rank {recipe.lora.rank}, "
        f"merged into the weights (bfloat16). Made by nlu-rl {__version__} from run `{run}`, {step}.",
        "## Scores",
        _score_table(scores),
        "## The same model as was trained",
        _proof(agreement),
        "## Use",
        _use(prompt),
        "## Recipe",
        f"```yaml\n{recipe.to_yaml()}```",
        "## Licence",
        f"The base model's licence applies: {licence}" + (f" ({base.entry.licence_url})." if base.entry else "."),
    ]
    return "\n\n".join(parts) + "\n"


def _front_matter(base_id: str | None, spdx: str, recipe: Recipe) -> str:
    lines = ["---", f"license: {spdx}", "library_name: transformers", "pipeline_tag: text-generation"]
    if base_id:
        lines.append(f"base_model: {base_id}")
    return "\n".join([*lines, "tags:", f"- {recipe.method}", "- lora", "- nlu-rl", "---"])


def _score_table(scores: Sequence[Mapping[str, Any]]) -> str:
    if not scores:
        return "No evaluation of this checkpoint was run; `nlu-rl eval` makes one."
    rows = ["| task | rows | metric | score | 95 % interval | parse rate | decoding |", "|---|---|---|---|---|---|---|"]
    for result in scores:
        metric = result["metric"]
        low, high = result["intervals"][metric]
        rows.append(
            f"| {result['task']} | {result['n']} of {result['split'] or 'a file'} | {metric} | "
            f"{result['scores'][metric]:.3f} | {low:.3f} to {high:.3f} | {_rate(result['parse_rate'])} | "
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
    return (
        f"{weights}The saved files were loaded again and compared with base + adapter. Logits on {a.prompts} prompts "
        f"differ by {a.logit_rms:.3g} in root mean square (allowed: {a.logit_rms_allowed:.3g}). "
        f"Of {a.rows} greedy answers {a.same_answers:.1%} are the same; {a.changed_completions} completions "
        f"changed, every one a near tie. Score {a.score_adapter:.3f} with the adapter, {a.score_export:.3f} merged "
        f"(paired p = {a.p:.2g})."
    )


def _use(prompt: str) -> str:
    return (
        f"The model continues a prompt that ends in `{OPEN_TAG}` and closes its answer with `{CLOSE_TAG}`:\n\n"
        f"```text\n{prompt}\n```\n\n"
        "```python\n"
        "from transformers import AutoModelForCausalLM, AutoTokenizer\n\n"
        'tokenizer = AutoTokenizer.from_pretrained("PATH")\n'
        'model = AutoModelForCausalLM.from_pretrained("PATH", dtype="auto")\n'
        f'prompt = tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=True) + "{OPEN_TAG}"\n'
        'inputs = tokenizer(prompt, add_special_tokens=False, return_tensors="pt")\n'
        f'output = model.generate(**inputs, max_new_tokens=32, stop_strings=["{CLOSE_TAG}"], tokenizer=tokenizer)\n'
        "```\n\n"
        f"Served by vLLM (`vllm serve PATH`), send the rendered prompt to `/v1/completions` with "
        f'`"stop": ["{CLOSE_TAG}"]`.'
    )
