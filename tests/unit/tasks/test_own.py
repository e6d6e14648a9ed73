"""A user's own task: the file's rules, the three kinds of answers, and rows as real tables have them."""

import csv
import json
import os
from collections import Counter
from pathlib import Path
from typing import Any

import pytest
import yaml

from nlu_rl.data.checks import text_key
from nlu_rl.data.files import read_examples
from nlu_rl.errors import DataError, RecipeError
from nlu_rl.tasks import new_task as making
from nlu_rl.tasks.contract import Example, Extracted
from nlu_rl.tasks.registry import get_task


def write_csv(path: Path, header: list[str], rows: list[list[Any]]) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([header, *rows])
    return path


def write_task(folder: Path, **keys: Any) -> str:
    path = folder / "mine.yaml"
    path.write_text(yaml.safe_dump({"name": "mine", **keys}, allow_unicode=True), encoding="utf-8")
    return str(path)


@pytest.fixture
def tickets(tmp_path: Path) -> str:
    bodies = [f'Größe {n}\n\n"quoted", {{braces}}; 日本語' for n in range(40)]
    rows = [[n, "Re: <b>it</b>", body, ("Billing", "TECHNICAL", "")[n % 3]] for n, body in enumerate(bodies)]
    write_csv(tmp_path / "tickets.csv", ["id", "subject_line", "body", "topic"], rows)
    return write_task(
        tmp_path,
        train="tickets.csv",
        text=["subject_line", "body"],
        label="topic",
        answers=["billing", "technical"],
        passage="body",
    )


def test_a_classification_of_ones_own(tickets: str) -> None:
    task = get_task(tickets)
    train, validation = task.load("train"), task.load("validation")
    assert len(train) + len(validation) == 27, "rows without a label are refused"
    assert len(validation) == 3
    first = train[0]
    _, user, opening = task.prompt(first)
    assert opening["content"] == "<Judgement>"
    assert user["content"].startswith(
        "Classify the text. Answer with exactly <Judgement>billing</Judgement> or <Judgement>technical</Judgement> "
        "and nothing else.\n\nSubject line: Re: <b>it</b>\nBody: Größe"
    )
    assert '\n\n"quoted", {braces}; 日本語' in user["content"]
    assert task.score(first, task.target(first)).reward == 1
    assert task.metrics([(row, task.score(row, task.target(row))) for row in train])["accuracy"] == 1
    assert task.about()["splits"]["train"] == {"rows": len(train), "refused": 13}
    assert (task.metric, task.passage, task.evaluation_split) == ("accuracy", "body", "validation")


def test_a_file_to_predict_is_read_by_the_same_columns(tickets: str, tmp_path: Path) -> None:
    path = write_csv(tmp_path / "new.csv", ["body", "Subject_Line"], [["text", "line"]])
    assert read_examples(get_task(tickets), path, require_labels=False) == [
        Example("0", {"subject_line": "line", "body": "text"}, None)
    ]


def test_what_is_held_out_depends_on_the_text_alone(tmp_path: Path) -> None:
    rows = [[f"text {n}", n % 2] for n in range(100)] + [["Text 7!", 1], ["text 8", 0]]
    write_csv(tmp_path / "a.csv", ["text", "label"], rows)
    task = get_task(write_task(tmp_path, train="a.csv", text="text", answers=[0, 1]))
    train, validation = task.load("train"), task.load("validation")
    keys = [{text_key(row.fields) for row in part} for part in (train, validation)]
    assert not keys[0] & keys[1]
    assert len(keys[1]) == 10
    write_csv(tmp_path / "a.csv", ["text", "label"], rows[::-1])
    os.utime(tmp_path / "a.csv", ns=(1, 1))
    assert {row.fields["text"] for row in task.load("validation")} == {row.fields["text"] for row in validation}


def test_every_label_is_held_out_by_its_share(tmp_path: Path) -> None:
    labels = ["ham"] * 995 + ["spam"] * 4 + ["odd"]
    write_csv(tmp_path / "a.csv", ["text", "label"], [[f"text {n}", label] for n, label in enumerate(labels)])
    task = get_task(write_task(tmp_path, train="a.csv", text="text", answers=["ham", "spam", "odd"]))
    assert Counter(row.gold for row in task.load("validation")) == {"ham": 99, "spam": 1}
    assert Counter(row.gold for row in task.load("train")) == {"ham": 896, "spam": 3, "odd": 1}


