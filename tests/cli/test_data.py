"""`nlu-rl data` as a user calls it: JSON lines on stdout, everything else on stderr, exit 2 with one message."""

import json
import subprocess
from pathlib import Path
from typing import Any

import pytest

from nlu_rl.cli.main import run_cli
from nlu_rl.data.cache import read_rows


@pytest.fixture
def glue(tmp_path: Path) -> Path:
    folder = tmp_path / "glue"
    (folder / "SST-2").mkdir(parents=True)
    (folder / "SST-2" / "train.tsv").write_text("sentence\tlabel\ngood\t1\nbad\t0\nodd\t2\n")
    (folder / "SST-2" / "dev.tsv").write_text("sentence\tlabel\ngood\t1\n")
    (folder / "QQP").mkdir()
    (folder / "mine").mkdir()
    return folder


def lines(output: str) -> list[dict[str, Any]]:
    return [json.loads(line) for line in output.splitlines()]


def test_import_glue_json(glue: Path, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["data", "import", "glue", str(glue), "--json"]) == 0
    output = capfd.readouterr()
    reason = "the label '2' is none of negative, positive, 0, 1"
    assert lines(output.out) == [
        {
            "task": "sst2",
            "split": "train",
            "rows": 2,
            "refused": 1,
            "labels": {"negative": 1, "positive": 1},
            "duplicates": 0,
            "overlap": None,
            "refusals": [{"line": 4, "reason": reason}],
        },
        {
            "task": "sst2",
            "split": "validation",
            "rows": 1,
            "refused": 0,
            "labels": {"negative": 0, "positive": 1},
            "duplicates": 0,
            "overlap": 1,
            "refusals": [],
        },
    ]
    assert "sst2 train: refused line 4: the label '2'" in output.err
    assert "sst2: 1 validation rows have a text that is also in train" in output.err
    assert "skipped QQP: no train.tsv" in output.err
    assert "skipped mine: not a GLUE task" in output.err


def test_import_glue_table_and_what_is_here_then(glue: Path, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["data", "import", "glue", str(glue)]) == 0
    assert "rows read" in capfd.readouterr().out
    assert run_cli(["data", "list", "--json"]) == 0
    here = {entry["name"]: entry for entry in lines(capfd.readouterr().out)}
    assert here["glue/sst2"]["splits"]["train"]["rows"] == 2
    assert here["glue/cola"]["splits"] == {}
    assert run_cli(["data", "list"]) == 0
    assert "train 2, validation 1" in capfd.readouterr().out
    assert run_cli(["data", "show", "sst2", "--split", "validation", "--json"]) == 0
    shown = lines(capfd.readouterr().out)[0]
    assert shown["examples"] == [{"id": "validation-0", "fields": {"sentence": "good"}, "gold": "positive"}]
    assert run_cli(["data", "show", "sst2"]) == 0
    assert "2 rows from official GLUE folder" in capfd.readouterr().out
    assert run_cli(["data", "show", "cola"]) == 0
    assert "nlu-rl data fetch glue/cola" in capfd.readouterr().out


