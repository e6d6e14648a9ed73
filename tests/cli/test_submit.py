"""`submit` with the real worker on the tiny model: answers a test split, writes the zip, checks it."""

import json
import zipfile
from pathlib import Path

import pytest

from fake_endpoint import serving
from nlu_rl.cli.main import run_cli
from nlu_rl.data.cache import write_splits
from nlu_rl.data.checks import SplitRows
from nlu_rl.data.schema import get_schema
from nlu_rl.evaluation.leaderboard import TEST_ROWS
from trained_run import write_sst2


@pytest.fixture(autouse=True)
def rows(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for task, count in TEST_ROWS["glue"].items():
        monkeypatch.setitem(TEST_ROWS["glue"], task, min(count, 12))  # type: ignore[arg-type]


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = run_cli(["submit", *arguments])
    out, err = capsys.readouterr()
    return code, out, " ".join(err.split())


def test_a_model_answers_what_is_here(capsys: pytest.CaptureFixture[str], tiny_model_dir: Path, home: Path) -> None:
    schema = get_schema("sst2")
    unlabelled = [{"id": f"test-{n}", "fields": {"sentence": f"plot {n}"}, "gold": None} for n in range(9)]
    write_splits(schema.name, [SplitRows(schema, "test", "a test", unlabelled)])
    code, out, err = ask(capsys, "glue", str(tiny_model_dir), "--json")
    assert code == 0, err
    result = json.loads(out)
    path = Path(result["path"])
    assert path == home / "exports" / "glue-submission.zip"
    counts = {file["task"]: file["answered"] + file["default"] for file in result["files"]}
    assert counts == dict.fromkeys(TEST_ROWS["glue"], 12)
    assert {file["task"] for file in result["files"] if file["source"]} == {"sst2"}
    assert "cola: not answered." in err
    with zipfile.ZipFile(path) as archive:
        assert len(archive.namelist()) == 11
        assert archive.read("SST-2.tsv").decode().count("\n") == 13

    code, out, err = ask(capsys, "glue", "--check", str(path))
    assert (code, "in the official form" in out) == (0, True)
    code, _, err = ask(capsys, "superglue", "--check", str(path))
    assert code == 2
    assert "BoolQ.jsonl is missing" in err
    code, _, err = ask(capsys, "glue", str(tiny_model_dir))
    assert code == 2
    assert "not overwritten" in err
    code, _, err = ask(capsys, "glue", str(tiny_model_dir), "--force")
    assert code == 0
    assert "using the finished answers" in err


def test_an_endpoint_answers_where_it_is_said_to_be(
    capsys: pytest.CaptureFixture[str], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.delenv("OPENAI_BASE_URL", raising=False)
    monkeypatch.setenv("MY_KEY", "secret")
    schema = get_schema("sst2")
    unlabelled = [{"id": f"test-{n}", "fields": {"sentence": f"plot {n}"}, "gold": None} for n in range(9)]
    write_splits(schema.name, [SplitRows(schema, "test", "a test", unlabelled)])
    with serving(lambda _: "<Judgement>positive</Judgement>") as server:
        where = ("--endpoint", server.url, "--endpoint-key-env", "MY_KEY", "--endpoint-concurrency", "2")
        code, out, err = ask(capsys, "glue", "sst2=openai:small", *where, "--json")
    assert code == 0, err
    (answered,) = [file for file in json.loads(out)["files"] if file["source"]]
    assert (answered["task"], answered["answered"]) == ("sst2", 9)
    assert set(server.keys) == {"Bearer secret"}
    assert server.most_at_once <= 2


def test_rows_that_cannot_be_numbered_are_told_before_any_is_answered(
    capsys: pytest.CaptureFixture[str], tiny_model_dir: Path, home: Path
) -> None:
    for task, fields in (
        ("copa", ("premise", "choice1", "choice2", "question")),
        ("multirc", ("paragraph", "question", "answer")),
    ):
        rows = [{"id": "test-0-0-0", "fields": dict.fromkeys(fields, "x"), "gold": None}]
        write_splits(get_schema(task).name, [SplitRows(get_schema(task), "test", "a test", rows)])
    code, _, err = ask(capsys, "superglue", str(tiny_model_dir))
    assert code == 2
    assert "multirc here has 1 rows, and the official one 9,693" in err
    assert not list((home / "runs").glob("*"))


def test_bad_input(capsys: pytest.CaptureFixture[str], tiny_model_dir: Path, tmp_path: Path) -> None:
    write_sst2()
    model = str(tiny_model_dir)
    for arguments, message in [
        (("glu", model), "Did you mean 'glue'"),
        (("glue",), "who answers"),
        (("glue", model), "No test split of glue is here"),
        (("glue", f"sst2={model}"), "no split 'test'"),
        (("glue", model, "--check", "x.zip"), "nothing is answered"),
        (("glue", "--check", str(tmp_path)), "it is a folder"),
        (("glue", model, "--to", str(tmp_path)), "is a folder"),
        (("glue", f"sst2={tmp_path}/p.jsonl"), "Cannot read"),
    ]:
        code, out, err = ask(capsys, *arguments)
        assert (code, out) == (2, ""), arguments
        assert message in err, (arguments, err)
