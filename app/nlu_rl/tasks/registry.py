"""All tasks by name, and a user's own by its file. A new task is one file beside this one and one line here."""

from functools import cache
from pathlib import Path

from nlu_rl.errors import RecipeError, unknown_name
from nlu_rl.tasks.amazon import Amazon
from nlu_rl.tasks.ax import Ax
from nlu_rl.tasks.ax_b import AxB
from nlu_rl.tasks.ax_g import AxG
from nlu_rl.tasks.babi_nli import BabiNli
from nlu_rl.tasks.base import DatasetTask
from nlu_rl.tasks.boolq import BoolQ
from nlu_rl.tasks.cb import Cb
from nlu_rl.tasks.cola import Cola
from nlu_rl.tasks.copa import Copa
from nlu_rl.tasks.emotion import Emotion
from nlu_rl.tasks.financial_news import FinancialNews
from nlu_rl.tasks.financial_phrasebank import FinancialPhraseBank
from nlu_rl.tasks.mental_health import MentalHealth
from nlu_rl.tasks.mnli import Mnli, MnliMismatched
from nlu_rl.tasks.movie_snippets import MovieSnippets
from nlu_rl.tasks.mrpc import Mrpc
from nlu_rl.tasks.multirc import MultiRc
from nlu_rl.tasks.own import is_task_file, own_task
from nlu_rl.tasks.qnli import Qnli
from nlu_rl.tasks.qqp import Qqp
from nlu_rl.tasks.record import Record
from nlu_rl.tasks.rte import Rte
from nlu_rl.tasks.siga_nli import SigaNli
from nlu_rl.tasks.squad import Squad, SquadExactMatch, SquadF1
from nlu_rl.tasks.sst2 import Sst2
from nlu_rl.tasks.stsb import Stsb
from nlu_rl.tasks.superglue_rte import SuperGlueRte
from nlu_rl.tasks.wic import Wic
from nlu_rl.tasks.wnli import Wnli
from nlu_rl.tasks.wsc import Wsc

_GLUE: tuple[type[DatasetTask], ...] = (Sst2, Cola, Stsb, Mrpc, Qqp, Mnli, MnliMismatched, Qnli, Rte, Wnli, Ax)
_SUPERGLUE: tuple[type[DatasetTask], ...] = (BoolQ, Cb, Copa, MultiRc, Record, SuperGlueRte, Wic, Wsc, AxB, AxG)
_READING: tuple[type[DatasetTask], ...] = (Squad, SquadExactMatch, SquadF1)
_TRANSFER: tuple[type[DatasetTask], ...] = (
    FinancialPhraseBank,
    FinancialNews,
    MentalHealth,
    Emotion,
    BabiNli,
    SigaNli,
    Amazon,
)
_ALL: tuple[type[DatasetTask], ...] = (MovieSnippets, *_GLUE, *_SUPERGLUE, *_READING, *_TRANSFER)
_TASKS = {task.name: task for task in _ALL}


def task_names() -> list[str]:
    """Return the names of all tasks, in the order they are listed to people."""
    return list(_TASKS)


def get_task(name: str) -> DatasetTask:
    """Return a task by its name, or by the path of its YAML file. Raises RecipeError when there is none."""
    if is_task_file(name):
        task = own_task(Path(name))
        if task.name in _TASKS:
            raise RecipeError(f"{name} calls its task '{task.name}', which is a task here.", "Give it another name.")
        return task
    if name == "wikitext2":
        raise RecipeError(
            "wikitext2 is a text to measure the perplexity on, not a task with answers.",
            "Write nlu-rl eval MODEL --task wikitext2, or compare.",
        )
    if name not in _TASKS:
        raise RecipeError(
            unknown_name("task", name, _TASKS), "'nlu-rl tasks list' describes them; one of your own is a YAML file."
        )
    return _shipped(name)


@cache
def _shipped(name: str) -> DatasetTask:
    return _TASKS[name]()
