"""Which runs a table takes: its rows are methods, its columns tasks, and every cell an evaluation. Pure.

A task without training rows of its own is scored with what was trained on another (`TRAINED_ON`), as in the paper.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from nlu_rl.errors import RecipeError, unknown_name
from nlu_rl.report.averages import SHOWN, Column

PERPLEXITY = "wikitext2"
METHODS = ("zero-shot", "few-shot", "SFT-ST", "PPO-ST", "GRPO-ST", "SFT-MT", "PPO-MT", "encoder")
_THREE = ("zero-shot", "SFT-ST", "PPO-ST")


def _columns(*pairs: tuple[str, tuple[str, ...]]) -> tuple[Column, ...]:
    return tuple(tuple((task, metric) for metric in metrics) for task, metrics in pairs)


@dataclass(frozen=True, slots=True)
class PaperTable:
    """A table of the paper: its columns, and the methods of its rows."""

    columns: tuple[Column, ...]
    methods: tuple[str, ...]
    about: str

    @property
    def tasks(self) -> list[str]:
        return list(dict.fromkeys(task for column in self.columns for task, _ in column))


TABLES = {
    "glue": PaperTable(SHOWN["glue"], METHODS, "GLUE"),
    "superglue": PaperTable(SHOWN["superglue"], METHODS, "SuperGLUE"),
    "transfer": PaperTable(SHOWN["transfer"], ("zero-shot", "PPO-ST"), "Zero-shot transfer"),
    "algorithms": PaperTable(
        _columns(
            ("sst2", ("accuracy",)),
            ("mrpc", ("f1",)),
            ("rte", ("accuracy",)),
            ("cola", ("matthews",)),
            ("qnli", ("accuracy",)),
        ),
        ("SFT-ST", "PPO-ST", "GRPO-ST"),
        "SFT, PPO and GRPO",
    ),
    "squad": PaperTable(_columns(("squad", ("em", "f1"))), _THREE, "Reading comprehension (SQuAD v1.1)"),
    "perplexity": PaperTable(_columns((PERPLEXITY, ("perplexity",))), _THREE, "Perplexity on WikiText-2"),
    "instruction": PaperTable(_columns(("amazon", ("accuracy",))), _THREE, "Following another instruction"),
}
TRAINED_ON = {
    "mnli-mm": "mnli",
    "ax": "mnli",
    "ax-b": "superglue-rte",
    "ax-g": "superglue-rte",
    "financial-phrasebank": "sst2",
    "financial-news": "sst2",
    "mental-health": "sst2",
    "emotion": "sst2",
    "babi-nli": "mnli",
    "siga-nli": "mnli",
    "amazon": "sst2",
    PERPLEXITY: "sst2",
}
"""Where a task is scored with what was trained on another."""


@dataclass(frozen=True, slots=True)
class Training:
    """A training run: of the language model by `method` (sft, ppo, grpo), or of an encoder."""

    method: str
    tasks: tuple[str, ...]
    seed: int


@dataclass(frozen=True, slots=True)
class Cell:
    """One evaluation: of what was trained, or of a subject as it is."""

    row: str
    task: str
    seed: int
    training: Training | None = None
    shots: str = "0"
    subject: str | None = None
    """A model, run or endpoint by name; None is the model that is reproduced with."""


def choose_tasks(table: str, tasks: Sequence[str]) -> list[str]:
    """Return the tasks of the columns; those of other tables may be among them.

    Raises:
        RecipeError: no such table.
    """
    if table not in TABLES:
        raise RecipeError(unknown_name("table", table, TABLES), "'nlu-rl reproduce --help' says what each one is.")
    return list(dict.fromkeys(tasks)) or TABLES[table].tasks


def choose_methods(table: str, methods: Sequence[str]) -> list[str]:
    """Return the rows of the table; any method may be asked for. Raises RecipeError for an unknown one."""
    known = {method.lower(): method for method in METHODS}
    for method in methods:
        if method.lower() not in known:
            raise RecipeError(unknown_name("method", method, METHODS), "Give --methods some of them.")
    wanted = {known[method.lower()] for method in methods} or set(TABLES[table].methods)
    return [method for method in METHODS if method in wanted]


def plan_cells(
    methods: Sequence[str],
    tasks: Sequence[str],
    *,
    seeds: Sequence[int] = (1,),
    shots: str = "best",
    trainable: Sequence[str],
    encodable: Sequence[str],
    also: Sequence[str] = (),
) -> list[Cell]:
    """Return every evaluation, method by method in the order in which they are best run.

    Args:
        trainable: tasks with training rows; a method that trains is left out where the task it needs is not one.
        encodable: tasks that an encoder can answer, trained on `source_of` them.
        also: further subjects, each a row of its own.
    """
    cells: list[Cell] = []
    mixed = tuple(dict.fromkeys(source for task in tasks if (source := source_of(task)) in trainable))
    for method in methods:
        for seed in seeds:
            for task in tasks:
                cell = _cell(method, task, seed, shots, trainable, encodable, mixed)
                if cell is not None:
                    cells.append(cell)
    answered = [task for task in tasks if task != PERPLEXITY]
    cells += [Cell(name, task, seed, subject=name) for name in also for seed in seeds for task in answered]
    return cells


def source_of(task: str) -> str:
    """Return the task whose training stands for this one."""
    return TRAINED_ON.get(task, task)


def trainings(cells: Sequence[Cell]) -> list[Training]:
    """Return what has to be trained, each once."""
    return list(dict.fromkeys(cell.training for cell in cells if cell.training is not None))


def _cell(
    method: str,
    task: str,
    seed: int,
    shots: str,
    trainable: Sequence[str],
    encodable: Sequence[str],
    mixed: tuple[str, ...],
) -> Cell | None:
    source = source_of(task)
    if method == "zero-shot":
        return Cell(method, task, seed)
    if method == "few-shot":
        return Cell(method, task, seed, shots=shots) if source in trainable and task != PERPLEXITY else None
    if source not in trainable:
        return None
    if method == "encoder":
        return Cell(method, task, seed, Training("encoder", (source,), seed)) if task in encodable else None
    kind, _, breadth = method.partition("-")
    if breadth == "MT":
        return Cell(method, task, seed, Training(kind.lower(), mixed, seed)) if len(mixed) > 1 else None
    return Cell(method, task, seed, Training(kind.lower(), (source,), seed))
