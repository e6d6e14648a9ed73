"""Which columns are text and label, and what an answer is, guessed from names and values."""

from typing import Any

import pytest

from nlu_rl.errors import DataError
from nlu_rl.tasks.guess import guess_task
from nlu_rl.tasks.task_file import Kind

TEXTS = [f"some words about thing {n}" for n in range(60)]


def rows(**columns: list[Any]) -> list[dict[str, Any]]:
    return [dict(zip(columns, values, strict=True)) for values in zip(*columns.values(), strict=True)]


def test_named_columns() -> None:
    guess = guess_task(rows(id=list(range(60)), review=TEXTS, label=[n % 2 for n in range(60)]))
    assert (guess.text, guess.label, guess.kind, guess.answers) == (["review"], "label", "answers", ["0", "1"])
    assert (guess.metric, guess.passage) == ("accuracy", None)


def test_a_label_is_what_repeats() -> None:
    dates = [f"2024-01-{n % 28 + 1:02d}" for n in range(60)]
    table = rows(when=dates, title=TEXTS, body=[text * 3 for text in TEXTS], kind=["x", "y", "z"] * 20)
    guess = guess_task(table)
    assert (guess.text, guess.label, guess.answers) == (["title", "body"], "kind", ["x", "y", "z"])
    assert guess.passage == "body"


def test_two_hundred_labels_each_in_its_usual_spelling() -> None:
    labels = [f"Label {n % 200}" for n in range(1000)] + ["label 7"]
    guess = guess_task(rows(text=[f"words and words {n}" for n in range(1001)], label=labels))
    assert len(guess.answers) == 200
    assert "Label 7" in guess.answers


def test_imbalance_makes_f1_the_metric() -> None:
    guess = guess_task(rows(text=TEXTS, label=["yes"] * 55 + ["no"] * 5))
    assert (guess.metric, guess.answers) == ("f1", ["yes", "no"]), "F1 is that of the last answer"


def test_truth_values_are_answers() -> None:
    guess = guess_task(rows(text=TEXTS, spam=[n % 3 == 0 for n in range(60)]))
    assert (guess.kind, guess.label, guess.answers) == ("answers", "spam", ["false", "true"])


def test_many_numbers_are_a_scale() -> None:
    guess = guess_task(rows(text=TEXTS, score=[n / 10 for n in range(60)]))
    assert (guess.kind, guess.low, guess.high) == ("number", 0.0, 6.0)
    assert guess_task(rows(text=TEXTS, stars=[n % 5 + 1 for n in range(60)])).answers == ["1", "2", "3", "4", "5"]
    assert guess_task(rows(text=TEXTS, price=[n + 0.5 for n in range(60)])).label == "price"


def test_what_is_no_finite_number_does_not_make_numbers_answers() -> None:
    guess = guess_task(rows(text=TEXTS[:5], value=[1, 2.5, 3, float("inf"), float("nan")]))
    assert (guess.label, guess.kind, guess.low, guess.high) == ("value", "number", 1.0, 3.0)
    whole = guess_task(rows(text=TEXTS, label=["1", "2", "NaN"] * 20))
    assert (whole.kind, whole.answers) == ("answers", ["1", "2"])
    words = guess_task(rows(text=TEXTS, label=["nan", "roti", "inf"] * 20))
    assert words.answers == ["inf", "nan", "roti"], "words among words"


@pytest.mark.parametrize("form", ["{}.5%", "{},5", "{},500", "$ {}", "{} 000"])
def test_numbers_in_other_forms_are_told(form: str) -> None:
    table = rows(text=TEXTS, score=[form.format(n + 1) for n in range(60)])
    kinds: tuple[Kind | None, ...] = (None, "number")
    for kind in kinds:
        with pytest.raises(DataError, match="numbers in a form that is not read") as told:
            guess_task(table, kind=kind)
        assert "12.5" in told.value.fix
    assert len(guess_task(table, kind="answers").answers) == 60
    for row in table[10:]:  # a few of them are enough
        row["score"] = str(row["score"]).strip("$ %").replace(",", ".").replace(" ", "")
    with pytest.raises(DataError, match="numbers in a form that is not read"):
        guess_task(table)


def test_a_pair_of_short_texts() -> None:
    pairs = rows(a=["cat", "dog", "cat", "sun"], b=["kitten", "car", "tiger", "moon"], sim=[4.5, 0.2, 3.9, 1.0])
    guess = guess_task(pairs)
    assert (guess.text, guess.label, guess.kind) == (["a", "b"], "sim", "number")
    assert guess_task([{"row_id": 1, "pair_id": "x", **row} for row in pairs]).text == ["a", "b"]


def test_few_values_are_a_label_rather_than_many_fractions() -> None:
    table = rows(text=TEXTS[:5], team=["x", "y", "z", "x", "y"], cost=[0.1, 0.7, 1.9, 2.2, 3.4])
    assert guess_task(table).label == "team"
    named = [{"rating" if name == "cost" else name: value for name, value in row.items()} for row in table]
    assert guess_task(named).label == "rating"


def test_labels_out_of_the_text_are_spans() -> None:
    guess = guess_task(
        rows(context=TEXTS, question=["What is it about?"] * 60, answer=[f"thing {n}" for n in range(60)])
    )
    assert (guess.kind, guess.label, guess.text) == ("span", "answer", ["context", "question"])


def test_what_is_said_is_not_guessed() -> None:
    table = rows(a=TEXTS, b=["x", "y"] * 30, c=["p", "q", "r"] * 20)
    guess = guess_task(table, text=["a"], label="c")
    assert (guess.text, guess.label) == (["a"], "c")
    with pytest.raises(DataError, match="Unknown column 'd'"):
        guess_task(table, label="d")


def test_tables_without_a_label() -> None:
    with pytest.raises(DataError, match="--label"):
        guess_task(rows(text=TEXTS))
    with pytest.raises(DataError, match="too many"):
        guess_task(rows(text=[str(n) * 3 + " a b" for n in range(3000)], label=[f"x{n}" for n in range(3000)]))


@pytest.mark.parametrize("answers", [["thing 1", "x"], {"text": ["thing 1"], "answer_start": [22]}])
def test_lists_of_accepted_answers_are_spans_however_few_differ(answers: Any) -> None:
    guess = guess_task(rows(context=["some words about thing 1"] * 9, answers=[answers] * 9))
    assert (guess.kind, guess.label) == ("span", "answers")


@pytest.mark.parametrize(
    ("labels", "reason"), [(["x"] * 60, "single answer 'x'"), (["<b>", "<i>"] * 30, "angle brackets")]
)
def test_a_column_of_fewer_than_two_answers_is_no_label(labels: list[str], reason: str) -> None:
    with pytest.raises(DataError, match=reason):
        guess_task(rows(text=TEXTS, label=labels))


def test_numbers_as_programs_write_them_are_a_scale() -> None:
    guess = guess_task(rows(text=TEXTS, score=[f"{(n + 10) * 1e-6:.3e}" for n in range(60)]))
    assert guess.kind == "number"
    assert 0 < guess.low <= 1e-5
    assert 6.9e-5 <= guess.high < 1e-4
    assert guess_task(rows(text=TEXTS, p=[(n + 20) / 100 for n in range(60)])).high == 1.0
