"""What the doctor says of models, folders and settings, without the card."""

import json
from pathlib import Path

import pytest

from nlu_rl import paths
from nlu_rl.cli import doctor
from nlu_rl.cli.doctor_hardware import check_offline_flags


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


def test_a_folder_that_is_not_there_is_told(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def warned() -> dict[str, str]:
        return {check.name: check.fix for check in doctor._folders() if check.state == "warn"}

    missing = home / "nope"
    monkeypatch.setenv("TMPDIR", str(missing))
    monkeypatch.setenv("NLU_RL_BUNDLED_MODELS", str(missing))
    assert warned() == {
        "TMPDIR folder": f"Run 'mkdir -p {missing}', or unset TMPDIR.",
        "bundled models folder": "Correct NLU_RL_BUNDLED_MODELS, or unset it.",
    }
    missing.mkdir()
    assert warned() == {}
    monkeypatch.delenv("TMPDIR")
    monkeypatch.delenv("NLU_RL_BUNDLED_MODELS")
    assert warned() == {}


@pytest.mark.parametrize(("value", "told"), [("banana", True), ("1", False), ("off", False), ("", False)])
def test_an_offline_flag_that_says_nothing_is_told(monkeypatch: pytest.MonkeyPatch, value: str, told: bool) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", value)
    checks = check_offline_flags()
    assert [check.fix for check in checks] == (["Set HF_HUB_OFFLINE to 1 or 0."] if told else [])
