"""All tasks by name. A new task is one file beside this one and one line here."""

from functools import cache

from nlu_rl.errors import RecipeError, unknown_name
from nlu_rl.tasks.base import DatasetTask
from nlu_rl.tasks.cola import Cola
from nlu_rl.tasks.movie_snippets import MovieSnippets
from nlu_rl.tasks.sst2 import Sst2
from nlu_rl.tasks.stsb import Stsb

_TASKS: dict[str, type[DatasetTask]] = {task.name: task for task in (MovieSnippets, Sst2, Cola, Stsb)}


def task_names() -> list[str]:
    """Return the names of all tasks, in the order they are listed to people."""
    return list(_TASKS)


@cache
def get_task(name: str) -> DatasetTask:
    """Return a task by name. Raises RecipeError for an unknown one."""
    if name not in _TASKS:
        raise RecipeError(unknown_name("task", name, _TASKS), "'nlu-rl tasks list' describes them.")
    return _TASKS[name]()
