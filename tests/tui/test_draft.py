"""What the wizard starts is what its shell command starts."""

import shlex
from pathlib import Path

import pytest

from nlu_rl import paths
from nlu_rl.cli.recipes import resolve
from nlu_rl.errors import RecipeError
from nlu_rl.recipe import load_recipe
from nlu_rl.tui.draft import Draft, draft_for, draft_of, first_draft, recipes_for, save_as


def from_the_shell(draft: Draft) -> object:
    program, command, name, *overrides = shlex.split(draft.command)
    assert (program, command) == ("nlu-rl", "run")
    return resolve(name, overrides)[1]


@pytest.mark.parametrize("path", sorted(paths.recipes_dir().glob("*.yaml")), ids=lambda path: path.stem)
def test_an_unchanged_recipe_needs_no_override(path: Path) -> None:
    draft = draft_of(path, load_recipe(path).model)
    assert draft.command == f"nlu-rl run {path.stem}"
    assert from_the_shell(draft) == draft.recipe


@pytest.mark.parametrize(
    "changes",
    [
        ["train.max_steps=7", "train.learning_rate=1e-5", "seed=3"],
        ["method=sft"],
        ["method=grpo", "train.batch=64", "grpo.completions=4"],
        ["method=sft", "train.batch=24", "train.optimizer=adamw"],
        ["evaluate.every=null", "start_from=another-run"],
        ["tasks=[sst2, cola]", "mix={sst2: 2.0, cola: 1.0}", "lora.target=[q_proj, v_proj]"],
        ["model=./a folder/with spaces"],
    ],
)
@pytest.mark.parametrize("name", ["demo", "sst2-sft", "sst2-grpo"])
def test_the_command_round_trips(name: str, changes: list[str]) -> None:
    draft = draft_of(paths.recipes_dir() / f"{name}.yaml", "smollm2-135m").changed(*changes)
    assert from_the_shell(draft) == draft.recipe


def test_the_first_draft_is_the_demo() -> None:
    assert first_draft().command == "nlu-rl run demo"


def test_recipes_are_offered_for_the_task_and_the_model() -> None:
    assert [path.stem for path in recipes_for("sst2", "smollm2-135m")] == ["sst2-sft", "sst2-ppo", "sst2-grpo"]
    assert {path.stem for path in recipes_for("sst2", "llama-2-7b")} == {
        "sst2-sft-llama-2-7b",
        "sst2-ppo-llama-2-7b",
        "sst2-grpo-llama-2-7b",
    }
    assert recipes_for("nothing", "smollm2-135m") == []


@pytest.mark.parametrize(
    ("task", "offered"),
    [
        ("boolq", ["sst2-ppo", "sst2-sft", "sst2-grpo"]),  # two short answers: no need to be shown first
        ("amazon", ["sst2-sft", "sst2-ppo", "sst2-grpo"]),
        ("squad", ["sst2-sft", "sst2-ppo", "sst2-grpo"]),
    ],
)
def test_a_task_without_a_recipe_is_trained_by_those_of_one_like_it(task: str, offered: list[str]) -> None:
    paths_offered = recipes_for(task, "smollm2-135m")
    assert [path.stem for path in paths_offered] == offered
    draft = draft_for(paths_offered[0], task, "smollm2-135m")
    assert draft.recipe.tasks == [task]
    assert from_the_shell(draft) == draft.recipe
    assert (draft.recipe.generation.max_new_tokens > 12) == (task == "squad")


def test_what_is_no_recipe_is_refused() -> None:
    with pytest.raises(RecipeError):
        first_draft().changed("train.batch=0")
    with pytest.raises(RecipeError):
        first_draft().edited("model: [")


def test_a_recipe_cannot_be_saved_as_a_folder() -> None:
    draft = draft_of(paths.recipes_dir() / "demo.yaml", "smollm2-135m")
    with pytest.raises(RecipeError, match="/ is there already"):
        save_as(draft, Path("/"))
