"""The last `PPOTrainer` of TRL (1.12, `trl.experimental.ppo`), set up as its own example does.

It needs a reward model; a rule that looks like one costs it nothing, where a second model would cost a forward pass.
The value model is a sequence classifier on the same base, as in the example.
"""

from types import SimpleNamespace
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from transformers import AutoModelForSequenceClassification
from trl.experimental.ppo import PPOConfig, PPOTrainer

from bench.peers.loading import load_policy, lora_config, trainer_arguments
from bench.serve import OneBatchARequest, Request, Server, serve
from bench.work import MANY_BATCHES, BenchRow, Work


class RuleAsRewardModel(torch.nn.Module):
    """Looks to TRL like a reward model: its backbone hands the token ids on, its score head reads them."""

    base_model_prefix = "backbone"

    def __init__(self, rows: list[BenchRow]) -> None:
        super().__init__()
        # The end-of-text token is the last of a target; TRL pads after it.
        self._right = [torch.tensor([*row.prompt_ids, *row.target_ids[:-1]]) for row in rows]

    def backbone(self, input_ids: Tensor, attention_mask: Tensor, **_: Any) -> SimpleNamespace:
        return SimpleNamespace(hidden_states=[torch.stack([input_ids, attention_mask], dim=-1)])

    def score(self, hidden: Tensor) -> Tensor:
        """Return (B, L, 1): 1 everywhere in a row that holds the right answer, else 0."""
        ids, real = hidden[..., 0], hidden[..., 1].bool()
        rewards = [self._is_right(row[mask]) for row, mask in zip(ids, real, strict=True)]
        return torch.tensor(rewards, device=ids.device)[:, None, None].expand(*ids.shape, 1)

    def _is_right(self, row: Tensor) -> float:
        return float(any(torch.equal(row[: len(right)].cpu(), right) for right in self._right))


class PPOBatchARequest(OneBatchARequest):
    """A warm-up has one epoch; the trainer reads their number at every batch."""

    def __init__(self, server: Server, work: Work, args: PPOConfig) -> None:
        super().__init__(server)
        self._work, self._args = work, args

    def begin(self, request: Request) -> None:
        self._args.num_ppo_epochs = 1 if request.get("warm_up") else self._work.ppo_epochs


def main(work: Work, server: Server) -> None:
    policy, tokenizer = load_policy(work)
    tokenizer.padding_side = "left"
    tokenizer.add_special_tokens({"pad_token": "[PAD]"})
    value_model = AutoModelForSequenceClassification.from_pretrained(
        work.model, num_labels=1, dtype=getattr(torch, work.dtype)
    )
    arguments = PPOConfig(
        **trainer_arguments(work),
        total_episodes=work.batch * MANY_BATCHES,
        num_ppo_epochs=work.ppo_epochs,
        num_mini_batches=1,
        response_length=work.max_new_tokens,
        temperature=1.0,
        stop_token="eos",
        missing_eos_penalty=1.0,
        num_sample_generations=0,
    )
    trainer = PPOTrainer(
        args=arguments,
        processing_class=tokenizer,
        model=policy,
        ref_model=None,
        reward_model=RuleAsRewardModel(work.rows),
        value_model=value_model,
        train_dataset=Dataset.from_list([{"input_ids": row.prompt_ids} for row in work.rows]),
        peft_config=lora_config(work),
        callbacks=[PPOBatchARequest(server, work, arguments)],
    )
    trainer.train()


if __name__ == "__main__":
    serve(main)
