"""`eval`, `compare`, `predict` and `export` with the real worker, on the tiny model."""

import csv
import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nlu_rl import paths
from nlu_rl.cli.main import run_cli
from nlu_rl.evaluation.comparison import comparison_sentence
from nlu_rl.runs.status import write_status
from trained_run import write_sst2, write_trained_run


@pytest.fixture(autouse=True)
def rows(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    write_sst2()


def ask(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    """Run a command line; return exit code, standard output and standard error without panel borders."""
    code = run_cli(list(arguments))
    out, err = capsys.readouterr()
    return code, out, " ".join(err.replace("│", " ").split())


def answer(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    code, out, err = ask(capsys, *arguments, "--json")
    assert code == 0, err
    assert out.count("\n") == 1, "one object on one line, and nothing else"
    return json.loads(out)


def test_eval_compare_and_export_of_a_run(capsys: pytest.CaptureFixture[str], tiny_model_dir: Path) -> None:
    trained = write_trained_run(tiny_model_dir)
    few = ("--task", "sst2", "--examples", "12", "--seed", "3")
    result = answer(capsys, "eval", trained.name, "--examples", "12", "--seed", "3")
    assert (result["task"], result["n"], result["seed"]) == ("sst2", 12, 3)
    predictions = Path(result["predictions"])
    assert predictions.parent.parent == trained.eval_dir
    assert len(predictions.read_text(encoding="utf-8").splitlines()) == 12

    compared = answer(capsys, "compare", str(tiny_model_dir), trained.name, *few)
    fixed_keys = {"difference", "interval", "p", "fixed", "broken"}
    assert fixed_keys <= compared.keys()
    assert compared["predictions"][1] == str(predictions), "the finished evaluation was used again"
    assert len(list(trained.eval_dir.iterdir())) == 1

    # Interrupted: the worker died in the middle of a line. Asked again, it goes on in the same place.
    from nlu_rl.runs.layout import RunDirectory
    from nlu_rl.runs.status import Status

    whole = predictions.read_bytes()
    predictions.write_bytes(whole[:-20])
    write_status(RunDirectory(predictions.parent), Status(kind="evaluate", state="failed"))
    again = answer(capsys, "eval", trained.name, "--examples", "12", "--seed", "3")
    assert again["predictions"] == str(predictions)
    assert predictions.read_bytes() == whole
    assert again["scores"] == result["scores"]

    exported = answer(capsys, "export", trained.name)
    assert {"path", "max_logit_difference", "same_answers", "score_adapter", "score_export"} <= exported.keys()
    assert Path(exported["path"]) == paths.exports_dir() / trained.name
    code, _, err = ask(capsys, "export", trained.name)
    assert code == 2
    assert "not overwritten" in err


def test_the_table_for_people(capsys: pytest.CaptureFixture[str], tiny_model_dir: Path) -> None:
    code, out, err = ask(capsys, "eval", str(tiny_model_dir), "--task", "sst2", "--examples", "9", "--samples", "2")
    assert code == 0, err
    for text in ("accuracy", "95 % interval", "over samples", "parse rate, strict", "parse rate, lenient", "unparsed"):
        assert text in out
    assert "n 9, temperature 1, 2 samples a row, seed 1" in out
    assert "predictions.jsonl" in out


def test_predict_a_file(capsys: pytest.CaptureFixture[str], tiny_model_dir: Path, tmp_path: Path) -> None:
    source, target = tmp_path / "in.csv", tmp_path / "out.csv"
    source.write_text('sentence,n\n"a ""fine"" one,\nindeed",1\nдрянь,2\n', encoding="utf-8")
    arguments = ("predict", str(tiny_model_dir), "--task", "sst2", "--data", str(source), "--to", str(target))
    result = answer(capsys, *arguments)
    assert result["n"] == 2
    with target.open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["sentence", "n", "answer", "parsed"]
    assert [row[:2] for row in rows] == [['a "fine" one,\nindeed', "1"], ["дрянь", "2"]]
    code, _, err = ask(capsys, *arguments)
    assert code == 2
    assert "--force" in err


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        (("eval", "tiny-sst", "--task", "sst2"), ("Unknown run or model 'tiny-sst'", "'tiny-sst2'", "smollm2-135m")),
        (("eval", "MODEL"), ("Give --task",)),
        (("eval", "MODEL", "--task", "sst"), ("Did you mean 'sst2'",)),
        (("eval", "MODEL", "--task", "sst2", "--split", "dev"), ("split 'dev'",)),
        (("eval", "MODEL", "--task", "cola"), ("nlu-rl data",)),
        (("eval", "MODEL", "--task", "sst2", "--data", "none.csv"), ("none.csv", "No such file")),
        (("eval", "MODEL", "--task", "sst2", "--shots", "some"), ("--shots best",)),
        (("eval", "MODEL", "--task", "sst2", "--shots", "best"), ("0 labelled rows that are not evaluated",)),
        (("eval", "MODEL", "--task", "sst2", "--checkpoint", "3"), ("not a run",)),
        (("eval", "/nowhere/model", "--task", "sst2"), ("Unknown run or model '/nowhere/model'",)),
        (("eval", "RUN", "--checkpoint", "3"), ("no checkpoint '3'", "4")),
        (("compare", "RUN", "nothing"), ("Unknown run or model 'nothing'",)),
        (("predict", "RUN", "--data", "none.csv", "--to", "out.csv"), ("none.csv",)),
        (("predict", "RUN", "--data", "none.csv", "--to", "out.xlsx"), ("out.xlsx", "CSV")),
        (("export", "tiny-sst"), ("Did you mean 'tiny-sst2'",)),
        (("export", "RUN", "--to", "MODEL"), ("not empty",)),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_what_cannot_be_is_told_before_any_worker_starts(
    capsys: pytest.CaptureFixture[str], tiny_model_dir: Path, arguments: tuple[str, ...], expected: tuple[str, ...]
) -> None:
    run = write_trained_run(tiny_model_dir)
    before = sorted(path for path in paths.home().rglob("*") if "data_cache" not in path.parts)
    names = {"MODEL": str(tiny_model_dir), "RUN": run.name}
    code, out, err = ask(capsys, *(names.get(part, part) for part in arguments))
    assert (code, out) == (2, "")
    for text in expected:
        assert text in err
    assert "Traceback" not in err
    assert sorted(path for path in paths.home().rglob("*") if "data_cache" not in path.parts) == before


def test_commands_stay_light() -> None:
    modules = ["request", "finished", "paired", "answers", "rows", "summary", "journal"]
    lines = ["import sys", "import nlu_rl.cli.evaluate, nlu_rl.cli.export, nlu_rl.export.target"]
    lines += ["assert not {'numpy', 'rich', 'pydantic'} & sys.modules.keys()"]
    lines += [f"import nlu_rl.evaluation.{name}" for name in modules]
    lines += ["assert not {'torch', 'transformers', 'peft', 'datasets', 'trl'} & sys.modules.keys()"]
    done = subprocess.run([sys.executable, "-c", "\n".join(lines)], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_the_sentence_says_whether_a_difference_is_real() -> None:
    result = {"difference": 0.2, "interval": [0.1, 0.3], "p": 0.0002, "test": "McNemar, exact", "n": 100}
    result |= {"fixed": 24, "broken": 4, "real": True}
    assert comparison_sentence(result) == (
        "The difference is real: B is better than A; difference +0.200, 95 % interval +0.100 to +0.300, p = 2.0e-04 "
        "(McNemar, exact, 100 rows: 24 fixed, 4 broken)."
    )
    worse = comparison_sentence({**result, "difference": -0.2})
    assert "B is worse than A" in worse
    assert comparison_sentence({**result, "real": False, "p": 0.3}).startswith("No real difference can be told")


def test_compare_tells_labels_and_rows(capsys: pytest.CaptureFixture[str], tiny_model_dir: Path) -> None:
    trained = write_trained_run(tiny_model_dir)
    command = ("compare", str(tiny_model_dir), trained.name, "--task", "sst2", "--examples", "12", "--seed", "3")
    compared = answer(capsys, *command)
    assert sum(entry["n"] for entry in compared["labels"]) == compared["n"] == 12
    assert len(compared["fixed_rows"]) == compared["fixed"] == sum(entry["fixed"] for entry in compared["labels"])
    assert len(compared["broken_rows"]) == compared["broken"]
    code, out, err = ask(capsys, *command, "--show", "2")
    assert code == 0, err
    assert "A right" in out
    assert compared["fixed"] == 0 or compared["fixed_rows"][0] in out


def test_several_runs_are_told_together(capsys: pytest.CaptureFixture[str], tiny_model_dir: Path) -> None:
    first, second = (write_trained_run(tiny_model_dir, name=f"seed-{n}", seed=n) for n in (1, 2))
    command = ("eval", first.name, second.name, "--examples", "12")
    result = answer(capsys, *command)
    scores = [part["scores"]["accuracy"] for part in result["results"]]
    assert result["runs"] == 2
    assert result["scores"]["accuracy"] == pytest.approx(sum(scores) / 2)
    assert (result["spread"]["accuracy"]["low"], result["spread"]["accuracy"]["high"]) == (min(scores), max(scores))
    code, out, err = ask(capsys, *command)
    assert code == 0, err
    assert "deviation" in out
    assert "Using the finished evaluation" in err
    assert "more than their seeds" not in err
    code, out, err = ask(capsys, "eval", first.name, str(first.path), "--examples", "12")
    assert code == 0, err
    assert f"{first.path} is given more than once, and evaluated once" in err.replace("\n", "")
    assert "deviation" not in out
    code, _, err = ask(capsys, "eval", first.name, second.name, "--task", "wikitext2")
    assert code == 2
    assert "one model at a time" in err
