"""PPO in TRL's idiom: a `transformers.Trainer` whose one step is one rollout batch with all its epochs.

The critic is a value head on the policy's own trunk and the reference is the policy with its adapters off, so nothing
is held twice. Every optimizer step of a batch but the last is taken here; the last one is left to the Trainer, whose
schedule, clipping, logging and checkpoints then apply unchanged, once a batch.
"""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils.data import Dataset, SequentialSampler
from transformers import Trainer, TrainingArguments

from nlu_rl.models.value_head import ValueHead
from nlu_rl.policy.draws import Draws
from nlu_rl.policy.scores import Scores
from nlu_rl.recipe import Ppo
from nlu_rl.training import ppo_math
from nlu_rl.training.arguments import training_arguments
from nlu_rl.training.context import Context
from nlu_rl.training.judge import judge, report_samples, task_metrics
from nlu_rl.training.supervised_run import SupervisedRun

VALUE_HEAD_FILE = "value_head.safetensors"


@dataclass
class PPOConfig(TrainingArguments):
    """`TrainingArguments` with the recipe's `ppo` section."""

    ppo: Ppo = field(default_factory=Ppo)


@dataclass
class RolloutBatch:
    """What the epochs of one step learn from; tensors are (B, T), without gradient."""

    prompts: list[list[int]]
    completions: list[list[int]]
    old: Scores
    reference: Tensor
    """Log-probabilities of the base model."""
    advantages: Tensor
    targets: Tensor


class Positions(Dataset[int]):
    """The positions 0 .. n-1 in the run's row order."""

    def __init__(self, n: int) -> None:
        self._n = n

    def __len__(self) -> int:
        return self._n

    def __getitem__(self, position: int) -> int:
        return position


