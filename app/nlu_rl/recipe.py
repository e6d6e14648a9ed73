"""What a run is: one strict, frozen pydantic model, loaded from YAML and overridden by `key=value`.

Not here: whether the named model, task or data exists (`runs/checks.py`), or how any of it is done. Defaults that
depend on the method (SFT: batch 24 and AdamW, else batch 16 and Adafactor) are filled in before validation, so a
resolved recipe always states every value.
"""

import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, Literal

import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError, ValidationInfo, field_validator, model_validator

from nlu_rl.errors import RecipeError, unknown_name
from nlu_rl.yaml_text import load_yaml

Method = Literal["sft", "ppo", "grpo"]
Name = Annotated[str, Field(min_length=1)]
Positive = Annotated[int, Field(gt=0)]
Fraction = Annotated[float, Field(ge=0, le=1)]
PositiveFloat = Annotated[float, Field(gt=0)]
NonNegative = Annotated[float, Field(ge=0)]


MIXES = "proportional, equal, or a weight above 0 for each task, such as mix={sst2: 3, cola: 1}"


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


class Recipe(Section):
    """A whole run. Resolved recipes state every value."""

    model: str
    """Catalogue name, folder, or hub id."""
    tasks: Annotated[list[str], Field(min_length=1)]
    """One task, or several for one LoRA on the mix. A task is a name or the path of a task file."""
    method: Method
    seed: Annotated[int, Field(ge=0, lt=2**31)] = 1
    """Fixes the rows, the samples and the initial weights."""
    quantize: Literal["none", "nf4"] = "none"
    """Hold the base model in 4-bit NF4 with double quantization."""
    precision: Literal["auto", "float32", "bfloat16"] = "auto"
    """Compute type; auto takes bfloat16 where it is fast, by a measurement at start-up."""
    start_from: str | None = None
    """A run to go on from, with its adapter."""
    lora: Lora = Lora()
    generation: Generation = Generation()
    train: Train = Train()
    mix: Literal["proportional", "equal"] | dict[str, PositiveFloat] | None = None
    """Several tasks: how often each is drawn; `{sst2: 3, cola: 1}` gives weights. Null is proportional to size."""
    reward_scale: Literal["task", "unit"] = "task"
    """Rewards as each task gives them (paper), or unit: divided so that the best of every task is 1, the worst -1."""
    ppo: Ppo = Ppo()
    grpo: Grpo = Grpo()
    evaluate: Evaluate = Evaluate()
    report_to: list[Literal["tensorboard", "trackio"]] = []
    """Also write metrics for these viewers."""

    @model_validator(mode="before")
    @classmethod
    def _fill_method_defaults(cls, data: Any) -> Any:
        if not isinstance(data, Mapping) or data.get("method") != "sft":
            return data
        train = data.get("train") or {}
        if not isinstance(train, Mapping):
            return data
        return {**data, "train": {"batch": 24, "optimizer": "adamw", **train}}

    @model_validator(mode="after")
    def _check_together(self) -> "Recipe":
        batch = self.train.batch
        if self.method == "ppo" and batch % self.ppo.minibatches:
            raise ValueError(_not_a_multiple(batch, "ppo.minibatches", self.ppo.minibatches))
        if self.method == "grpo" and batch % self.grpo.completions:
            raise ValueError(_not_a_multiple(batch, "grpo.completions", self.grpo.completions))
        if self.method != "sft" and self.generation.temperature == 0:
            raise ValueError("generation.temperature must be above 0 to train by reinforcement")
        if self.evaluate.patience is not None and self.evaluate.every is None:
            raise ValueError("evaluate.patience needs evaluate.every: without validations there is nothing to wait for")
        if len(set(self.tasks)) != len(self.tasks):
            raise ValueError("tasks names a task twice")
        for name in self.mix if isinstance(self.mix, dict) else ():
            if name not in self.tasks:
                raise ValueError(unknown_name("task in mix", name, self.tasks).rstrip("."))
        if isinstance(self.mix, dict) and (missing := set(self.tasks) - set(self.mix)):
            raise ValueError(f"mix gives no weight to {', '.join(sorted(missing))}: every task has one above 0")
        return self

    def to_yaml(self) -> str:
        """Return the recipe with every value stated, in the order of this class."""
        return yaml.safe_dump(self.model_dump(mode="json"), sort_keys=False, allow_unicode=True)


def _not_a_multiple(batch: int, key: str, parts: int) -> str:
    below, above = batch // parts * parts, (batch // parts + 1) * parts
    near = f"{below} or {above}" if below else f"{above}"
    return f"train.batch {batch} is not a multiple of {key} {parts}; {near} would be"


