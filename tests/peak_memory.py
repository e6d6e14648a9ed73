"""Measures the peak memory of two training steps in a process of its own: `python peak_memory.py JSON` prints JSON."""

import json
import random
import re
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

STEPS = 2
"""The optimizer's state exists from the first step on."""
GROUP = 4
"""Completions of one prompt in GRPO."""
TINY = {
    "hidden_size": 64,
    "intermediate_size": 64,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "num_key_value_heads": 2,
    "vocab_size": 320,
}


def status(key: str) -> int:
    """Return a size of this process, such as VmHWM (the most it has held), in bytes."""
    found = re.search(rf"^{key}:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"), re.MULTILINE)
    return int(found.group(1)) * 1024 if found else 0


def measure(sizes: dict[str, Any], rows: int, prompt_tokens: int, new_tokens: int, **how: str) -> int:
    """Return the most that a run holds at once, from the loaded model on, libraries left out."""
    train(TINY, 4, 8, 2, **how)  # what the libraries take on first use
    before = status("VmRSS")
    train(sizes, rows, prompt_tokens, new_tokens, **how)
    return status("VmHWM") - before


def train(
    sizes: dict[str, Any], rows: int, prompt_tokens: int, new_tokens: int, *, method: str, dtype: str, quantize: str
) -> None:
    """Train by the product's own trainer on rows of random tokens that share nothing."""
    from nlu_rl.models.load import load_model
    from nlu_rl.models.lora import add_lora
    from nlu_rl.policy.policy import Policy
    from nlu_rl.recipe import Recipe
    from nlu_rl.runs.jobs import Job
    from nlu_rl.runs.layout import create_run
    from nlu_rl.runs.reporter import Reporter
    from nlu_rl.training.context import Context
    from nlu_rl.training.job import make_trainer

    recipe = Recipe.model_validate(
        {
            "model": "tiny",
            "tasks": ["sst2"],
            "method": method,
            "quantize": quantize,
            "precision": dtype,
            "generation": {"max_new_tokens": new_tokens},
            "train": {"batch": rows, "max_steps": STEPS, "optimizer": "adamw"},
            "ppo": {"epochs": 1},
            "grpo": {"completions": GROUP},
            "evaluate": {"every": None, "before": False},
        }
    )
    with TemporaryDirectory() as folder:
        save_model(sizes, dtype, Path(folder, "model"))
        options: Any = {"precision": dtype, "quantize": quantize, "fetch": False}
        if quantize == "nf4":  # else the file of 16-bit weights stays mapped, and its pages would count
            load_model(str(Path(folder, "model")), **options).model.save_pretrained(Path(folder, "model"))
        loaded = load_model(str(Path(folder, "model")), **options)
        Path("/proc/self/clear_refs").write_text("5", encoding="ascii")  # the peak counts from here
        tokens = rows * (prompt_tokens + new_tokens)
        policy = Policy(add_lora(loaded, recipe.lora, 1), loaded.tokenizer, max_tokens=tokens)
        data: Any = RandomRows(rows // (GROUP if method == "grpo" else 1) * STEPS, prompt_tokens, new_tokens)
        run = create_run(Path(folder, "runs"), "tiny", Job("train", {}), recipe_yaml=recipe.to_yaml())
        with Reporter(run) as reporter:
            trainer: Any = make_trainer(Context(recipe, run, reporter, policy, loaded.tokenizer, data, None))
            trainer.train()


class RandomRows:
    """Rows of random tokens that share nothing."""

    def __init__(self, count: int, prompt_tokens: int, new_tokens: int) -> None:
        draw = random.Random(0)
        lengths = prompt_tokens - 1, new_tokens
        self._tokens = [[[row, *(draw.randrange(250) for _ in range(n))] for n in lengths] for row in range(count)]

    def __len__(self) -> int:
        return len(self._tokens)

    def __getitem__(self, position: int) -> Any:
        from nlu_rl.training.rows import Row
        from toy_run import EXAMPLES, HighOrLow

        task: Any = HighOrLow()
        prompt, target = self._tokens[position]
        return Row(task, EXAMPLES[position % 2], prompt, target[1:])


def save_model(sizes: dict[str, Any], dtype: str, folder: Path) -> None:
    import torch
    from transformers import LlamaConfig, LlamaForCausalLM

    from tiny_model import tiny_tokenizer

    tokenizer = tiny_tokenizer()
    torch.manual_seed(0)
    config = LlamaConfig(**sizes, tie_word_embeddings=False, eos_token_id=tokenizer.eos_token_id)
    LlamaForCausalLM(config).to(getattr(torch, dtype)).save_pretrained(folder)
    tokenizer.save_pretrained(folder)


if __name__ == "__main__":
    sys.stdout.write(json.dumps(measure(**json.loads(sys.argv[1]))))
