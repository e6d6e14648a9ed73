"""A prompt that does not fit loses the end of its passage, and nothing else."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlu_rl.tasks.contract import Example, Message
from nlu_rl.tasks.passage import MARK, fit_prompt, shortened
from nlu_rl.tasks.registry import get_task, task_names

WORDS = " ".join(f"word{number}" for number in range(300))


def encode(messages: list[Message]) -> list[int]:
    """One token a word: a stand-in for a tokenizer."""
    return [len(word) for message in messages for word in message["content"].split()]


def test_a_prompt_that_fits_is_not_touched() -> None:
    example = Example("1", {"passage": WORDS, "question": "is it"}, "yes")
    fitted = fit_prompt(get_task("boolq"), example, encode, 2000)
    assert (fitted.example, fitted.shortened) == (example, False)
    assert fit_prompt(get_task("boolq"), example, encode, None).ids == fitted.ids


@pytest.mark.parametrize("name", [name for name in task_names() if get_task(name).passage])
def test_the_passage_is_cut_and_nothing_else(name: str) -> None:
    task = get_task(name)
    fields = {field: f"the {field} stays" for field in task.schema.fields} | {task.passage: WORDS}
    example = Example("1", fields, task.answers[0] if task.answers else "word7")
    whole = len(encode(task.prompt(example)))
    fitted = fit_prompt(task, example, encode, whole - 100)
    assert fitted.shortened
    assert whole - 103 <= len(fitted.ids) <= whole - 100, "as much as fits is kept"
    assert {**fitted.example.fields, task.passage: ""} == {**fields, task.passage: ""}
    kept = fitted.example.fields[task.passage].removesuffix(MARK)
    assert WORDS.startswith(f"{kept} "), "cut between words"
    assert (fitted.example.id, fitted.example.gold) == (example.id, example.gold)


def test_a_prompt_that_cannot_fit_comes_back_whole() -> None:
    example = Example("1", {"passage": "a b", "question": WORDS}, "yes")
    fitted = fit_prompt(get_task("boolq"), example, encode, 100)
    assert (fitted.example, fitted.shortened) == (example, False)
    example = Example("1", {"sentence": WORDS}, "positive")
    assert not fit_prompt(get_task("sst2"), example, encode, 100).shortened


@settings(max_examples=60, deadline=None)
@given(st.text(max_size=60), st.integers(0, 60))
def test_shortened_is_a_beginning(text: str, length: int) -> None:
    cut = shortened(text, length)
    assert cut == text or text.startswith(cut.removesuffix(MARK))
    assert len(cut) <= max(len(text), length + len(MARK))
