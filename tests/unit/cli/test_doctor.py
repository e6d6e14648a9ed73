"""What the doctor says of models, folders and settings, without the card."""

import json
from pathlib import Path

import pytest

from nlu_rl import paths
from nlu_rl.cli import doctor


@pytest.mark.parametrize(("name", "asks"), [("minilm-l6", False), ("some--encoder", False), ("a-decoder", True)])
def test_an_encoder_needs_no_chat_template(home: Path, name: str, asks: bool) -> None:
    folder = paths.models_dir() / name
    folder.mkdir(parents=True)
    model_type = "llama" if asks else "bert"
    (folder / "config.json").write_text(json.dumps({"model_type": model_type}), encoding="utf-8")
    (folder / "tokenizer.json").write_text("{}", encoding="utf-8")
    [check] = doctor._models()
    assert ("chat template" in check.message) is asks


def test_the_variable_that_is_wrong_is_named(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HOME", "/proc/x")
    monkeypatch.setenv("TMPDIR", "/proc/y")
    fixes = {check.name: check.fix for check in doctor._folders() if check.state == "fail"}
    assert fixes == {
        "hub cache folder": "Set HF_HOME to a folder you can write to.",
        "TMPDIR folder": "Set TMPDIR to a folder you can write to.",
    }
    monkeypatch.setenv("NLU_RL_HOME", "/proc/z")
    monkeypatch.delenv("HF_HOME")
    fixes = {check.name: check.fix for check in doctor._folders() if check.state == "fail"}
    assert fixes["hub cache folder"] == fixes["runs folder"] == "Set NLU_RL_HOME to a folder you can write to."
