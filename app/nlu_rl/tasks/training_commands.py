"""Which commands train on a new task, told by what its answers are.

A few short answers are sampled by an untrained model often enough to be reinforced at once. Many answers, a number or
a text are hardly ever hit, so the model is first shown right answers (SFT), and PPO goes on from there.
"""

import json
import re
import shlex
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


def next_commands(file: "TaskFile", path: str) -> list[str]:
    """Return the commands that train on a task file, in the order in which they are run."""
    longest = max((len(answer) for answer in file.answer_names()), default=0)
    family = "stsb" if file.kind == "number" else "sst2"
    options = [_tasks(path), *_answer_length(file.kind, longest)]
    if file.kind == "answers" and len(file.answer_names()) <= FEW_ANSWERS and longest <= SHORT_CHARACTERS:
        return [_command(f"{family}-ppo", options)]
    first = f"{file.name}-sft"
    return [
        _command(f"{family}-sft", [*options, "--name", first]),
        _command(f"{family}-ppo", [*options, f"start_from={first}"]),
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
