"""PPO in TRL's idiom: a `transformers.Trainer` whose one step is one rollout batch with all its epochs.

The critic is a value head on the policy's own trunk and the reference is the policy with its adapters off, so nothing
is held twice. Every optimizer step of a batch but the last is taken here; the last one is left to the Trainer, whose
schedule, clipping, logging and checkpoints then apply unchanged, once a batch.
"""

from collections.abc import Callable, Iterator, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import torch
from safetensors.torch import load_file, save_file
from torch import Tensor
from torch.utils.data import SequentialSampler
from transformers import Trainer

from nlu_rl.models.value_head import ValueHead
from nlu_rl.policy.draws import Draws
from nlu_rl.policy.prompt_states import PromptStates
from nlu_rl.policy.scores import Scores, pad_rows
from nlu_rl.training import ppo_math
from nlu_rl.training.arguments import training_arguments
from nlu_rl.training.context import Context
from nlu_rl.training.judge import RuleReward, report_samples, task_metrics
from nlu_rl.training.ppo_config import PPOConfig, ppo_config
from nlu_rl.training.rollout_batch import Positions, RolloutBatch
from nlu_rl.training.supervised_run import SupervisedRun

VALUE_HEAD_FILE = "value_head.safetensors"
RewardFunction = Callable[..., list[float]]