def load_recipe(path: Path, overrides: Sequence[str] = ()) -> Recipe:
    """Read a recipe file and apply `key=value` overrides (dotted keys, YAML values).

    Raises:
        RecipeError: unreadable file, not YAML, unknown key, or a value that is not allowed.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except OSError as error:
        raise RecipeError(f"Cannot read the recipe {path}: {error.strerror}.", "Give a readable YAML file.") from None
    except UnicodeDecodeError:
        raise RecipeError(f"The recipe {path} is not UTF-8 text.", "Save it as UTF-8.") from None
    return parse_recipe(text, overrides, source=str(path))


def parse_recipe(text: str, overrides: Sequence[str] = (), *, source: str = "recipe") -> Recipe:
    """As `load_recipe`, from text; `source` names it in errors."""
    try:
        data = load_yaml(text)
    except yaml.YAMLError as error:
        raise RecipeError(f"{source} is not valid YAML: {' '.join(str(error).split())}.", "Correct the line.") from None
    if not isinstance(data, dict):
        raise RecipeError(f"{source} does not hold keys and values.", "Start from a file in recipes/.")
    for override in overrides:
        _apply(data, override)
    try:
        return Recipe.model_validate(data)
    except ValidationError as error:
        raise RecipeError(f"{source}: {_explain(error)}", "Correct the recipe or the override.") from None


def _apply(data: dict[str, Any], override: str) -> None:
    key, equals, value = override.partition("=")
    if not equals or not key:
        raise RecipeError(f"'{override}' is not an override.", "Write key=value, such as train.max_steps=50.")
    try:
        parsed = load_yaml(value)
    except yaml.YAMLError:
        raise RecipeError(f"The value in '{override}' is not valid YAML.", "Quote it.") from None
    if isinstance(parsed, str):
        parsed = _number(parsed)
    *parents, last = key.split(".")
    node: Any = data
    for part in parents:
        if node.get(part) is None:
            node[part] = {}
        node = node[part]
        if not isinstance(node, dict):
            raise RecipeError(f"'{override}': {part} holds a value, not keys.", "See recipes/ for the shape.")
    node[last] = parsed


def _number(text: str) -> str | float:
    """YAML 1.1 reads 9e-6 as a string; a user means a number."""
    try:
        return float(text) if any(c.isdigit() for c in text) else text
    except ValueError:
        return text


def _explain(error: ValidationError) -> str:
    """Return one sentence a problem, naming the key as the user writes it."""
    sentences: list[str] = []
    named: set[str] = set()
    for problem in error.errors():
        where = [str(part) for part in problem["loc"] if "[" not in str(part)]  # a union's branches have brackets
        key = ".".join(where)
        if key in named or (problem["type"] == "literal_error" and isinstance(problem["input"], Mapping)):
            continue  # of a union, the branch that was not meant
        named.add(key)
        if problem["type"] == "extra_forbidden":
            elsewhere = [name for name in _all_keys() if name.rpartition(".")[2] == where[-1]]
            sentences.append(unknown_name("key", key, _keys(where[:-1]), elsewhere[:1]))
        elif key == "mix":
            sentences.append(f"mix is {MIXES}, not {problem['input']!r}.")
        elif problem["type"] == "literal_error":
            sentences.append(unknown_name(f"value for {key}", str(problem["input"]), _allowed(problem)))
        elif problem["type"] in ("model_type", "model_attributes_type"):
            sentences.append(f"{key} holds keys, such as {_keys(where)[0]}, not the value {problem['input']!r}.")
        elif problem["type"] == "list_type":
            sentences.append(f"{key} must be a list, such as {key}=[{problem['input']}].")
        elif problem["type"] == "missing":
            sentences.append(f"The key '{key}' is missing.")
        else:
            value = f" (got {problem['input']!r})" if key else ""
            message = problem["msg"].removeprefix("Value error, ")
            sentences.append(f"{key}: {message}{value}." if key else f"{message}.")
    return " ".join(sentences)


def _allowed(problem: Any) -> list[str]:
    """Return the values pydantic names in a literal's error, such as "'sft', 'ppo' or 'grpo'"."""
    return re.findall(r"'([^']*)'", problem["ctx"]["expected"])


def _all_keys() -> list[str]:
    """Return every dotted key of a section."""
    return [key for name in Recipe.model_fields for key in _keys([name])]


def _keys(parents: Sequence[str]) -> list[str]:
    """Return the dotted keys allowed beside the one that was refused."""
    section: Any = Recipe
    for part in parents:
        annotation = section.model_fields[part].annotation if part in section.model_fields else None
        if not (isinstance(annotation, type) and issubclass(annotation, Section)):
            return []
        section = annotation
    prefix = ".".join([*parents, ""]) if parents else ""
    return [prefix + name for name in section.model_fields]
