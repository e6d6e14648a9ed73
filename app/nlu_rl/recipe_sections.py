"""The sections of a recipe: every knob with its range, its default, and where the default comes from.

The sentence below a knob is what the interface and `nlu-rl recipes show` say of it.
"""

from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationInfo, field_validator

Name = Annotated[str, Field(min_length=1)]
Positive = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
PositiveFloat = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]


class Section(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, use_attribute_docstrings=True, allow_inf_nan=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_truth_for_a_number(cls, value: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool) and cls.model_fields[info.field_name or ""].annotation is not bool:
            raise ValueError("yes or no is not a value for it")
        return value


class Lora(Section):
    rank: Positive = 16
    """Rank of the low-rank update (paper: 16)."""
    alpha: Positive = 32
    """Scale of the update is alpha / rank. Ours; the paper does not state it."""
    target: Name | Annotated[list[Name], Field(min_length=1)] = "all-linear"
    """Modules that get an adapter: all-linear, or a list of module-name suffixes."""


class Generation(Section):
    temperature: NonNegative = 1.0
    """Sampling temperature; 0 is greedy. Training samples at this temperature (paper: 1)."""
    max_new_tokens: Annotated[int, Field(gt=0, le=2048)] = 32
    """Longest completion, in tokens (paper: 12-32)."""


class Train(Section):
    batch: Positive = 16
    """Completions (SFT: rows) in one step."""
    max_steps: Positive = 200
    """Steps; one step is one batch with all its PPO epochs."""
    learning_rate: PositiveFloat = 9.0e-6
    """Peak learning rate (paper: 9e-6)."""
    optimizer: Literal["adafactor", "adamw"] = "adafactor"
    """Adafactor for PPO and GRPO, AdamW for SFT in the paper."""
    warmup: Fraction = 0.1
    """Share of the steps with linear warm-up."""
    floor: Fraction = 0.1
    """The cosine ends at this share of the peak learning rate."""
    weight_decay: NonNegative = 0.0
    """Decoupled weight decay. Ours."""
    max_grad_norm: PositiveFloat = 1.0
    """Gradients are scaled down to this norm. Ours."""
    micro_batch_tokens: Positive | None = None
    """Most tokens in one forward pass; null lets the memory plan choose. The result does not depend on it."""
    gradient_checkpointing: bool = False
    """Recompute activations in the backward pass: less memory, about a third slower."""
    examples: Positive | None = None
    """Use only the first rows of a seeded shuffle of the training split; null uses all."""
    save_every: Positive = 50
    """Steps between checkpoints."""
    keep: Positive = 3
    """Checkpoints kept besides the best one."""


class Ppo(Section):
    epochs: Positive = 4
    """Passes over each rollout batch (paper: 4)."""
    minibatches: Positive = 1
    """Optimizer steps per pass."""
    clip: PositiveFloat = 0.2
    """The probability ratio is clipped to 1 +- clip. Ours."""
    gamma: Fraction = 1.0
    """Discount. Ours."""
    gae_lambda: Fraction = 0.95
    """GAE's lambda. Ours."""
    kl: NonNegative = 0.05
    """Coefficient of the KL to the base model, in nats. Ours."""
    kl_in: Literal["reward", "loss"] = "reward"
    """Whether the KL is a per-token reward or a term of the loss."""
    kl_estimator: Literal["k1", "k2", "k3"] = "k1"
    """Estimator of the KL from sampled tokens: k1 = -log r, k2 = (log r)^2 / 2, k3 = r - 1 - log r."""
    kl_target: PositiveFloat | None = None
    """Adapt the coefficient towards this KL per completion, in nats; null keeps it fixed."""
    value_target: Literal["returns", "td"] = "returns"
    """Critic's target: GAE returns, or the one-step TD target of the paper's equation 1."""
    value_learning_rate: PositiveFloat = 1.0e-3
    """Learning rate of the value head. Ours."""
    value_coefficient: NonNegative = 0.5
    """Weight of the value loss. Ours."""
    value_clip: PositiveFloat | None = None
    """Clip the change of the value prediction to this; null does not clip."""
    entropy: NonNegative = 0.0
    """Weight of the entropy bonus."""
    whiten: bool = True
    """Scale advantages to mean 0 and deviation 1 over the batch."""


class Grpo(Section):
    completions: Annotated[int, Field(ge=2)] = 8
    """Completions per prompt (G)."""
    kl: NonNegative = 0.02
    """Coefficient of the KL to the base model in the loss."""
    clip: PositiveFloat = 0.2
    """The probability ratio is clipped to 1 +- clip."""
    scale: Literal["group", "batch", "none"] = "group"
    """Advantages are divided by the deviation of the group, of the batch, or not at all."""


class Evaluate(Section):
    every: Positive | None = 50
    """Steps between validations; null never validates."""
    examples: Positive = 200
    """Validation rows, the same as an evaluation of as many takes."""
    before: bool = True
    """Also validate the untrained model first."""
    patience: Positive | None = None
    """Stop after this many validations without a better score; null runs all steps."""
