"""Fixtures shared by all tests: a tiny random chat model on disk, and a home of its own for every test."""

import os
from pathlib import Path

import pytest

from tiny_model import write_tiny_model

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Tiny models gain nothing from threads, and test processes side by side lose much by them.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NLU_RL_PRECISION", "float32")


@pytest.fixture(scope="session")
def tiny_model_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with a tiny random Llama: config, safetensors, byte-level tokenizer, chat template."""
    return write_tiny_model(tmp_path_factory.mktemp("models") / "tiny-llama")


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty NLU_RL_HOME for this test alone."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.setenv("NLU_RL_HOME", str(folder))
    return folder
