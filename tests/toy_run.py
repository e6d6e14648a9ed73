"""A toy run: a tiny model, a task of two prompts, and a trainer made as the train job makes it."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from nlu_rl.policy.draws import Draws
from nlu_rl.policy.policy import Policy
from nlu_rl.recipe import Recipe
from nlu_rl.runs.events import read_events
from nlu_rl.runs.jobs import Job
from nlu_rl.runs.layout import create_run
from nlu_rl.runs.reporter import Reporter
from nlu_rl.tasks.contract import Example, Extracted, Message, Scored
from nlu_rl.training.context import Context
from nlu_rl.training.job import make_trainer
from nlu_rl.training.rows import Rows, row_order
from tiny_model import tiny_causal_lm, tiny_tokenizer

TOY_STEPS = 2


class HighOrLow:
    """Answer A with a character below 'N' and B with one from it on; a random model is right half the time."""

    name, version, answers, metric = "high-or-low", 1, ("low", "high"), "accuracy"

    def prompt(self, example: Example, shots: Sequence[Example] = ()) -> list[Message]:
        return [{"role": "user", "content": example.fields["text"]}, {"role": "assistant", "content": ""}]

    def target(self, example: Example) -> str:
        return "!" if example.gold == "low" else "z"

    def score(self, example: Example, completion: str) -> Scored:
        answer = None if not completion else "low" if completion[0] < "N" else "high"
        correct = answer == example.gold
        reward = -1.0 if answer is None else float(correct)
        return Scored(reward, {"correctness": reward}, correct, Extracted(answer, "strict" if answer else "none"))


EXAMPLES = [Example("1", {"text": "A"}, "low"), Example("2", {"text": "B"}, "high")]


def train_toy(method: str, folder: Path, *, max_steps: int, **sections: Any) -> tuple[Any, list[dict[str, Any]]]:
    """Train and return the model and the run's events."""
    from peft import LoraConfig, get_peft_model

    recipe = Recipe.model_validate(
        {
            "model": "tiny",
            "tasks": ["high-or-low"],
            "method": method,
            "generation": {"max_new_tokens": 1},
            "train": {"batch": 32, "max_steps": max_steps, "learning_rate": 0.003, "optimizer": "adamw"},
            "evaluate": {"every": None, "before": False},
            **sections,
        }
    )
    import torch

    torch.manual_seed(1)
    model = get_peft_model(
        tiny_causal_lm(seed=1, hidden_size=64), LoraConfig(r=8, lora_alpha=16, target_modules="all-linear")
    )
    policy, tokenizer = Policy(model, tiny_tokenizer()), tiny_tokenizer()
    rows = toy_rows(32 // (8 if method == "grpo" else 1) * max_steps)
    run = create_run(folder, "toy", Job("train", {}), recipe_yaml=recipe.to_yaml())
    with Reporter(run) as reporter:
        trainer: Any = make_trainer(Context(recipe, run, reporter, policy, tokenizer, rows, None))
        trainer.train()
    return model, list(read_events(run.events_path))


def toy_rows(count: int) -> Rows:
    return Rows([HighOrLow()], [EXAMPLES], row_order([2], [1.0], count, seed=1), tiny_tokenizer())  # type: ignore[list-item]


def mean_reward(model: Any) -> float:
    """Return the mean reward of 200 samples."""
    rows = toy_rows(200)
    chosen = [rows[i] for i in range(200)]
    policy = Policy(model, tiny_tokenizer())
    texts = policy.sample([row.prompt_ids for row in chosen], max_new_tokens=1, draws=Draws(99)).texts
    return sum(row.task.score(row.example, text).reward for row, text in zip(chosen, texts, strict=True)) / 200
