"""Supervised fine-tuning: TRL's SFTTrainer with the engine's log-probabilities, loss on the answer only.

The loss is the mean negative log-probability over all answer tokens of the batch, whatever the micro-batches.
"""

from collections import Counter
from dataclasses import dataclass
from typing import Any

import torch
from datasets import Dataset
from torch.utils.data import SequentialSampler
from trl import SFTConfig, SFTTrainer

from nlu_rl.training.arguments import training_arguments
from nlu_rl.training.context import Context
from nlu_rl.training.ppo_math import masked_mean
from nlu_rl.training.supervised_run import SupervisedRun, adapter_as_it_was


@dataclass
class PositionCollator:
    """Passes on positions in the run's row order; rows are looked up when a step needs them."""

    def __call__(self, features: list[dict[str, Any]]) -> dict[str, Any]:
        return {"positions": [feature["position"] for feature in features]}


class EngineSFTTrainer(SupervisedRun, SFTTrainer):
    """SFT through `policy.score`."""

    def _get_train_sampler(self, dataset: Any = None) -> Any:
        return SequentialSampler(dataset or self.train_dataset)

    def training_step(self, model: Any, inputs: dict[str, Any], num_items_in_batch: Any = None) -> torch.Tensor:
        """Accumulate the gradient of a whole batch (B rows) and return its loss."""
        model.train()
        processes, metrics = self.context.processes, self.context.metrics
        sums = self.within_memory(lambda: self._backward(inputs["positions"]))
        with metrics.timed("update"):
            processes.sum_gradients(self.model.parameters())
        sums = processes.totals(sums)
        metrics.values.update({name: value for name, value in sums.items() if name != "loss"})
        return torch.tensor(sums["loss"], device=self.args.device)

    def _backward(self, positions: list[int]) -> dict[str, float]:
        """Accumulate the gradient of this process's rows and return its part of the loss and the entropy.

        Of a mix it returns the loss of each task too, over that task's answer tokens, as `loss/<task>`.
        """
        context = self.context
        rows = [context.rows[position] for position in positions]
        prompts = [row.prompt_ids for row in rows]
        targets = [row.target_ids for row in rows]
        tokens = sum(len(target) for target in targets)
        tasks: Counter[str] = Counter()
        for row in rows:
            tasks[row.task.name] += len(row.target_ids)
        losses = {f"loss/{name}": 0.0 for name in tasks} if len(tasks) > 1 else {}
        context.metrics.values["completion_tokens"] = tokens / len(rows)
        own = context.processes.share(len(rows))
        rows, prompts, targets = [rows[i] for i in own], [prompts[i] for i in own], [targets[i] for i in own]
        total = torch.zeros((), device=self.args.device)
        entropy = torch.zeros((), device=self.args.device)
        with context.metrics.timed("update"):
            for group in context.policy.micro_batches(prompts, targets):
                scores = context.policy.score_together([prompts[i] for i in group], [targets[i] for i in group])
                row_losses = -(scores.log_probs * scores.mask).sum(1)
                loss = row_losses.sum() / tokens
                self.accelerator.backward(loss)
                total += loss.detach()
                for place, row_loss in zip(group, row_losses.tolist(), strict=True) if losses else ():
                    name = rows[place].task.name
                    losses[f"loss/{name}"] += row_loss / tasks[name]
                entropy += (masked_mean(scores.entropy, scores.mask) * scores.mask.sum() / tokens).detach()
        return {"loss": float(total), "entropy": float(entropy), **losses}


def make_sft_trainer(context: Context) -> EngineSFTTrainer:
    """Return the trainer, ready to `train()`."""
    recipe = context.recipe
    arguments = SFTConfig(
        **training_arguments(recipe, context.run, context.policy.backbone.device.type),
        per_device_train_batch_size=recipe.train.batch,
        dataset_kwargs={"skip_prepare_dataset": True},
        max_length=None,
        packing=False,
    )
    with adapter_as_it_was(context.policy.model):
        trainer = EngineSFTTrainer(
            model=context.policy.model,
            args=arguments,
            train_dataset=Dataset.from_dict({"position": list(range(len(context.rows)))}),
            data_collator=PositionCollator(),
            processing_class=context.tokenizer,
        )
    trainer.supervise(context)
    return trainer
