"""Models that came with the installation: found without being under the home, never written to, and one's own first."""

import shutil
from pathlib import Path

import pytest

from nlu_rl import paths
from nlu_rl.models.catalogue import resolve_reference
from nlu_rl.models.fetch import fetch_model, model_folder


@pytest.fixture
def bundled(home: Path, tmp_path: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    root = tmp_path / "bundled"
    shutil.copytree(tiny_model_dir, root / "smollm2-135m")
    shutil.copytree(tiny_model_dir, root / "mine")
    monkeypatch.setenv("NLU_RL_BUNDLED_MODELS", str(root))
    return root


def test_a_bundled_model_is_used_by_its_name(bundled: Path) -> None:
    assert model_folder("smollm2-135m", fetch=False) == bundled / "smollm2-135m"
    assert fetch_model("smollm2-135m") == bundled / "smollm2-135m"
    assert resolve_reference("mine").folder == bundled / "mine"
    assert not paths.models_dir().exists()


def test_what_is_not_bundled_goes_under_the_home(bundled: Path) -> None:
    assert resolve_reference("qwen2.5-7b").folder == paths.models_dir() / "qwen2.5-7b"


def test_ones_own_model_goes_before_a_bundled_one(bundled: Path, tiny_model_dir: Path) -> None:
    shutil.copytree(tiny_model_dir, paths.models_dir() / "mine")
    assert resolve_reference("mine").folder == paths.models_dir() / "mine"
    assert paths.model_dirs() == [paths.models_dir() / "mine", bundled / "smollm2-135m"]


def test_a_bundled_model_is_never_written_to(bundled: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def bring(target: object, draft: Path, *_: object) -> dict[str, str]:
        shutil.copytree(bundled / "mine", draft)
        return {"source": "test"}

    monkeypatch.setattr("nlu_rl.models.fetch._bring", bring)
    assert fetch_model("smollm2-135m", force=True) == paths.models_dir() / "smollm2-135m"
    assert not (bundled / "smollm2-135m" / "manifest.json").exists()
    assert resolve_reference("smollm2-135m").folder == paths.models_dir() / "smollm2-135m"


def test_without_a_bundle_everything_is_as_before(home: Path) -> None:
    assert paths.bundled_models_dir() is None
    assert paths.model_dirs() == []