def test_files_for_every_split(tmp_path: Path) -> None:
    for split in ("train", "validation"):
        write_csv(tmp_path / f"{split}.csv", ["text", "label"], [[f"{split} text", "yes"], ["other", "no"]])
    write_csv(tmp_path / "test.csv", ["text"], [["unlabelled"]])
    files = {split: f"{split}.csv" for split in ("train", "validation", "test")}
    task = get_task(write_task(tmp_path, **files, text=["text"], answers=["no", "yes"]))
    assert [len(task.load(split)) for split in ("train", "validation", "test")] == [2, 2, 1]
    assert task.load("test")[0].gold is None
    assert task.evaluation_split == "test"


def test_labels_as_the_file_writes_them(tmp_path: Path) -> None:
    rows = [{"text": "a", "label": 1}, {"text": "b", "label": 0.0}, {"text": "c", "label": True}]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    task = get_task(write_task(tmp_path, test="a.jsonl", text="text", answers={0: "not spam", 1: "spam"}))
    assert [row.gold for row in task.load("test")] == ["spam", "not spam"]
    assert task.extract("not spam</Judgement>") == Extracted("not spam", "strict")
    assert task.extract("It isn't spam.") == Extracted("not spam", "lenient")


def test_a_number_of_ones_own(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", ["text", "score"], [[f"t{n}", n * 10 - 50] for n in range(11)] + [["x", 51]])
    task = get_task(write_task(tmp_path, train="a.csv", text="text", label="score", kind="number", low=-50, high=50))
    assert len(task.load("train")) + len(task.load("validation")) == 11
    example = Example("1", {"text": "t"}, "-20.0")
    assert task.target(example) == "-20.0</Judgement>"
    assert task.score(example, task.target(example)).reward == 50
    assert task.score(example, "-25 of 50").reward == 45
    assert task.score(example, "none").reward == -50
    assert task.score(example, "-11</Judgement>").correct
    assert not task.score(example, "-9</Judgement>").correct
    assert task.schema.label_bin("-20.0") in task.schema.label_bins()
    assert task.schema.label_bin("50.0") == task.schema.label_bins()[-1]


def test_a_span_of_ones_own(tmp_path: Path) -> None:
    rows = [{"id": n, "text": f"Ann {n}", "q": "Who?", "label": ["Ann", f"Ann {n}"]} for n in range(4)]
    (tmp_path / "a.jsonl").write_text("\n".join(json.dumps(row) for row in rows))
    task = get_task(write_task(tmp_path, train="a.jsonl", text=["text", "q"], kind="span", reward="em"))
    example = task.load("train")[0]
    assert task.target(example) == "Ann</Judgement>"
    assert task.score(example, "ann</Judgement>").reward == 1


def test_demonstrations_stand_before_every_question(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", ["text", "label"], [["a", "yes"], ["b", "no"]])
    shown = [{"text": "Example.", "answer": True}]
    path = write_task(
        tmp_path, train="a.csv", text="text", answers={"yes": "true", "no": "false"}, demonstrations=shown
    )
    messages = get_task(path).prompt(Example("1", {"text": "a"}, None))
    assert [message["role"] for message in messages] == ["system", "user", "assistant", "user", "assistant"]
    assert messages[2]["content"] == "<Judgement>true</Judgement>"
    assert messages[3]["content"] == "Text: a"


def test_columns_called_like_our_own(tmp_path: Path) -> None:
    write_csv(tmp_path / "a.csv", ["label", "ID", "x.y[0]"], [["a text", "another", "yes"], ["b", "c", "no"]])
    path = write_task(tmp_path, train="a.csv", text=["label", "ID"], label="x.y[0]", answers=["no", "yes"])
    task = get_task(path)
    row = next(row for row in [*task.load("train"), *task.load("validation")] if row.gold == "yes")
    assert task.prompt(row)[1]["content"].endswith("Label: a text\nID: another")


def test_a_changed_file_is_read_again(tickets: str, tmp_path: Path) -> None:
    assert get_task(tickets) is get_task(tickets)
    text = Path(tickets).read_text(encoding="utf-8")
    Path(tickets).write_text(text + "metric: f1\n", encoding="utf-8")
    os.utime(tickets, ns=(1, 1))
    assert get_task(tickets).metric == "f1"


WRONG: list[tuple[dict[str, Any], str]] = [
    ({"answers": ["a", "b"], "texts": ["t"]}, "Did you mean 'text'"),
    ({"text": "t"}, "answers must list two or more"),
    ({"text": "t", "answers": ["a"]}, "two or more"),
    ({"text": "t", "answers": ["a", "A"]}, "differ in capitals alone"),
    ({"text": "t", "answers": ["a", "<b>"]}, "angle brackets"),
    ({"text": "t", "answers": ["a", "b"], "metric": "acuracy"}, "Did you mean 'accuracy'"),
    ({"text": "t", "kind": "number", "low": 2, "high": 1}, "low must be below high"),
    ({"text": "t", "kind": "span", "answers": ["a", "b"]}, "not for kind: span"),
    ({"text": ["t", "label"], "answers": ["a", "b"]}, "the label's"),
    ({"text": "t", "answers": ["a", "b"], "passage": "u"}, "passage must be one of"),
    ({"text": "t", "answers": ["a", "b"], "demonstrations": [{"t": "x"}]}, "a demonstration has the keys"),
    ({"text": "t", "answers": ["a", "b"], "demonstrations": [{"t": "x", "answer": "c"}]}, "the label 'c'"),
    ({"text": "t", "answers": ["a", "b"], "name": "sst2"}, "is a task here"),
    ({"text": "t", "answers": ["a", "b"], "name": "no/slash"}, "name"),
    ({"text": "t", "answers": ["a", "b"], "train": None}, "no data"),
    ({"answers": ["a", "b"]}, "'text' is missing"),
]


@pytest.mark.parametrize(("keys", "message"), WRONG)
def test_files_that_do_not_describe_a_task(tmp_path: Path, keys: dict[str, Any], message: str) -> None:
    with pytest.raises(RecipeError, match=message):
        get_task(write_task(tmp_path, **{"train": "a.csv", **keys}))


def test_files_that_are_not_there(tmp_path: Path) -> None:
    with pytest.raises(RecipeError, match="Cannot read the task file"):
        get_task(str(tmp_path / "none.yaml"))
    (tmp_path / "bad.yaml").write_text("a: [")
    with pytest.raises(RecipeError, match="not valid YAML"):
        get_task(str(tmp_path / "bad.yaml"))
    task = get_task(write_task(tmp_path, train="none.csv", text="t", answers=["a", "b"]))
    with pytest.raises(DataError, match="Cannot read"):
        task.load("train")
    with pytest.raises(DataError, match="no split 'test'"):
        task.load("test")


def test_answers_are_the_words_that_are_written(tmp_path: Path) -> None:
    written = ["yes", "no", "012", "1:30", "1_000", "2020-01-01", "null", "True", "1.50"]
    rows = "".join(f"row number {number},{answer}\n" for number, answer in enumerate(written))
    (tmp_path / "a.csv").write_text(f"text,label\n{rows}", encoding="utf-8")
    path = tmp_path / "words.yaml"
    path.write_text(
        f"name: words\ntrain: a.csv\ntext: text\nlabel: label\nanswers: [{', '.join(written)}]\n", encoding="utf-8"
    )
    task = get_task(str(path))
    assert list(task.answers or ()) == written
    assert {example.gold for split in ("train", "validation") for example in task.load(split)} == set(written)


def test_the_reward_of_a_span_is_no_choice_of_other_tasks(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("text,label\nx y z,yes\nu v w,no\n", encoding="utf-8")
    path = tmp_path / "reward.yaml"
    path.write_text(
        "name: r\ntrain: a.csv\ntext: text\nlabel: label\nanswers: [yes, no]\nreward: em\n", encoding="utf-8"
    )
    with pytest.raises(RecipeError, match="reward is for kind: span"):
        get_task(str(path))


@pytest.mark.parametrize("name", ["sst2", "wikitext2"])
def test_a_new_task_never_takes_the_name_of_one_that_is_here(tmp_path: Path, name: str) -> None:
    data = tmp_path / f"{name}.jsonl"
    rows = [{"text": f"a text with words {n}", "label": ("a", "b")[n % 2], "parts": [n]} for n in range(20)]
    data.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    new = making.new_task(data)
    assert new.task.name == f"my-{name}"
    assert new.left_out == ["parts"], "a column of lists is no text"
    assert get_task(str(making.write_task(new))).name == f"my-{name}"
    with pytest.raises(DataError, match="There is a task called"):
        making.new_task(data, name=name)
