"""Fixtures shared by all tests: a tiny random chat model on disk, and a home of its own for every test."""

import os
from pathlib import Path

import pytest

from tiny_model import write_tiny_model

os.environ.setdefault("HF_HUB_OFFLINE", "1")
# Tiny models gain nothing from threads, and test processes side by side lose much by them.
os.environ.setdefault("OMP_NUM_THREADS", "1")
os.environ.setdefault("NLU_RL_PRECISION", "float32")


SLOWEST_FIRST = ("e2e", "test_keys.py", "cli", "web", "unit")


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of a file in one process, which share its fixtures, and end with what is short."""
    items.sort(key=lambda item: next((n for n, part in enumerate(SLOWEST_FIRST) if part in item.path.parts), 99))
    for item in items:
        if item.get_closest_marker("xdist_group") is None:
            item.add_marker(pytest.mark.xdist_group(str(item.path)))


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
