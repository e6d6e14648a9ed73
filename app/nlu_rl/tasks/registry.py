"""All tasks by name. A new task is one file beside this one and one line here."""

from functools import cache

from nlu_rl.errors import RecipeError, unknown_name
from nlu_rl.tasks.ax import Ax
from nlu_rl.tasks.base import DatasetTask
from nlu_rl.tasks.cola import Cola
from nlu_rl.tasks.mnli import Mnli, MnliMismatched
from nlu_rl.tasks.movie_snippets import MovieSnippets
from nlu_rl.tasks.mrpc import Mrpc
from nlu_rl.tasks.qnli import Qnli
from nlu_rl.tasks.qqp import Qqp
from nlu_rl.tasks.rte import Rte
from nlu_rl.tasks.sst2 import Sst2
from nlu_rl.tasks.stsb import Stsb
from nlu_rl.tasks.wnli import Wnli

_GLUE: tuple[type[DatasetTask], ...] = (Sst2, Cola, Stsb, Mrpc, Qqp, Mnli, MnliMismatched, Qnli, Rte, Wnli, Ax)
_ALL: tuple[type[DatasetTask], ...] = (MovieSnippets, *_GLUE)
_TASKS = {task.name: task for task in _ALL}


def task_names() -> list[str]:
    """Return the names of all tasks, in the order they are listed to people."""
    return list(_TASKS)


@cache
def get_task(name: str) -> DatasetTask:
    """Return a task by name. Raises RecipeError for an unknown one."""
    if name not in _TASKS:
        raise RecipeError(unknown_name("task", name, _TASKS), "'nlu-rl tasks list' describes them.")
    return _TASKS[name]()
