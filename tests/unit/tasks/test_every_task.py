"""What must hold for every task in the registry, so that a new one that breaks a promise fails here."""

import subprocess
import sys

import pytest

from nlu_rl.errors import DataError, RecipeError
from nlu_rl.tasks.base import DatasetTask
from nlu_rl.tasks.contract import CLOSE_TAG, OPEN_TAG, Example, Extracted
from nlu_rl.tasks.registry import get_task, task_names

TEXTS = ("the red car", "Ann", "25 March, 1999")
EVERY_TASK = pytest.mark.parametrize("task", [get_task(name) for name in task_names()], ids=lambda task: task.name)


def examples(task: DatasetTask) -> list[Example]:
    """One row for every answer, or for numbers all over the scale."""
    fields = {name: f"A {name}, with {{braces}} and <Judgement>tags</Judgement>." for name in task.schema.fields}
    golds = task.answers or (TEXTS if task.schema.free_text else ("0.0", "0.4", "2.333", "2.5", "4.75", "5.0"))
    return [Example(str(number), fields, gold) for number, gold in enumerate(golds)]


def garbage(task: DatasetTask) -> list[str]:
    nothing = ["", "</Judgement>", " \n"]
    return nothing if task.schema.free_text else [*nothing, "I cannot say.", "maybe</Judgement>", "7</Judgement>"]


def rewards(task: DatasetTask) -> tuple[float, float]:
    """The lowest and the highest reward."""
    return (-1.0, 1.0) if task.answers or task.schema.free_text else (-2.5, 2.5)


@EVERY_TASK
def test_the_right_completion_has_the_highest_reward(task: DatasetTask) -> None:
    rows = examples(task)
    for example in rows:
        right = task.score(example, task.target(example))
        assert right.correct
        assert right.extracted == Extracted(example.gold, "strict")
        others = [task.score(example, task.target(other)).reward for other in rows if other is not example]
        others += [task.score(example, text).reward for text in garbage(task)]
        assert right.reward == rewards(task)[1]
        assert right.reward > max(others)


@EVERY_TASK
def test_an_unparsed_answer_has_the_lowest_reward(task: DatasetTask) -> None:
    rows = examples(task)
    for example in rows:
        unparsed = {task.score(example, text).reward for text in garbage(task)}
        assert unparsed == {rewards(task)[0]}
        assert all(task.score(example, task.target(other)).reward >= max(unparsed) for other in rows)


@EVERY_TASK
def test_the_reward_is_the_sum_of_its_parts(task: DatasetTask) -> None:
    for example in examples(task):
        for completion in (task.target(example), *garbage(task)):
            scored = task.score(example, completion)
            assert scored.reward == pytest.approx(sum(scored.parts.values()))


@EVERY_TASK
def test_the_chat_ends_in_the_opening_tag_and_shares_its_beginning(task: DatasetTask) -> None:
    example, *shots = examples(task)
    messages = task.prompt(example)
    assert [message["role"] for message in messages] == ["system", "user", "assistant"]
    assert messages[-1]["content"] == OPEN_TAG
    instructions, _, query = messages[1]["content"].partition("\n\n")
    assert instructions == task.instructions
    assert all(text in query for text in example.fields.values())
    assert OPEN_TAG in task.system + instructions, "the form of the answer is shown"
    assert len(f"{task.system} {instructions}".split()) < 60, "short instructions keep every step fast"

    few = task.prompt(example, shots)
    assert few[0] == messages[0]
    assert few[1]["content"].startswith(instructions)
    assert [message["role"] for message in few[1:]] == ["user", "assistant"] * (len(shots) + 1)
    assert few[2]["content"] == OPEN_TAG + task.target(shots[0])
    assert few[-2]["content"] == query
    assert query.endswith(task.reminder)


@EVERY_TASK
def test_all_answers_are_named_in_the_instructions(task: DatasetTask) -> None:
    for answer in task.answers or ():
        assert f"{OPEN_TAG}{answer}{CLOSE_TAG}" in task.instructions


@EVERY_TASK
def test_perfect_answers_have_perfect_metrics(task: DatasetTask) -> None:
    rows = examples(task)
    metrics = task.metrics([(example, task.score(example, task.target(example))) for example in rows])
    assert task.metric in metrics
    metrics.pop("gender_parity", None)  # these rows are not pairs
    assert all(value == pytest.approx(1.0) for value in metrics.values())
    unparsed = task.metrics([(example, task.score(example, "")) for example in rows])
    assert unparsed[task.metric] < 0.5


@EVERY_TASK
def test_no_rows_and_no_labels_are_refused(task: DatasetTask) -> None:
    with pytest.raises(DataError):
        task.metrics([])
    unlabelled = Example("7", examples(task)[0].fields, None)
    with pytest.raises(DataError, match="7"):
        task.score(unlabelled, "x")


@EVERY_TASK
def test_the_schema_is_the_tasks(task: DatasetTask) -> None:
    schema = task.schema
    assert schema.task == (task.dataset or task.name)
    assert schema.answers == task.answers
    for example in examples(task):
        assert schema.read_label(example.gold or "") == example.gold
        assert schema.label_bin(example.gold or "") in schema.label_bins()


@EVERY_TASK
def test_missing_data_names_the_command(task: DatasetTask, home: object) -> None:
    with pytest.raises(DataError) as caught:
        task.load("train")
    assert "nlu-rl data" in caught.value.fix
    with pytest.raises(DataError, match=task.schema.name):
        task.load("test")


def test_unknown_task_has_a_hint() -> None:
    with pytest.raises(RecipeError, match="Did you mean 'sst2'"):
        get_task("sst-2")


def test_tasks_are_light() -> None:
    code = (
        "import sys, nlu_rl.tasks.registry as r; [r.get_task(n) for n in r.task_names()];"
        "print([m for m in ('torch','numpy','sklearn','scipy','datasets','pyarrow') if m in sys.modules])"
    )
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "[]\n"
