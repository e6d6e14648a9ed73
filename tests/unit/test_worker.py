"""What a worker decides before it imports anything heavy, and that it can begin each kind of work."""

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from nlu_rl import worker
from nlu_rl.models.catalogue import CATALOGUE
from nlu_rl.models.encoders import ENCODERS
from nlu_rl.runs.jobs import Job, Kind
from nlu_rl.runs.layout import create_run


@pytest.mark.parametrize(
    ("kind", "arguments"),
    [("fetch", {"model": name, "encoder": True}) for name in ENCODERS]
    + [("encoder", {"model": name, "task": "sst2"}) for name in ENCODERS]
    + [("fetch", {"model": name}) for name in CATALOGUE]
    + [("evaluate", {"endpoint_model": "some-model", "task": "sst2"})],
)
def test_nothing_but_a_model_in_4_bits_needs_bitsandbytes(home: Path, kind: Kind, arguments: dict[str, Any]) -> None:
    work = Job(kind, arguments)
    assert not worker._needs_bitsandbytes(create_run(home, "a-run", work), work)


def test_a_model_stored_in_4_bits_needs_bitsandbytes(home: Path) -> None:
    (home / "bundle").mkdir()
    (home / "bundle" / "config.json").write_text(
        '{"quantization_config": {"quant_method": "bitsandbytes", "load_in_4bit": true, "bnb_4bit_quant_type": "nf4"}}'
    )
    work = Job("evaluate", {"model": str(home / "bundle"), "task": "sst2"})
    assert worker._needs_bitsandbytes(create_run(home, "a-run", work), work)


@pytest.mark.parametrize(("method", "out"), [("ppo", {"bitsandbytes", "datasets"}), ("sft", {"bitsandbytes"})])
def test_a_job_imports_only_what_it_uses(
    home: Path, monkeypatch: pytest.MonkeyPatch, tiny_model_dir: Path, method: str, out: set[str]
) -> None:
    for name in ("bitsandbytes", "datasets"):
        monkeypatch.setitem(sys.modules, name, sys)
    recipe = json.dumps({"model": str(tiny_model_dir), "tasks": ["sst2"], "method": method})
    work = Job("train")
    worker._leave_out(create_run(home, "a-run", work, recipe), work)
    assert {name for name in ("bitsandbytes", "datasets") if sys.modules[name] is None} == out


@pytest.mark.parametrize("arguments", [["/nonexistent"], ["a-run-name"], [""], [], ["a", "b"], ["."]])
def test_what_is_no_run_directory_is_refused_in_two_lines(
    arguments: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert worker._start(arguments) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
    assert list(tmp_path.iterdir()) == []
