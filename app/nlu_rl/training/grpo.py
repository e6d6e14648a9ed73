"""GRPO: TRL's GRPOTrainer, its generation and its log-probabilities replaced by the engine's.

Advantages, clipping, the KL term and the loss stay TRL's. The reference is the base model, adapters disabled, as for
PPO; TRL would hold a copy of the adapter the run starts from.
"""

from contextlib import nullcontext
from functools import partial
from typing import Any

import torch
from datasets import Dataset
from torch import Tensor
from trl import GRPOConfig, GRPOTrainer

from nlu_rl.policy.draws import Draws
from nlu_rl.policy.prompt_states import PromptStates
from nlu_rl.training.arguments import training_arguments
from nlu_rl.training.context import Context
from nlu_rl.training.judge import Judged, RuleReward, report_samples, task_metrics
from nlu_rl.training.ppo_math import masked_mean
from nlu_rl.training.rows import Row
from nlu_rl.training.supervised_run import SupervisedRun, adapter_as_it_was


class EngineGRPOTrainer(SupervisedRun, GRPOTrainer):
    """GRPO through `policy.sample` and `policy.score`."""

    rule: RuleReward
    _rows: list[Row]
    _texts: list[str]
    _reported_step: int | None = None
    _live: list[int] | None = None
    """The rows to compute for the loss; None computes all."""
    _states: PromptStates | None = None
    """What was made of the prompts to sample from them, with its graph; the loss goes on from there, once."""

    def _generate_and_score_completions(self, inputs: list[dict[str, Any]]) -> dict[str, Any]:
        self._rows = [self.context.rows[feature["position"]] for feature in inputs]
        output: dict[str, Any] = super()._generate_and_score_completions(inputs)
        step = self.state.global_step + 1
        if step != self._reported_step:  # tried again after running out of memory, the samples are the same
            self._reported_step = step
            advantages = output["advantages"].tolist()
            tokens = [int(count) for count in output["completion_mask"].sum(1)]
            report_samples(self.context.reporter, step, self._rows, self._texts, self.rule.judged, advantages, tokens)
        return output

    def _tokenize_prompts(self, prompts: list[str]) -> tuple[list[list[int]], None, dict[str, Any]]:
        return [row.prompt_ids for row in self._rows], None, {}

    def _generate_single_turn(
        self, prompt_ids: list[list[int]], images: Any, multimodal_fields: Any, num_generations: int, **_: Any
    ) -> tuple[list[list[int]], None]:
        """Sample G completions of every G-th prompt; TRL repeats each prompt G times in a row."""
        context, step = self.context, self.state.global_step
        likely = [row.likely_ids for row in self._rows[::num_generations]]
        prompts, longest = prompt_ids[::num_generations], context.recipe.generation.max_new_tokens
        with context.metrics.timed("generate"):
            with torch.enable_grad():
                self._states = context.policy.read_prompts(prompts, n=num_generations, max_new_tokens=longest)
            rollout = context.policy.sample(
                prompts,
                n=num_generations,
                temperature=context.recipe.generation.temperature,
                max_new_tokens=longest,
                draws=Draws(context.recipe.seed, step, self._global_rows(len(prompts))),
                likely=likely,
                states=self._states,
            )
        self._texts = rollout.texts
        finished = context.processes.joined(rollout.finished)
        context.metrics.values["unfinished"] = 1 - sum(finished) / len(finished)
        return rollout.completions, None

    def _calculate_rewards(self, inputs: Any, prompts: Any, completions: Any, completion_ids_list: Any) -> Tensor:
        """Judge the texts as the engine decoded them, and record what the batch is worth."""
        rewards: Tensor = super()._calculate_rewards(inputs, prompts, self._texts, completion_ids_list)
        processes, rows = self.context.processes, self.context.rows
        own = self.rule.judged
        judged = Judged(processes.joined(own.scored), own.scales and processes.joined(own.scales))
        every = [rows[position] for position in processes.joined([feature["position"] for feature in inputs])]
        self.context.metrics.values.update({**judged.metrics(), **task_metrics(every, judged)})
        return rewards

    def _global_rows(self, prompts: int) -> list[int] | None:
        """Return the places of this process's prompts in the whole batch."""
        processes = self.context.processes
        return [processes.rank * prompts + i for i in range(prompts)] if processes.several else None

    def _get_per_token_logps_and_entropies(
        self, model: Any, input_ids: Tensor, attention_mask: Tensor, logits_to_keep: int, **_: Any
    ) -> tuple[Tensor, Tensor, None]:
        """Return log-probabilities and entropies (B, T) of rows padded as TRL pads them."""
        split = input_ids.shape[1] - logits_to_keep
        real = attention_mask.bool()
        prompts = [ids[mask].tolist() for ids, mask in zip(input_ids[:, :split], real[:, :split], strict=True)]
        completions = [ids[mask].tolist() for ids, mask in zip(input_ids[:, split:], real[:, split:], strict=True)]
        live = range(len(prompts)) if self._live is None else self._live
        # With gradient it is part of the update, which `training_step` times.
        with nullcontext() if torch.is_grad_enabled() else self.context.metrics.timed("score"):
            # Of no rows at all the gradient is 0, not missing: momentum goes on as it would have.
            chosen = [prompts[i] for i in live], [completions[i] for i in live]
            states, self._states = (self._states, None) if torch.is_grad_enabled() else (None, self._states)
            scores = self.context.policy.score(*chosen, temperature=self.temperature, states=states)
        missing = logits_to_keep - scores.log_probs.shape[1]
        log_probs, entropy = (torch.nn.functional.pad(x, (0, missing)) for x in (scores.log_probs, scores.entropy))
        if self._live is not None:
            back = torch.tensor(self._live, dtype=torch.long, device=input_ids.device)
            mean = masked_mean(scores.entropy, scores.mask).detach()
            log_probs = log_probs.new_zeros(real[:, split:].shape).index_copy(0, back, log_probs)
            entropy = mean.expand(real[:, split:].shape).index_copy(0, back, entropy)
        return log_probs, entropy, None

    def _compute_loss(self, model: Any, inputs: dict[str, Any]) -> Tensor:
        """Leave out groups without variance, whose advantages are 0; with a KL term they still learn from that."""
        if self.beta == 0:
            self._live = inputs["advantages"].nonzero().flatten().tolist()
        try:
            loss: Tensor = super()._compute_loss(model, inputs)
        finally:
            self._live = None
        return loss

    def training_step(self, model: Any, inputs: Any, num_items_in_batch: Any = None) -> Tensor:
        before = sum(self.context.metrics.seconds.values())
        with self.context.metrics.timed("update"):
            step = partial(super().training_step, model, inputs, num_items_in_batch)
            loss: Tensor = self.within_memory(step)
            self.context.processes.sum_gradients(self.model.parameters(), mean=True)
        # What was generated and scored inside is counted there.
        inner = sum(self.context.metrics.seconds.values()) - before - self.context.metrics.seconds["update_seconds"]
        self.context.metrics.seconds["update_seconds"] -= max(0.0, inner)
        return loss


def make_grpo_trainer(context: Context) -> EngineGRPOTrainer:
    """Return the trainer, ready to `train()`."""
    recipe = context.recipe
    arguments = GRPOConfig(
        **training_arguments(recipe, context.run, context.policy.backbone.device.type),
        per_device_train_batch_size=recipe.train.batch // context.processes.world,
        num_generations=recipe.grpo.completions,
        max_completion_length=recipe.generation.max_new_tokens,
        temperature=recipe.generation.temperature,
        beta=recipe.grpo.kl,
        epsilon=recipe.grpo.clip,
        scale_rewards=recipe.grpo.scale,
        loss_type="grpo",
        shuffle_dataset=False,
    )

    model, rule = context.policy.model, RuleReward(context.rows, recipe.reward_scale)
    with adapter_as_it_was(model):
        trainer = EngineGRPOTrainer(
            model=model,
            args=arguments,
            reward_funcs=rule,
            train_dataset=Dataset.from_dict(
                {"prompt": [""] * len(context.rows), "position": list(range(len(context.rows)))}
            ),
            processing_class=context.tokenizer,
        )
    if "ref" in model.peft_config:
        model.delete_adapter("ref")
    trainer.rule = rule
    trainer.supervise(context)
    return trainer
