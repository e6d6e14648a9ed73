"""The documents name commands, recipes, tasks and files that exist, and the README's recipe is a recipe."""

import re
from pathlib import Path

import pytest

from nlu_rl.cli.commands import COMMANDS
from nlu_rl.models.catalogue import get_model
from nlu_rl.paths import recipes_dir
from nlu_rl.recipe import parse_recipe

ROOT = recipes_dir().parent
DOCUMENTS = [ROOT / name for name in ("README.md", "CONTRIBUTING.md", "CHANGELOG.md", "docs/architecture.md")]
README = (ROOT / "README.md").read_text(encoding="utf-8")


def commands(text: str) -> list[list[str]]:
    spans = re.findall(r"`(nlu-rl [^`]+)`", text) + re.findall(r"^(nlu-rl [^#\n]+)", text, re.MULTILINE)
    return [span.split() for span in spans]


@pytest.mark.parametrize("words", commands(README), ids=" ".join)
def test_every_command_of_the_readme_exists(words: list[str]) -> None:
    assert words[1] in COMMANDS or words[1].startswith("--")
    recipes = {path.stem for path in recipes_dir().glob("*.yaml")}
    if words[1] in ("run", "plan", "check"):
        assert words[2] in recipes
    if words[1] == "eval":
        assert words[2] == "RUN" or get_model(words[2])


def test_the_readme_has_commands() -> None:
    assert len(commands(README)) > 15


def test_the_recipe_of_the_readme_loads() -> None:
    (block,) = re.findall(r"```yaml\n(.*?)```", README, re.DOTALL)
    assert parse_recipe(block).method == "ppo"


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_named_files_exist(document: Path) -> None:
    text = document.read_text(encoding="utf-8")
    package = ROOT / "app" / "nlu_rl"
    for name in re.findall(r"`([\w./-]+/[\w.-]*|[\w-]+\.(?:py|md|toml|yaml))`", text):
        if "<" in name or name in ("checkpoints/.partial",):
            continue
        places = [ROOT / name, package / name, ROOT / "app" / name]
        inside = list(package.rglob(Path(name).name)) + list(ROOT.glob(Path(name).name))
        assert any(place.exists() for place in places) or inside, name


def test_make_targets_of_the_readme_exist() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    for target in set(re.findall(r"\bmake ([a-z][a-z-]+)", README)):
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target