class PPOTrainer(SupervisedRun, Trainer):
    """Proximal policy optimisation; the sum of the reward functions falls at the end of each completion.

    Reward functions are called as TRL calls them, with `prompts`, `completions` and the columns of the rows.
    """

    args: PPOConfig

    def __init__(self, value_head: ValueHead, reward_funcs: Sequence[RewardFunction], rule: RuleReward, **kwargs: Any):
        super().__init__(**kwargs)
        self.reward_funcs = reward_funcs
        self.rule = rule
        self.value_head = value_head.to(self.args.device)
        self.model.add_module("value_head", self.value_head)
        self.kl_coefficient = self.args.kl_coef

    def _get_train_sampler(self, dataset: Any = None) -> Any:
        return SequentialSampler(dataset or self.train_dataset)

    def create_optimizer(self, model: Any = None) -> torch.optim.Optimizer:
        """The adapter at the recipe's learning rate, the value head at its own."""
        head = {id(parameter) for parameter in self.value_head.parameters()}
        adapter = [p for p in self.model.parameters() if p.requires_grad and id(p) not in head]
        kind, options = self.get_optimizer_cls_and_kwargs(self.args, self.model)
        groups = [
            {"params": adapter, "weight_decay": self.args.weight_decay},
            {
                "params": list(self.value_head.parameters()),
                "lr": self.args.value_learning_rate,
                "weight_decay": self.args.weight_decay,
            },
        ]
        self.optimizer = kind(groups, **options)
        return self.optimizer

    def training_step(self, model: Any, inputs: list[int], num_items_in_batch: Any = None) -> Tensor:
        """Roll out one batch (B completions) and learn from it; the last gradient is left for the Trainer to apply."""
        model.train()
        batch = self.within_memory(lambda: self.rollout(inputs))
        losses = []
        with self.context.metrics.timed("update"):
            passes = list(self._passes(len(batch.prompts)))
            for number, chosen in enumerate(passes):
                part = self.within_memory(partial(self._backward, batch, chosen))
                self.context.processes.sum_gradients(self.model.parameters())
                losses.append(self.context.processes.totals(part))
                if number + 1 < len(passes):
                    self._clip_grad_norm(self.model)
                    self.optimizer.step()
                    self.optimizer.zero_grad()
        means = {name: float(np.mean([loss[name] for loss in losses])) for name in losses[0]}
        loss = means.pop("loss")
        self.context.metrics.values.update(means)
        return torch.tensor(loss, device=self.args.device)

    @torch.no_grad()
    def rollout(self, positions: Sequence[int]) -> RolloutBatch:
        """Sample one completion a row, judge it, and turn rewards into advantages and critic targets."""
        context, step = self.context, self.state.global_step
        rows = [context.rows[position] for position in positions]
        prompts = [row.prompt_ids for row in rows]
        processes = context.processes
        own = processes.share(len(rows))
        own_prompts = [prompts[i] for i in own]
        with context.metrics.timed("generate"):
            likely = [rows[i].likely_ids for i in own]
            states = self._read(own_prompts)
            sampled = context.policy.sample(
                own_prompts,
                temperature=self.args.temperature,
                max_new_tokens=self.args.max_completion_length,
                draws=Draws(self.args.seed, step, own if processes.several else None),
                likely=likely,
                states=states,
            )
        own_completions, sampled.completions = sampled.completions, processes.joined(sampled.completions)
        sampled.texts, sampled.finished = processes.joined(sampled.texts), processes.joined(sampled.finished)
        columns = {"prompts": prompts, "completions": sampled.texts, "position": list(positions)}
        per_function = torch.tensor([function(**columns) for function in self.reward_funcs], device=self.args.device)
        rewards, judged = per_function.sum(0), self.rule.judged
        with context.metrics.timed("score"):
            first = self._first_scores(own_prompts, own_completions, states)
            with self.model.disable_adapter():
                reference = self._score(own_prompts, own_completions).log_probs
            old, reference = self._joined(first.detach(), reference)
        kl = ppo_math.kl_estimate(old.log_probs, reference, self.args.kl_estimator)
        batch = self._advantages(prompts, sampled.completions, old, reference, rewards)
        batch.first = first if first.log_probs.requires_grad else None
        self._record(old, kl, {**judged.metrics(), **task_metrics(rows, judged)}, sampled.finished)
        first_token = batch.advantages[:, 0].tolist()
        of_each = (kl * old.mask).sum(1)
        tokens = [len(completion) for completion in sampled.completions]
        report_samples(context.reporter, step + 1, rows, sampled.texts, judged, first_token, tokens, of_each.tolist())
        self._adapt_kl(float(of_each.mean()), len(rows))
        return batch

    def _advantages(
        self, prompts: Any, completions: Any, old: Scores, reference: Tensor, rewards: Tensor
    ) -> RolloutBatch:
        args = self.args
        assert old.values is not None
        kl = ppo_math.kl_estimate(old.log_probs, reference, args.kl_estimator)
        penalty = self.kl_coefficient * kl if args.kl_in == "reward" else torch.zeros_like(kl)
        per_token = ppo_math.token_rewards(rewards, penalty, old.mask)
        advantages = ppo_math.gae(per_token, old.values, old.mask, args.gamma, args.lam)
        if args.value_target == "returns":
            targets = advantages + old.values
        else:
            targets = ppo_math.td_targets(per_token, old.values, old.mask, args.gamma)
        if args.whiten_advantages:
            advantages = ppo_math.whiten(advantages, old.mask)
        return RolloutBatch(prompts, completions, old, reference, advantages, targets)

    def _read(self, prompts: Any) -> PromptStates | None:
        """Run the prompts with gradient, once for sampling, the old scores and the first epoch, where one pass does."""
        with torch.set_grad_enabled(self.args.num_mini_batches == 1):
            return self.context.policy.read_prompts(prompts, max_new_tokens=self.args.max_completion_length)

    def _first_scores(self, prompts: Any, completions: Any, states: PromptStates | None) -> Scores:
        """Score before the first update; with gradient when the first epoch is one pass over all rows.

        That pass would compute the same again, since nothing has been learnt from the batch yet.
        """
        once = self.args.num_mini_batches == 1 and len(self.context.policy.micro_batches(prompts, completions)) == 1
        with torch.set_grad_enabled(once):
            return self._score(prompts, completions, value_head=self.value_head, states=states)

    def _joined(self, scores: Scores, reference: Tensor) -> tuple[Scores, Tensor]:
        """Put the processes' rows together, padded to the longest completion of all."""
        processes, device = self.context.processes, self.args.device
        if not processes.several:
            return scores, reference
        assert scores.values is not None
        columns = [scores.log_probs, scores.entropy, scores.mask, scores.values, reference]
        parts = processes.joined([[column.cpu() for column in columns]])
        width = max(part[0].shape[1] for part in parts)
        log_probs, entropy, mask, values, base = (
            pad_rows([row for part in parts for row in part[k]], width).to(device) for k in range(len(columns))
        )
        return Scores(log_probs, entropy, mask, values), base

    def _score(self, prompts: Any, completions: Any, **options: Any) -> Scores:
        return self.context.policy.score(prompts, completions, temperature=self.args.temperature, **options)

    def _passes(self, rows: int) -> Iterator[list[int]]:
        """Yield the rows of every optimizer step: `epochs` permutations, each cut into minibatches."""
        args = self.args
        for epoch in range(args.num_ppo_epochs):
            generator = np.random.default_rng([self.args.seed, self.state.global_step, epoch])
            order = generator.permutation(rows) if args.num_mini_batches > 1 else np.arange(rows)
            yield from (part.tolist() for part in np.split(order, args.num_mini_batches))

    def _backward(self, batch: RolloutBatch, chosen: Sequence[int]) -> dict[str, float]:
        """Accumulate the gradient of one minibatch, micro-batch by micro-batch; return its losses."""
        prompts = [batch.prompts[i] for i in chosen]
        completions = [batch.completions[i] for i in chosen]
        tokens = sum(len(completion) for completion in completions)
        own = self.context.processes.share(len(chosen))
        chosen = [chosen[i] for i in own]
        prompts, completions = [prompts[i] for i in own], [completions[i] for i in own]
        sums: dict[str, float] = {}
        first, batch.first = batch.first, None  # its graph serves one backward pass
        groups = [list(range(len(chosen)))] if first else self.context.policy.micro_batches(prompts, completions)
        for group in groups:
            scores = first or self.context.policy.score_together(
                [prompts[i] for i in group],
                [completions[i] for i in group],
                temperature=self.args.temperature,
                value_head=self.value_head,
            )
            parts = self._losses(scores, batch, [chosen[i] for i in group], tokens)
            self.accelerator.backward(parts["loss"])
            for name, value in parts.items():
                sums[name] = sums.get(name, 0.0) + float(value.detach())
        return sums

    def _losses(self, scores: Scores, batch: RolloutBatch, rows: Sequence[int], tokens: int) -> dict[str, Tensor]:
        """Return the micro-batch's share of each loss: sums over its tokens, divided by the minibatch's tokens."""
        args, width = self.args, scores.log_probs.shape[1]
        assert scores.values is not None
        assert batch.old.values is not None

        def mean(values: Tensor) -> Tensor:
            return (values * scores.mask).sum() / tokens

        old, old_values = batch.old.log_probs[rows, :width], batch.old.values[rows, :width]
        surrogate, clipped = ppo_math.policy_loss(scores.log_probs, old, batch.advantages[rows, :width], args.cliprange)
        critic = mean(ppo_math.value_loss(scores.values, old_values, batch.targets[rows, :width], args.cliprange_value))
        loss = mean(surrogate) + args.vf_coef * critic
        if args.entropy_coef:
            loss = loss - args.entropy_coef * mean(scores.entropy)
        if args.kl_in == "loss":
            # k1 of fixed samples has a gradient of zero mean; k2's is the gradient of the KL itself.
            estimator = "k2" if args.kl_estimator == "k1" else args.kl_estimator
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
        target = self.args.kl_target
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
    rule = RuleReward(context.rows, recipe.reward_scale)
    trainer = PPOTrainer(
        ValueHead(backbone.head.weight.shape[1], seed=recipe.seed),
        reward_funcs=[rule],
        rule=rule,
        model=context.policy.model,
        args=ppo_config(recipe, **training_arguments(recipe, context.run, backbone.device.type)),
        train_dataset=Positions(len(context.rows)),
        data_collator=list,
        processing_class=context.tokenizer,
    )
    trainer.supervise(context)
    return trainer
