"""Fetching from a hub and a package index of our own: every ending leaves a whole model or nothing."""

import dataclasses
import hashlib
import shutil
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from hub_server import HubServer, Repository, model_repository, serving
from nlu_rl import package_index, paths
from nlu_rl.errors import ModelError
from nlu_rl.models import catalogue, fetch, hub
from nlu_rl.models.fetch import fetch_model, model_folder
from nlu_rl.models.verify import read_manifest, verify_folder


@pytest.fixture
def fake_hub(tiny_model_dir: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[HubServer]:
    from huggingface_hub import constants

    monkeypatch.delenv("HF_HUB_OFFLINE", raising=False)
    monkeypatch.delenv("HF_TOKEN", raising=False)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setattr(constants, "HF_HUB_OFFLINE", False)
    monkeypatch.setattr(hub, "_POLL_SECONDS", 0.02)
    with serving(model_repository("org/tiny", tiny_model_dir)) as server:
        monkeypatch.setenv("HF_ENDPOINT", server.url)
        yield server


@pytest.fixture
def tiny(fake_hub: HubServer) -> Repository:
    """The model the hub has."""
    return fake_hub.repositories[0]


@pytest.fixture
def package(tiny_model_dir: Path, home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, int]:
    """A small wheel for smollm2-135m in a local folder, whose "GGUF" converts to the tiny model."""
    from nlu_rl.models import convert

    wheels = tmp_path / "wheels"
    wheels.mkdir()
    source = catalogue.CATALOGUE["smollm2-135m"].package
    assert source
    with zipfile.ZipFile(wheels / source.wheel, "w") as archive:
        archive.writestr(source.member, b"GGUF")
    sha256 = hashlib.sha256((wheels / source.wheel).read_bytes()).hexdigest()
    entry = dataclasses.replace(
        catalogue.CATALOGUE["smollm2-135m"], package=dataclasses.replace(source, sha256=sha256, wheel_bytes=1000)
    )
    monkeypatch.setitem(catalogue.CATALOGUE, "smollm2-135m", entry)
    monkeypatch.setattr(package_index, "_pip_configuration", dict)
    monkeypatch.setenv("PIP_FIND_LINKS", str(wheels))
    monkeypatch.setenv("PIP_NO_INDEX", "1")
    monkeypatch.delenv("PIP_EXTRA_INDEX_URL", raising=False)
    calls = {"converted": 0}

    def convert_gguf(gguf: Path, target: Path, **_: Any) -> None:
        assert gguf.read_bytes() == b"GGUF"
        shutil.copytree(tiny_model_dir, target, dirs_exist_ok=True)
        calls["converted"] += 1

    monkeypatch.setattr(convert, "convert_gguf", convert_gguf)
    return calls


def _left_overs(home: Path) -> list[str]:
    return sorted(p.name for p in paths.models_dir().rglob("*") if not p.name.endswith(".lock"))


def test_from_the_package_index_when_offline(package: dict[str, int], home: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    folder = model_folder("smollm2-135m", fetch=True, progress=lambda *p: seen.append(p))
    assert folder == paths.models_dir() / "smollm2-135m"
    assert verify_folder(folder) == []
    manifest = read_manifest(folder)
    assert manifest
    assert (manifest["source"], manifest["licence"]) == ("package index", "Apache-2.0")
    assert manifest["files"]["model.safetensors"]["bytes"] == (folder / "model.safetensors").stat().st_size
    assert seen
    assert [p.name for p in paths.models_dir().iterdir() if p.name not in (".downloads", ".smollm2-135m.lock")] == [
        "smollm2-135m"
    ]
    assert list((paths.models_dir() / ".downloads").iterdir()) == []


def test_second_call_does_nothing(package: dict[str, int], home: Path) -> None:
    model_folder("smollm2-135m", fetch=True)
    model_folder("smollm2-135m", fetch=True)
    fetch_model("smollm2-135m")
    assert package["converted"] == 1
    fetch_model("smollm2-135m", force=True)
    assert package["converted"] == 2


def test_damaged_model_of_ours_is_fetched_again(package: dict[str, int], home: Path) -> None:
    folder = model_folder("smollm2-135m", fetch=True)
    (folder / "tokenizer.json").unlink()
    with pytest.raises(ModelError, match=r"damaged.*tokenizer") as caught:
        model_folder("smollm2-135m", fetch=False)
    assert "nlu-rl models fetch smollm2-135m" in caught.value.fix
    assert verify_folder(model_folder("smollm2-135m", fetch=True)) == []


def test_folder_of_the_user_is_never_replaced(package: dict[str, int], home: Path) -> None:
    folder = paths.models_dir() / "smollm2-135m"
    folder.mkdir(parents=True)
    (folder / "notes.txt").write_text("mine")
    with pytest.raises(ModelError, match="in the way"):
        model_folder("smollm2-135m", fetch=True)
    assert (folder / "notes.txt").read_text() == "mine"
    assert package["converted"] == 0


def test_folder_the_user_copied_is_used(package: dict[str, int], tiny_model_dir: Path, home: Path) -> None:
    folder = paths.models_dir() / "qwen2.5-7b"
    shutil.copytree(tiny_model_dir, folder)
    assert model_folder("qwen2.5-7b", fetch=False) == folder


def test_failed_conversion_leaves_the_old_model(
    package: dict[str, int], home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nlu_rl.models import convert

    folder = model_folder("smollm2-135m", fetch=True)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(convert, "convert_gguf", full)
    with pytest.raises(ModelError, match="No disk space"):
        fetch_model("smollm2-135m", force=True)
    assert verify_folder(folder) == []


def test_too_little_space_is_found_first(package: dict[str, int], home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = shutil.disk_usage(home)
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage._replace(free=100))
    with pytest.raises(ModelError, match="No disk space: smollm2-135m needs"):
        model_folder("smollm2-135m", fetch=True)
    assert _left_overs(home) == [".downloads"]


def test_offline_without_a_package(home: Path) -> None:
    with pytest.raises(ModelError, match="HF_HUB_OFFLINE forbids") as caught:
        model_folder("qwen2.5-7b", fetch=True)
    assert "HF_HUB_OFFLINE" in caught.value.fix


def test_from_the_hub(fake_hub: HubServer, home: Path) -> None:
    seen: list[tuple[int, int | None]] = []
    folder = model_folder("org/tiny", fetch=True, progress=lambda *p: seen.append(p))
    assert folder == paths.models_dir() / "org--tiny"
    assert verify_folder(folder) == []
    manifest = read_manifest(folder)
    assert manifest
    assert (manifest["source"], manifest["licence"], manifest["hub_id"]) == ("hub", "mit", "org/tiny")
    assert fake_hub.repositories[0].commit() in manifest["url"]
    assert not (folder / "pytorch_model.bin").exists()
    assert not (folder / ".cache").exists()
    assert all(done <= (total or 0) for done, total in seen)
    asked = len(fake_hub.asked)
    model_folder("org/tiny", fetch=True)
    assert len(fake_hub.asked) == asked


def test_hub_comes_before_the_package_index(
    fake_hub: HubServer, package: dict[str, int], monkeypatch: pytest.MonkeyPatch
) -> None:
    entry = dataclasses.replace(catalogue.CATALOGUE["smollm2-135m"], hub_id="org/tiny")
    monkeypatch.setitem(catalogue.CATALOGUE, "smollm2-135m", entry)
    manifest = read_manifest(model_folder("smollm2-135m", fetch=True))
    assert manifest
    assert manifest["source"] == "hub"
    assert package["converted"] == 0


def test_package_index_when_the_hub_does_not_answer(fake_hub: HubServer, package: dict[str, int]) -> None:
    fake_hub.shutdown()
    fake_hub.server_close()
    model_folder("smollm2-135m", fetch=True)
    assert package["converted"] == 1


def test_slow_hub_is_given_up(fake_hub: HubServer, package: dict[str, int], monkeypatch: pytest.MonkeyPatch) -> None:
    released = threading.Event()
    monkeypatch.setattr(hub, "ANSWER_SECONDS", 0.1)
    monkeypatch.setattr(fake_hub, "info", lambda *_: released.wait(20) or {})
    try:
        model_folder("smollm2-135m", fetch=True)
    finally:
        released.set()
    assert package["converted"] == 1


def test_no_hub_and_no_package(fake_hub: HubServer, home: Path) -> None:
    fake_hub.shutdown()
    fake_hub.server_close()
    with pytest.raises(ModelError, match="hub cannot be reached") as caught:
        model_folder("org/tiny", fetch=True)
    assert "org--tiny" in caught.value.fix


@pytest.mark.parametrize("where", ["hidden", "files_hidden"])
def test_gated_model_says_how_to_get_access(tiny: Repository, where: str) -> None:
    setattr(tiny, where, (403, "GatedRepo"))
    with pytest.raises(ModelError, match="gated") as caught:
        model_folder("org/tiny", fetch=True)
    assert "https://huggingface.co/org/tiny" in caught.value.fix
    assert "HF_TOKEN" in caught.value.fix


def test_model_the_hub_does_not_have(tiny: Repository) -> None:
    tiny.hidden = (404, "RepoNotFound")
    with pytest.raises(ModelError, match="has no model org/tiny"):
        model_folder("org/tiny", fetch=True)


def test_hub_model_without_safetensors(tiny: Repository) -> None:
    del tiny.files["model.safetensors"]
    with pytest.raises(ModelError, match="no safetensors"):
        model_folder("org/tiny", fetch=True)


def test_hub_model_without_chat_template_is_refused(tiny: Repository) -> None:
    del tiny.files["chat_template.jinja"]
    with pytest.raises(ModelError, match="no chat template"):
        model_folder("org/tiny", fetch=True)
    assert [p.name for p in paths.models_dir().iterdir()] == [".org--tiny.lock"]


def test_catalogue_fills_in_a_chat_template(tiny: Repository, monkeypatch: pytest.MonkeyPatch) -> None:
    del tiny.files["chat_template.jinja"]
    entry = dataclasses.replace(catalogue.CATALOGUE["mpt-7b-chat"], hub_id="org/tiny")
    monkeypatch.setitem(catalogue.CATALOGUE, "mpt-7b-chat", entry)
    folder = model_folder("mpt-7b-chat", fetch=True)
    assert (folder / "chat_template.jinja").read_text() == catalogue.get_model("mpt-7b-chat").chat_template


def test_spoilt_weights_are_removed_and_the_rest_resumed(tiny: Repository) -> None:
    tiny.spoilt = "model.safetensors"
    with pytest.raises(ModelError, match="SHA-256"):
        model_folder("org/tiny", fetch=True)
    assert not (paths.models_dir() / "org--tiny").exists()
    tiny.spoilt = None
    assert verify_folder(model_folder("org/tiny", fetch=True)) == []


def test_chatml_template_renders() -> None:
    from jinja2 import Template

    template = Template(catalogue.get_model("mpt-7b-chat").chat_template or "")
    text = template.render(messages=[{"role": "user", "content": "Hi"}], add_generation_prompt=True)
    assert text == "<|im_start|>user\nHi<|im_end|>\n<|im_start|>assistant\n"


class _Reporter:
    def __init__(self, requests: set[str]) -> None:
        self.requests = requests
        self.phases: list[str] = []
        self.acknowledged: list[str] = []

    def state(self, name: str) -> None: ...

    def progress(self, phase: str, done: int, total: int | None) -> None:
        self.phases.append(phase)

    def requested(self) -> set[str]:
        return self.requests

    def acknowledge(self, name: str) -> None:
        self.acknowledged.append(name)


def test_job_returns_what_came(package: dict[str, int], home: Path) -> None:
    reporter: Any = _Reporter(set())
    result = fetch.job(None, {"model": "smollm2-135m"}, reporter)  # type: ignore[arg-type]
    assert result["source"] == "package index"
    assert result["path"] == str(paths.models_dir() / "smollm2-135m")
    assert list(dict.fromkeys(reporter.phases)) == ["fetching smollm2-135m", "converting smollm2-135m to safetensors"]


def test_job_stops_when_asked(package: dict[str, int], home: Path) -> None:
    from nlu_rl.runs.reporter import StopNow

    reporter: Any = _Reporter({"stop"})
    with pytest.raises(StopNow):
        fetch.job(None, {"model": "smollm2-135m"}, reporter)  # type: ignore[arg-type]
    assert reporter.acknowledged == ["stop"]
    assert not (paths.models_dir() / "smollm2-135m").exists()