class PPOTrainer(SupervisedRun, Trainer):
    """Proximal policy optimisation with a rule reward at the end of each completion."""

    args: PPOConfig

    def __init__(self, value_head: ValueHead, **kwargs: Any) -> None:
        super().__init__(**kwargs)
        self.value_head = value_head.to(self.args.device)
        self.model.add_module("value_head", self.value_head)
        self.kl_coefficient = self.args.ppo.kl

    def _get_train_sampler(self, dataset: Any = None) -> Any:
        return SequentialSampler(dataset or self.train_dataset)

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """The adapter at the recipe's learning rate, the value head at its own."""
        head = {id(parameter) for parameter in self.value_head.parameters()}
        adapter = [p for p in self.model.parameters() if p.requires_grad and id(p) not in head]
        kind, options = self.get_optimizer_cls_and_kwargs(self.args, self.model)
        groups = [
            {"params": adapter, "weight_decay": self.args.weight_decay},
            {"params": list(self.value_head.parameters()), "lr": self.args.ppo.value_learning_rate},
        ]
        self.optimizer = kind(groups, **options)
        return self.optimizer

    def training_step(self, model: Any, inputs: list[int], num_items_in_batch: Any = None) -> Tensor:
        """Roll out one batch (B completions) and learn from it; the last gradient is left for the Trainer to apply."""
        model.train()
        batch = self.rollout(inputs)
        losses = []
        with self.context.metrics.timed("update"):
            passes = list(self._passes(len(batch.prompts)))
            for number, chosen in enumerate(passes):
                losses.append(self._backward(batch, chosen))
                if number + 1 < len(passes):
                    self.accelerator.clip_grad_norm_(self.model.parameters(), self.args.max_grad_norm)
                    self.optimizer.step()
                    self.optimizer.zero_grad()
        means = {name: float(np.mean([loss[name] for loss in losses])) for name in losses[0]}
        loss = means.pop("loss")
        self.context.metrics.values.update(means)
        return torch.tensor(loss, device=self.args.device)

    @torch.no_grad()
    def rollout(self, positions: Sequence[int]) -> RolloutBatch:
        """Sample one completion a row, judge it, and turn rewards into advantages and critic targets."""
        context, recipe, step = self.context, self.context.recipe, self.state.global_step
        rows = [context.rows[position] for position in positions]
        prompts = [row.prompt_ids for row in rows]
        with context.metrics.timed("generate"):
            sampled = context.policy.sample(
                prompts,
                temperature=recipe.generation.temperature,
                max_new_tokens=recipe.generation.max_new_tokens,
                draws=Draws(recipe.seed, step),
            )
        judged = judge(rows, sampled.texts)
        with context.metrics.timed("score"):
            old = self._score(prompts, sampled.completions, with_values=True)
            with self.model.disable_adapter():
                reference = self._score(prompts, sampled.completions).log_probs
        kl = ppo_math.kl_estimate(old.log_probs, reference, self.args.ppo.kl_estimator)
        rewards = torch.tensor(judged.rewards, device=old.log_probs.device)
        batch = self._advantages(prompts, sampled.completions, old, reference, rewards)
        self._record(old, kl, {**judged.metrics(), **task_metrics(rows, judged)}, sampled.finished)
        first_token = batch.advantages[:, 0].tolist()
        report_samples(context.reporter, step + 1, rows, sampled.texts, judged, first_token)
        self._adapt_kl(float((kl * old.mask).sum(1).mean()), len(rows))
        return batch

    def _advantages(
        self, prompts: Any, completions: Any, old: Scores, reference: Tensor, rewards: Tensor
    ) -> RolloutBatch:
        ppo = self.args.ppo
        assert old.values is not None
        kl = ppo_math.kl_estimate(old.log_probs, reference, ppo.kl_estimator)
        penalty = self.kl_coefficient * kl if ppo.kl_in == "reward" else torch.zeros_like(kl)
        per_token = ppo_math.token_rewards(rewards, penalty, old.mask)
        advantages = ppo_math.gae(per_token, old.values, old.mask, ppo.gamma, ppo.gae_lambda)
        if ppo.value_target == "returns":
            targets = advantages + old.values
        else:
            targets = ppo_math.td_targets(per_token, old.values, old.mask, ppo.gamma)
        if ppo.whiten:
            advantages = ppo_math.whiten(advantages, old.mask)
        return RolloutBatch(prompts, completions, old, reference, advantages, targets)

    def _score(self, prompts: Any, completions: Any, *, with_values: bool = False) -> Scores:
        return self.context.policy.score(
            prompts,
            completions,
            temperature=self.context.recipe.generation.temperature,
            value_head=self.value_head if with_values else None,
        )

    def _passes(self, rows: int) -> Iterator[list[int]]:
        """Yield the rows of every optimizer step: `epochs` permutations, each cut into minibatches."""
        ppo = self.args.ppo
        for epoch in range(ppo.epochs):
            generator = np.random.default_rng([self.args.seed, self.state.global_step, epoch])
            order = generator.permutation(rows) if ppo.minibatches > 1 else np.arange(rows)
            yield from (part.tolist() for part in np.split(order, ppo.minibatches))

    def _backward(self, batch: RolloutBatch, chosen: Sequence[int]) -> dict[str, float]:
        """Accumulate the gradient of one minibatch, micro-batch by micro-batch; return its losses."""
        prompts = [batch.prompts[i] for i in chosen]
        completions = [batch.completions[i] for i in chosen]
        tokens = sum(len(completion) for completion in completions)
        sums: dict[str, float] = {}
        for group in self.context.policy.micro_batches(prompts, completions):
            scores = self.context.policy.score_together(
                [prompts[i] for i in group],
                [completions[i] for i in group],
                temperature=self.context.recipe.generation.temperature,
                value_head=self.value_head,
            )
            parts = self._losses(scores, batch, [chosen[i] for i in group], tokens)
            self.accelerator.backward(parts["loss"])
            for name, value in parts.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach())
        return sums

    def _losses(self, scores: Scores, batch: RolloutBatch, rows: Sequence[int], tokens: int) -> dict[str, Tensor]:
        """Return the micro-batch's share of each loss: sums over its tokens, divided by the minibatch's tokens."""
        ppo, width = self.args.ppo, scores.log_probs.shape[1]
        assert scores.values is not None
        assert batch.old.values is not None

        def mean(values: Tensor) -> Tensor:
            return (values * scores.mask).sum() / tokens

        old, old_values = batch.old.log_probs[rows, :width], batch.old.values[rows, :width]
        surrogate, clipped = ppo_math.policy_loss(scores.log_probs, old, batch.advantages[rows, :width], ppo.clip)
        critic = mean(ppo_math.value_loss(scores.values, old_values, batch.targets[rows, :width], ppo.value_clip))
        loss = mean(surrogate) + ppo.value_coefficient * critic - ppo.entropy * mean(scores.entropy)
        if ppo.kl_in == "loss":
            # k1 of fixed samples has a gradient of zero mean; k2's is the gradient of the KL itself.
            estimator = "k2" if ppo.kl_estimator == "k1" else ppo.kl_estimator
            kl = ppo_math.kl_estimate(scores.log_probs, batch.reference[rows, :width], estimator)
            loss = loss + self.kl_coefficient * mean(kl)
        return {
            "loss": loss,
            "policy_loss": mean(surrogate),
            "value_loss": critic,
            "clip_fraction": mean(clipped.float()),
        }

    def _record(self, old: Scores, kl: Tensor, judged: dict[str, float], finished: Sequence[bool]) -> None:
        self.context.metrics.values.update(
            judged,
            kl=float(ppo_math.masked_mean(kl, old.mask)),
            entropy=float(ppo_math.masked_mean(old.entropy, old.mask)),
            completion_tokens=float(old.mask.sum(1).float().mean()),
            unfinished=1 - sum(finished) / len(finished),
            kl_coefficient=self.kl_coefficient,
        )

    def _adapt_kl(self, kl_nats: float, completions: int) -> None:
        target = self.args.ppo.kl_target
        if target is not None:
            self.kl_coefficient = ppo_math.adapted_kl_coefficient(self.kl_coefficient, kl_nats, target, completions)

    # -- checkpoints

    def extra_state(self) -> dict[str, Any]:
        return {"kl_coefficient": self.kl_coefficient}

    def load_extra_state(self, state: dict[str, Any]) -> None:
        self.kl_coefficient = state["kl_coefficient"]

    def save_extra_tensors(self, folder: Path) -> None:
        save_file(self.value_head.state_dict(), folder / VALUE_HEAD_FILE)

    def load_extra_tensors(self, folder: Path) -> None:
        self.value_head.load_state_dict(load_file(folder / VALUE_HEAD_FILE))


def make_ppo_trainer(context: Context) -> PPOTrainer:
    """Return the trainer, ready to `train()`."""
    recipe, backbone = context.recipe, context.policy.backbone
    arguments = PPOConfig(
        **training_arguments(recipe, context.run, backbone.device.type),
        per_device_train_batch_size=recipe.train.batch,
        ppo=recipe.ppo,
    )
    trainer = PPOTrainer(
        ValueHead(backbone.head.weight.shape[1], seed=recipe.seed),
        model=context.policy.model,
        args=arguments,
        train_dataset=Positions(len(context.rows)),
        data_collator=list,
        processing_class=context.tokenizer,
    )
    trainer.supervise(context)
    return trainer