def test_import_csv_into_a_task(home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "mine.csv"
    path.write_text("review,stars\n[bold]nice[/],1\n,0\nawful,0\n")
    command = ["data", "import", "csv", str(path), "--task", "movie-snippets", "--columns", "text=review,label=stars"]
    assert run_cli([*command, "--split", "validation", "--json"]) == 0
    output = capfd.readouterr()
    assert lines(output.out)[0]["rows"] == 2
    assert "refused line 3: the text is empty" in output.err
    assert [row["gold"] for row in read_rows("movie-snippets", "validation")] == ["positive", "negative"]
    assert run_cli(["data", "show", "movie-snippets"]) == 0
    assert "[bold]nice[/]" in capfd.readouterr().out


def test_a_damaged_cache_is_listed_as_such(glue: Path, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    run_cli(["data", "import", "glue", str(glue)])
    next(home.rglob("meta.json")).write_text("{")
    capfd.readouterr()
    assert run_cli(["data", "list"]) == 0
    assert "damaged" in capfd.readouterr().out


WRONG = [
    (["data", "import", "gleu", "x"], "Did you mean 'glue'"),
    (["data", "import", "glue", "nowhere"], "nowhere is not a folder"),
    (["data", "import", "csv", "x.csv"], "Add --task"),
    (["data", "import", "csv", "none.csv", "--task", "sst2"], "Cannot read none.csv"),
    (["data", "import", "csv", "good.csv", "--task", "sts2"], "Unknown task 'sts2'"),
    (["data", "import", "csv", "good.csv", "--task", "sst2", "--split", "dev"], "There is no split 'dev'"),
    (["data", "import", "csv", "good.csv", "--task", "sst2", "--columns", "text"], "does not name a column"),
    (["data", "import", "csv", "bad.csv", "--task", "sst2"], "has no usable row"),
    (["data", "import", "csv", "mixed.csv", "--task", "sst2", "--strict"], "line 3: the label '7'"),
    (["data", "fetch", "glue/sst2"], "nlu-rl data import glue DIR"),
    (["data", "fetch", "sst5"], "Unknown data set 'sst5'"),
    (["data", "show", "sst2", "--split", "train"], "is not here"),
]


@pytest.mark.parametrize(("command", "message"), WRONG)
def test_wrong_requests_get_one_message_and_exit_2(
    command: list[str],
    message: str,
    home: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capfd: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "good.csv").write_text("text,label\nx,1\n")
    (tmp_path / "bad.csv").write_text("text,label\nx,7\n")
    (tmp_path / "mixed.csv").write_text("text,label\nx,1\ny,7\n")
    monkeypatch.chdir(tmp_path)
    assert run_cli(command) == 2
    output = capfd.readouterr()
    assert message in output.err
    assert "Traceback" not in output.err
    assert not output.out
    assert not list(home.rglob("*.jsonl"))


def test_import_never_loads_the_heavy_libraries(glue: Path, home: Path) -> None:
    import sys

    code = (
        "import sys; from nlu_rl.cli.main import run_cli\n"
        f"assert run_cli(['data', 'import', 'glue', {str(glue)!r}, '--json']) == 0\n"
        "assert not {'torch', 'transformers', 'datasets', 'numpy'} & set(sys.modules)"
    )
    result = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert result.returncode == 0, result.stderr


def test_list_tells_of_a_damaged_split(glue: Path, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["data", "import", "glue", str(glue)]) == 0
    path = home / "data_cache" / "datasets" / "glue" / "sst2" / "validation.jsonl"
    path.write_bytes(path.read_bytes()[:-4])
    capfd.readouterr()
    assert run_cli(["data", "list"]) == 0
    output = capfd.readouterr()
    assert "train 2, validation damaged" in output.out
    assert "glue/sst2 is damaged" in output.err
    assert "nlu-rl data import glue" in output.err
    assert run_cli(["data", "list", "--json"]) == 0
    entries = {entry["name"]: entry for entry in lines(capfd.readouterr().out)}
    assert entries["glue/sst2"]["damaged_splits"] == ["validation"]
    assert entries["glue/cola"]["damaged_splits"] == []


@pytest.mark.parametrize(
    "kind", ["csv --task sst2", "tsv --task sst2", "jsonl --task sst2", "parquet --task sst2", "squad", "amazon"]
)
def test_a_pipe_is_refused_and_not_waited_for(
    kind: str, home: Path, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    import os

    name, *rest = kind.split()
    path = tmp_path / f"dev.{'csv' if name in ('amazon', 'squad') else name}"
    os.mkfifo(path)
    assert run_cli(["data", "import", name, str(path), *rest]) == 2
    assert "is a pipe or a device" in capfd.readouterr().err


def test_a_full_disk_says_what_is_in(
    glue: Path, home: Path, capfd: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    import errno

    from nlu_rl.data import cache

    (glue / "CoLA").mkdir()
    (glue / "CoLA" / "train.tsv").write_text("x\t1\t\tA sentence .\n")
    write = cache._write

    def full(path: Path, content: bytes) -> None:
        if "sst2" in str(path):
            raise OSError(errno.ENOSPC, "No space left on device")
        write(path, content)

    monkeypatch.setattr(cache, "_write", full)
    assert run_cli(["data", "import", "glue", str(glue)]) == 2
    error = capfd.readouterr().err
    assert "No space left on device" in error
    assert "Imported before that: glue/cola." in error


def test_rows_that_are_replaced_are_kept_and_told(glue: Path, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["data", "import", "glue", str(glue)]) == 0
    assert "kept in" not in capfd.readouterr().err
    (glue / "SST-2" / "train.tsv").write_text("sentence\tlabel\nfine\t1\n")
    assert run_cli(["data", "import", "glue", str(glue)]) == 0
    err = " ".join(capfd.readouterr().err.split())
    kept = home / "data_cache" / "datasets" / "glue" / "sst2" / "train.previous.jsonl"
    assert f"sst2 train: the rows that were here before are kept in {kept}" in err
    assert "sst2 validation: the rows" not in err
    assert kept.read_text().count("\n") == 2
