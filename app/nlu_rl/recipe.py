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
from pydantic import Field, ValidationError, model_validator

from nlu_rl.errors import RecipeError, unknown_name
from nlu_rl.recipe_sections import Evaluate, Generation, Grpo, Lora, PositiveFloat, Ppo, Section, Train
from nlu_rl.yaml_text import load_yaml, named_parts, yaml_problem

Method = Literal["sft", "ppo", "grpo"]
MIXES = "proportional, equal, or a weight above 0 for each task, such as mix={sst2: 3, cola: 1}"


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
    report_to: Annotated[list[Literal["tensorboard", "trackio"]], Field(default_factory=list)]
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
        raise RecipeError(f"{source} is not valid YAML: {yaml_problem(error)}.", "Correct the line.") from None
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
        where = named_parts(problem)
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
