"""Recipes: every shipped one loads, and what is wrong in one is named."""

import re
from pathlib import Path

import pytest
import yaml

from nlu_rl.errors import RecipeError
from nlu_rl.models.catalogue import get_model
from nlu_rl.paths import recipes_dir
from nlu_rl.recipe import Recipe, load_recipe, parse_recipe
from nlu_rl.tasks.registry import get_task

BASE = "model: smollm2-135m\ntasks: [sst2]\nmethod: ppo\n"
SHIPPED = sorted(recipes_dir().glob("*.yaml"))


@pytest.mark.parametrize("path", SHIPPED, ids=lambda path: path.stem)
def test_every_shipped_recipe_loads_and_says_how_it_is_run(path: Path) -> None:
    recipe = load_recipe(path)
    assert get_model(recipe.model)
    assert all(get_task(task) for task in recipe.tasks)
    header = [line for line in path.read_text(encoding="utf-8").splitlines() if line.startswith("#")]
    command = "nlu-rl demo" if path.stem == "demo" else f"nlu-rl run {path.stem}"
    assert f"#   {command}" in header
    assert any("Measured:" in line for line in header)


def test_the_paper_is_covered_for_every_model() -> None:
    names = {path.stem for path in SHIPPED}
    for task in ("sst2", "cola", "stsb"):
        for method in ("sft", "ppo", "grpo"):
            assert {f"{task}-{method}", f"{task}-{method}-qwen2.5-7b", f"{task}-{method}-llama-2-7b"} <= names


def test_a_resolved_recipe_states_every_value_and_reads_back_the_same() -> None:
    recipe = parse_recipe(BASE)
    text = recipe.to_yaml()
    assert set(yaml.safe_load(text)) == set(Recipe.model_fields)
    assert parse_recipe(text) == recipe


@pytest.mark.parametrize(
    ("method", "batch", "optimizer"), [("sft", 24, "adamw"), ("ppo", 16, "adafactor"), ("grpo", 16, "adafactor")]
)
def test_defaults_depend_on_the_method(method: str, batch: int, optimizer: str) -> None:
    train = parse_recipe(BASE, [f"method={method}"]).train
    assert (train.batch, train.optimizer) == (batch, optimizer)
    assert parse_recipe(BASE, [f"method={method}", "train.batch=48"]).train.batch == 48


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("train.max_step=5", ["train.max_step", "Did you mean 'train.max_steps'?"]),
        ("modle=x", ["modle", "Did you mean 'model'?"]),
        ("train.batch=0", ["train.batch", "greater than 0"]),
        ("train.batch=abc", ["train.batch", "integer"]),
        ("train.learning_rate=.nan", ["train.learning_rate"]),
        ("method=pppo", ["method", "Did you mean 'ppo'?", "grpo, ppo, sft"]),
        ("max_steps=3", ["max_steps", "Did you mean 'train.max_steps'?"]),
        ("train=3", ["train holds keys"]),
        ("mix=foo", ["mix is proportional, equal, or a weight", "not 'foo'"]),
        ("tasks=sst2", ["tasks", "list", "tasks=[sst2]"]),
        ("tasks=[]", ["tasks"]),
        ("tasks=[sst2, sst2]", ["names a task twice"]),
        ("ppo.minibatches=3", ["16", "multiple", "3"]),
        ("generation.temperature=0", ["temperature", "above 0"]),
        ("mix={cola: 1}", ["Unknown task in mix 'cola'"]),
        ("mix={sst2: -1}", ["mix.sst2", "greater than 0"]),
        ("train.batch.size=5", ["train.batch"]),
        ("batch", ["not an override"]),
        ("seed={a", ["not valid YAML"]),
        ("train.max_steps=true", ["train.max_steps", "yes or no"]),
        ("train.learning_rate=yes", ["train.learning_rate", "yes or no"]),
        ("seed=no", ["seed", "yes or no"]),
        ("train={batch: 8, batch: 16}", ["not valid YAML"]),
    ],
)
def test_what_is_wrong_is_named(override: str, words: list[str]) -> None:
    with pytest.raises(RecipeError) as caught:
        parse_recipe("train: {batch: 16}\n" + BASE, [override])
    assert all(word in str(caught.value) for word in words), str(caught.value)
    assert caught.value.exit_code == 2


def test_a_group_must_divide_the_batch() -> None:
    with pytest.raises(RecipeError, match=r"multiple of grpo\.completions"):
        parse_recipe(BASE, ["method=grpo", "train.batch=12"])


def test_a_key_that_is_there_twice_is_refused() -> None:
    with pytest.raises(RecipeError, match=r"line 4: the key 'method' is there twice"):
        parse_recipe(BASE + "method: sft\n")


@pytest.mark.parametrize("text", ["", "- a\n", "a: [", "just words", "model: x\n"])
def test_a_file_that_is_no_recipe(text: str) -> None:
    with pytest.raises(RecipeError):
        parse_recipe(text)


def test_unreadable_files(tmp_path: Path) -> None:
    (tmp_path / "binary.yaml").write_bytes(b"\xff\xfe\x00")
    for name in ("missing.yaml", "binary.yaml", "."):
        with pytest.raises(RecipeError):
            load_recipe(tmp_path / name)


def test_numbers_may_be_written_as_people_write_them() -> None:
    assert parse_recipe(BASE, ["train.learning_rate=9e-6"]).train.learning_rate == 9e-6
    assert parse_recipe(BASE + "train: {learning_rate: 9e-6}").train.learning_rate == 9e-6


@pytest.mark.parametrize("override", ["x[5=3", "train.x[5m=3"])
def test_a_key_with_brackets_is_an_unknown_key(override: str) -> None:
    with pytest.raises(RecipeError, match=re.escape(f"Unknown key '{override.partition('=')[0]}'")):
        load_recipe(recipes_dir() / "sst2-ppo.yaml", [override])
