"""TRL's `GRPOTrainer` with a rule reward: the right answer with its closing tag."""

from typing import Any

from datasets import Dataset
from trl import GRPOConfig, GRPOTrainer

from bench.peers.loading import load_policy, lora_config, trainer_arguments
from bench.serve import OneBatchARequest, Server, serve
from bench.work import Work


def rule_reward(completions: list[str], target: list[str], **_: Any) -> list[float]:
    return [float(text.startswith(right)) for text, right in zip(completions, target, strict=True)]


def main(work: Work, server: Server) -> None:
    model, tokenizer = load_policy(work)
    trainer = GRPOTrainer(
        model=model,
        reward_funcs=rule_reward,
        args=GRPOConfig(
            **trainer_arguments(work),
            num_generations=work.completions,
            max_completion_length=work.max_new_tokens,
            temperature=1.0,
            beta=work.kl,
            loss_type="grpo",
        ),
        train_dataset=Dataset.from_list([{"prompt": row.prompt, "target": row.target} for row in work.rows]),
        processing_class=tokenizer,
        peft_config=lora_config(work),
        callbacks=[OneBatchARequest(server)],
    )
    trainer.train()


if __name__ == "__main__":
    serve(main)
