"""`nlu-rl tasks` as a user calls it."""

import json
from pathlib import Path

import pytest

from nlu_rl.cli.main import run_cli
from nlu_rl.data.cache import write_splits
from nlu_rl.data.checks import SplitRows
from nlu_rl.data.schema import get_schema
from nlu_rl.tasks.registry import task_names


@pytest.fixture
def stsb(home: Path) -> None:
    rows = [
        {"id": f"validation-{n}", "fields": {"sentence1": "A [red] car.", "sentence2": "A car."}, "gold": gold}
        for n, gold in enumerate(["3.8", "0.0", "5.0"])
    ]
    write_splits("glue/stsb", [SplitRows(get_schema("stsb"), "validation", "a test", rows)])


def test_list(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["tasks", "list", "--json"]) == 0
    assert [json.loads(line)["name"] for line in capfd.readouterr().out.splitlines()] == task_names()
    assert run_cli(["tasks", "list"]) == 0
    table = capfd.readouterr().out
    assert all(name in table for name in task_names())


@pytest.mark.parametrize("name", task_names())
def test_show(name: str, home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["tasks", "show", name]) == 0
    shown = " ".join(capfd.readouterr().out.split())
    assert "when no answer can be read" in shown
    assert "nlu-rl data" in shown
    assert run_cli(["tasks", "show", name, "--json"]) == 0
    assert json.loads(capfd.readouterr().out)["name"] == name


def test_show_states_the_dropped_band(home: Path, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["tasks", "show", "movie-snippets"]) == 0
    assert "mean between -1 and 1 are dropped" in " ".join(capfd.readouterr().out.split())


def test_preview(stsb: None, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["tasks", "preview", "stsb", "--rows", "2", "--completion", "4 out of 5"]) == 0
    shown = capfd.readouterr().out
    assert "Sentence 1: A [red] car." in shown
    assert "reads as 4.0, lenient" in shown
    assert "validation-1" in shown
    assert "validation-2" not in shown


def test_preview_json(stsb: None, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["tasks", "preview", "stsb", "--completion", "nothing", "--json"]) == 0
    one = json.loads(capfd.readouterr().out)
    assert one["labels"] == {"0-1": 1, "1-2": 0, "2-3": 0, "3-4": 1, "4-5": 1}
    assert one["target_reward"] == 2.5
    assert one["messages"][-1] == {"role": "assistant", "content": "<Judgement>"}
    assert (one["extracted"], one["how"], one["reward"]) == (None, "none", -2.5)


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (["tasks", "show", "cola2"], "Did you mean 'cola'"),
        (["tasks", "preview", "sst2"], "nlu-rl data fetch glue/sst2"),
        (["tasks", "preview", "stsb", "--split", "dev"], "There is no split 'dev'"),
        (["tasks", "preview", "stsb", "--split", "train"], "no split 'train' here"),
    ],
)
def test_wrong_requests(command: list[str], message: str, stsb: None, capfd: pytest.CaptureFixture[str]) -> None:
    assert run_cli(command) == 2
    output = capfd.readouterr()
    assert message in output.err
    assert not output.out
