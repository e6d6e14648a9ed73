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

from nlu_rl.data.schema import scale_decimals

if TYPE_CHECKING:
    from nlu_rl.tasks.task_file import TaskFile

FEW_ANSWERS = 3
SHORT_CHARACTERS = 20
RECIPE_TOKENS = 12
"""What the recipes named here let a model answer with."""
TEXT_TOKENS = 32
CLOSING_TOKENS = 8
"""The closing tag, generously."""
SHORTEST_SCALE, LONGEST_SCALE = 1.0, 20.0


@dataclass(frozen=True, slots=True)
class Way:
    """How a task is trained on: whose recipes to take, whether it can do without supervised training, what to add."""

    family: str
    at_once: bool
    overrides: list[str]


def way_for(kind: str, answers: Sequence[str], scale: tuple[float, float] = (0.0, 5.0)) -> Way:
    """Return the way for a task by the kind of its answers, and their names where these are the same for all rows.

    `scale`: the ends of a scale of numbers. The reward of a number is in its own units, which suit a step of PPO where
    the scale is about as long as STS-B's; of others it is divided.
    """
    longest = max((len(answer) for answer in answers), default=0)
    few = kind == "answers" and len(answers) <= FEW_ANSWERS and longest <= SHORT_CHARACTERS
    overrides = _answer_length(kind, answers, scale)
    low, high = scale
    if kind == "number" and not SHORTEST_SCALE <= high - low <= LONGEST_SCALE:
        overrides.append("reward_scale=unit")
    return Way("stsb" if kind == "number" else "sst2", few, overrides)


def next_commands(file: "TaskFile", path: str) -> list[str]:
    """Return the commands that train on a task file, in the order in which they are run."""
    way = way_for(file.kind, file.answer_names(), (file.low, file.high))
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


def _answer_length(kind: str, answers: Sequence[str], scale: tuple[float, float]) -> list[str]:
    """Return the override that leaves room for the longest answer, where the recipes' does not.

    A token is about two letters, but one digit or mark.
    """
    if kind == "number":
        answers = [f"{end:.{scale_decimals(*scale)}f}" for end in scale]
    wanted, enough = TEXT_TOKENS, RECIPE_TOKENS
    if kind != "span":
        letters, others = max(
            ((sum(mark.isalpha() or mark == " " for mark in answer), len(answer)) for answer in answers),
            key=lambda counts: counts[1] - counts[0] // 2,
            default=(0, 0),
        )
        wanted = others - letters + letters // 2 + CLOSING_TOKENS
        enough = RECIPE_TOKENS if letters < others else SHORT_CHARACTERS // 2 + CLOSING_TOKENS
    return [f"generation.max_new_tokens={wanted}"] if wanted > enough else []
