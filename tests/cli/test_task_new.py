"""`nlu-rl tasks new`: from a table to a task file that every command takes."""

import json
from pathlib import Path

import pytest

from nlu_rl.cli.main import run_cli
from nlu_rl.recipe import load_recipe
from nlu_rl.runs.checks import absolute, check_recipe


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "table"
    folder.mkdir()
    lines = [f'"It said ""{n}"",\nand größer",{("bad", "good")[n % 2]}' for n in range(40)]
    (folder / "my reviews.csv").write_text("review,mood\n" + "\n".join(lines) + "\nempty,\n", encoding="utf-8")
    monkeypatch.chdir(folder)
    return folder


def test_a_task_from_a_table(table: Path, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["tasks", "new", "my reviews.csv", "--json"]) == 0
    output = capfd.readouterr()
    made = json.loads(output.out)
    assert (made["name"], made["kind"], made["text"], made["label"]) == ("my-reviews", "answers", ["review"], "mood")
    assert (made["answers"], made["splits"], made["refused"]) == (["bad", "good"], {"train": 36, "validation": 4}, 1)
    assert (made["duplicates"], made["overlap"]) == (0, {"validation": 0})
    assert "refused line 82: the label is empty" in output.err
    assert made["messages"][1]["content"].endswith('Review: It said "0",\nand größer')
    path = table / "my-reviews.yaml"
    assert path.is_file()
    assert run_cli(["tasks", "show", "my-reviews.yaml"]) == 0
    assert "train 36, validation 4" in capfd.readouterr().out
    assert run_cli(["tasks", "preview", "my-reviews.yaml"]) == 0
    assert 'It said "' in capfd.readouterr().out


def test_what_it_shows(table: Path, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["tasks", "new", "my reviews.csv", "--to", "other/task.yaml", "--name", "moods"]) == 0
    output = capfd.readouterr()
    assert "moods: train 36, validation 4" in output.out
    assert "█" in output.out
    assert "<Judgement>bad</Judgement>" in output.out
    assert "nlu-rl run sst2-ppo 'tasks=[other/task.yaml]'" in output.err


def test_it_tells_what_is_left_out_and_a_header_that_is_a_row(
    table: Path, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    rows = "".join(f'{n},"It said {n} times",{("bad", "good")[n % 2]},x{n % 7}\n' for n in range(40))
    (table / "more.csv").write_text("number,review,mood,page\n" + rows)
    assert run_cli(["tasks", "new", "more.csv", "--json"]) == 0
    output = capfd.readouterr()
    assert (json.loads(output.out)["left_out"], json.loads(output.out)["header_is_a_row"]) == (
        ["number", "page"],
        False,
    )
    assert "Left out: number, page." in output.err
    (table / "bare.csv").write_text(rows)
    assert run_cli(["tasks", "new", "bare.csv", "--label", "bad", "--json"]) == 0
    output = capfd.readouterr()
    assert json.loads(output.out)["header_is_a_row"]
    assert "looks like a row ('bad' is an answer)" in output.err


def test_a_column_of_truth_values(table: Path, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    lines = (json.dumps({"review": f"It said {n}", "spam": n % 2 == 0}) for n in range(40))
    (table / "spam.jsonl").write_text("\n".join(lines))
    assert run_cli(["tasks", "new", "spam.jsonl", "--json"]) == 0
    made = json.loads(capfd.readouterr().out)
    assert (made["answers"], made["refused"], made["labels"]) == (["false", "true"], 0, {"false": 18, "true": 18})
    assert run_cli(["tasks", "show", "spam.yaml"]) == 0
    assert "train 36, validation 4" in capfd.readouterr().out


def test_a_recipe_takes_the_file(table: Path, home: Path) -> None:
    assert run_cli(["tasks", "new", "my reviews.csv"]) == 0
    (table / "r.yaml").write_text("model: smollm2-135m\ntasks: [my-reviews.yaml]\nmethod: ppo\n")
    recipe = load_recipe(table / "r.yaml")
    assert [absolute(task) for task in recipe.tasks] == [str((table / "my-reviews.yaml").resolve())]
    checks = {check.name: check for check in check_recipe(recipe)}
    assert checks["task my-reviews.yaml"].state == "ok"
    assert "36 rows to train on, 4 to validate on" in checks["task my-reviews.yaml"].message


def test_rows_of_a_label_that_is_no_answer_are_told(table: Path, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    (table / "task.yaml").write_text(
        "name: moods\ntrain: my reviews.csv\ntest: none.csv\ntext: review\nlabel: mood\nanswers: {good: fine, ok: ok}\n"
    )
    (table / "r.yaml").write_text("model: smollm2-135m\ntasks: [task.yaml]\nmethod: ppo\n")
    told = (
        "Of my reviews.csv, 21 rows are left out: the label 'bad' is none of fine, ok, good (20, first in line 2); "
        "the label is empty (1, first in line 82)."
    )
    checks = [check for check in check_recipe(load_recipe(table / "r.yaml")) if check.name == "rows of task.yaml"]
    assert [(check.state, check.message.partition(":")[0]) for check in checks] == [
        ("warn", told.partition(":")[0]),
        ("warn", "Cannot read " + str(table / "none.csv")),
    ]
    assert checks[0].message == told
    assert run_cli(["tasks", "preview", "task.yaml", "--split", "train"]) == 0
    assert told in capfd.readouterr().err
    assert run_cli(["run", "r.yaml", "--prepare"]) == 0
    assert told in capfd.readouterr().err
    (table / "none.csv").write_text("review,mood\nIt is,good\n")
    assert run_cli(["tasks", "show", "task.yaml", "--json"]) == 0
    shown = json.loads(capfd.readouterr().out)
    assert (shown["splits"], shown["left_out"]) == ({"train": 18, "validation": 2, "test": 1}, [told])
    (table / "none.csv").write_text("review,mood\nIt is,bad\n")
    assert run_cli(["tasks", "show", "task.yaml"]) == 2
    assert "has no usable row; the first was refused: line 2: the label 'bad'" in capfd.readouterr().err


WRONG = [
    (["tasks", "new", "none.csv"], "Cannot read none.csv"),
    (["tasks", "new", "."], "Cannot read .: it is a folder"),
    (["tasks", "new", "/"], "Cannot read /: it is a folder"),
    (["tasks", "new", "/", "--to", "x.yaml"], "is not known by its name"),
    (["tasks", "new", "/dev/null"], "it is a pipe or a device"),
    (["tasks", "new", "my reviews.csv", "--label", "moood"], "Did you mean 'mood'"),
    (["tasks", "new", "my reviews.csv", "--kind", "spam"], "Did you mean 'span'"),
    (["tasks", "new", "my reviews.csv", "--kind", "number"], "holds no numbers but, for one, 'bad'"),
    (["tasks", "new", "my reviews.csv", "--label", "review", "--text", "review"], "makes no task"),
    (["tasks", "new", "my reviews.csv", "--to", "my reviews.csv"], "is there already"),
    (["tasks", "show", "none.yaml"], "Cannot read the task file"),
    (["check", "r.yaml"], "answers must list two or more"),
]


@pytest.mark.parametrize(("command", "message"), WRONG)
def test_wrong_requests(
    command: list[str], message: str, table: Path, home: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    (table / "bad.yaml").write_text("name: bad\ntrain: x.csv\ntext: review\n")
    (table / "r.yaml").write_text("model: smollm2-135m\ntasks: [bad.yaml]\nmethod: ppo\n")
    assert run_cli(command) == 2
    output = capfd.readouterr()
    assert message in " ".join((output.err + output.out).split())
    assert "Traceback" not in output.err
