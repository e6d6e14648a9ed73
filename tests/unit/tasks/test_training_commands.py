"""The commands a new task is sent off with are commands that load."""

import shlex

import pytest

from nlu_rl.paths import recipes_dir
from nlu_rl.recipe import load_recipe
from nlu_rl.tasks.task_file import TaskFile
from nlu_rl.tasks.training_commands import next_commands, way_for


def task_file(**changes) -> TaskFile:
    return TaskFile.model_validate({"name": "mine", "train": "x.csv", "text": ["t"], "label": "l", **changes})


FILES = [
    ({"answers": ["bad", "good"]}, "my.yaml", ["sst2-ppo"]),
    ({"answers": [f"topic {n}" for n in range(60)]}, "my.yaml", ["sst2-sft", "sst2-ppo"]),
    ({"answers": ["a very long name of a single category", "b"]}, "my.yaml", ["sst2-sft", "sst2-ppo"]),
    ({"kind": "number", "low": 0, "high": 10}, "my.yaml", ["stsb-sft", "stsb-ppo"]),
    ({"kind": "span"}, "my.yaml", ["sst2-sft", "sst2-ppo"]),
    ({"answers": ["bad", "good"]}, "a, b/it's [new]: #1.yaml", ["sst2-ppo"]),
]


@pytest.mark.parametrize(("changes", "path", "recipes"), FILES)
def test_the_commands_are_recipes_with_overrides(changes, path: str, recipes: list[str]) -> None:
    commands = [shlex.split(command) for command in next_commands(task_file(**changes), path)]
    assert [words[:3] for words in commands] == [["nlu-rl", "run", recipe] for recipe in recipes]
    for words in commands:
        overrides = [word for word in words[3:] if "=" in word]
        recipe = load_recipe(recipes_dir() / f"{words[2]}.yaml", overrides)
        assert recipe.tasks == [path]
    if len(commands) == 2:
        assert commands[0][-2:] == ["--name", "mine-sft"]
        assert "start_from=mine-sft" in commands[1]


def test_long_answers_have_room() -> None:
    name = "a very long name of a single category in a table"
    (first, _) = next_commands(task_file(answers=[name, "b"]), "my.yaml")
    assert "generation.max_new_tokens=32" in first
    assert "generation.max_new_tokens=32" in next_commands(task_file(kind="span"), "my.yaml")[0]
    assert "max_new_tokens" not in next_commands(task_file(answers=["no", "yes"]), "my.yaml")[0]


@pytest.mark.parametrize(
    ("low", "high", "overrides"),
    [
        (0.0, 5.0, []),
        (1e-5, 5e-5, ["generation.max_new_tokens=16", "reward_scale=unit"]),
        (1e6, 5e6, ["generation.max_new_tokens=17", "reward_scale=unit"]),
    ],
)
def test_a_scale_far_from_that_of_stsb_has_its_reward_divided(low: float, high: float, overrides: list[str]) -> None:
    assert way_for("number", (), (low, high)).overrides == overrides


def test_digits_take_a_token_each() -> None:
    assert way_for("answers", ["2020-01-01", "2021-12-31"]).overrides == ["generation.max_new_tokens=18"]
    assert way_for("answers", ["not acceptable", "acceptable"]).overrides == []
