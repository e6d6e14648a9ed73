"""What an encoder is given of each task, and what its outputs mean."""

import pytest

from nlu_rl.encoder.request import encoder_arguments, training_rows
from nlu_rl.encoder.texts import form_of, texts_of
from nlu_rl.errors import ModelError, RecipeError
from nlu_rl.tasks.contract import Example
from nlu_rl.tasks.registry import get_task, task_names
from trained_run import write_sst2

CASES = [
    ("sst2", {"sentence": "fine"}, [("fine", None)]),
    ("rte", {"sentence1": "a", "sentence2": "b"}, [("a", "b")]),
    ("qnli", {"question": "q", "sentence": "s"}, [("q", "s")]),
    ("boolq", {"passage": "long", "question": "is it"}, [("is it", "long")]),
    ("multirc", {"paragraph": "long", "question": "q", "answer": "a"}, [("q a", "long")]),
    ("wic", {"word": "bank", "sentence1": "a", "sentence2": "b"}, [("bank: a", "b")]),
    ("wsc", {"text": "*It* fell.", "noun": "the cup", "pronoun": "It"}, [("*It* fell.", "It: the cup")]),
    (
        "copa",
        {"premise": "It rained.", "choice1": "wet", "choice2": "dry", "question": "effect"},
        [("It rained. What is the effect?", "wet"), ("It rained. What is the effect?", "dry")],
    ),
]


@pytest.mark.parametrize(("name", "fields", "expected"), CASES, ids=lambda case: case if isinstance(case, str) else "")
def test_the_texts_of_a_row(name: str, fields: dict[str, str], expected: list[tuple[str, str | None]]) -> None:
    assert texts_of(get_task(name), Example("0", fields, None)) == expected


@pytest.mark.parametrize("name", task_names())
def test_every_task_has_a_form_or_is_refused_for_what_it_is(name: str) -> None:
    task = get_task(name)
    if task.schema.free_text:
        with pytest.raises(RecipeError, match="answered with a text"):
            form_of(task)
        return
    form = form_of(task)
    golds = task.answers or ("0.0", "2.5", "5.0")
    for gold in golds:
        example = Example("0", dict.fromkeys(task.schema.fields, "x"), gold)
        label = form.label(gold)
        outputs = [label] if form.kind == "regression" else [float(place == label) for place in range(len(golds))]
        scored = task.score(example, form.completion(outputs))
        assert (scored.correct, scored.extracted.how) == (True, "strict")
        assert all(first for first, _ in texts_of(task, example))


def test_numbers_stay_on_the_scale() -> None:
    form = form_of(get_task("stsb"))
    assert form.completion([7.3]) == "5.0</Judgement>"
    assert form.completion([-1.0]) == "0.0</Judgement>"
    assert form.completion([1.23456]) == "1.2346</Judgement>"


def test_rows_to_choose_by_are_neither_trained_on_nor_scored(home: object) -> None:
    write_sst2(train=50)
    train, chosen, where = training_rows(get_task("sst2"), None)
    assert (len(train), len(chosen), where) == (45, 5, "training rows held out")
    assert not {row.id for row in train} & {row.id for row in chosen}


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"model": "smollm2-135m"}, ModelError, "language model, not an encoder"),
        ({"model": "minilm"}, ModelError, "Unknown encoder 'minilm'"),
        ({"model": "/nowhere/at/all"}, ModelError, "does not exist"),
        ({"task": "squad"}, RecipeError, "answered with a text"),
        ({"task": "sst3"}, RecipeError, "Did you mean 'sst2'"),
        ({"learning_rates": [3.0]}, RecipeError, "between 0 and 1"),
        ({"intermediate": "sst2"}, RecipeError, "the task itself"),
        ({"intermediate": "squad"}, RecipeError, "answered with a text"),
    ],
)
def test_what_cannot_be_is_refused(changes: dict[str, object], error: type[Exception], message: str) -> None:
    arguments = {"model": "minilm-l6", "task": "sst2", **changes}
    with pytest.raises(error, match=message):
        encoder_arguments(arguments.pop("model"), arguments.pop("task"), **arguments)  # type: ignore[arg-type]
