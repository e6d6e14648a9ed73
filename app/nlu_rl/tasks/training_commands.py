"""Which commands train on a new task, told by what its answers are.

A few short answers are sampled by an untrained model often enough to be reinforced at once. Many answers, a number or
a text are hardly ever hit, so the model is first shown right answers (SFT), and PPO goes on from there.
"""

import json
import re
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from nlu_rl.tasks.task_file import TaskFile

FEW_ANSWERS = 3
SHORT_CHARACTERS = 20
RECIPE_TOKENS = 12
"""What the recipes named here let a model answer with."""
TEXT_TOKENS = 32
CLOSING_TOKENS = 8
"""The closing tag, generously."""


@dataclass(frozen=True, slots=True)
class Way:
    """How a task is trained on: whose recipes to take, whether it can do without supervised training, what to add."""

    family: str
    at_once: bool
    overrides: list[str]


def way_for(kind: str, answers: Sequence[str]) -> Way:
    """Return the way for a task by the kind of its answers, and their names where these are the same for all rows."""
    longest = max((len(answer) for answer in answers), default=0)
    few = kind == "answers" and len(answers) <= FEW_ANSWERS and longest <= SHORT_CHARACTERS
    return Way("stsb" if kind == "number" else "sst2", few, _answer_length(kind, longest))


def next_commands(file: "TaskFile", path: str) -> list[str]:
    """Return the commands that train on a task file, in the order in which they are run."""
    way = way_for(file.kind, file.answer_names())
    options = [_tasks(path), *way.overrides]
    if way.at_once:
        return [_command(f"{way.family}-ppo", options)]
    first = f"{file.name}-sft"
    return [
        _command(f"{way.family}-sft", [*options, "--name", first]),
        _command(f"{way.family}-ppo", [*options, f"start_from={first}"]),
    ]


def _command(recipe: str, options: list[str]) -> str:
    return shlex.join(["nlu-rl", "run", recipe, *options])


def _tasks(path: str) -> str:
    """Return the override that names the task, quoted where YAML would read more into the path."""
    plain = re.fullmatch(r"[\w./~-][\w./ ~+=()-]*", path) is not None and path == path.strip()
    return f"tasks=[{path if plain else json.dumps(path, ensure_ascii=False)}]"


def _answer_length(kind: str, longest: int) -> list[str]:
    """Return the override that leaves room for the longest answer, where the recipes' does not."""
    wanted = TEXT_TOKENS if kind == "span" else longest // 2 + CLOSING_TOKENS
    return [f"generation.max_new_tokens={wanted}"] if wanted > max(RECIPE_TOKENS, SHORT_CHARACTERS // 2 + 8) else []
