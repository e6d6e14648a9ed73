"""Broken model folders: each is refused before anything loads, with what to do."""

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest

from nlu_rl.download import file_sha256
from nlu_rl.errors import ModelError
from nlu_rl.models.load import load_model
from nlu_rl.models.shape import shape_of_folder
from nlu_rl.models.verify import MANIFEST, require_whole, unhashed_files, verify_folder


@pytest.fixture
def folder(tiny_model_dir: Path, tmp_path: Path) -> Path:
    return Path(shutil.copytree(tiny_model_dir, tmp_path / "model"))


def _drop_template(folder: Path) -> None:
    (folder / "chat_template.jinja").unlink()


def _cut(name: str, keep: int) -> Callable[[Path], None]:
    def cut(folder: Path) -> None:
        (folder / name).write_bytes((folder / name).read_bytes()[:keep])

    return cut


def _drop(name: str) -> Callable[[Path], None]:
    return lambda folder: (folder / name).unlink()


def _only_bin(folder: Path) -> None:
    (folder / "model.safetensors").rename(folder / "pytorch_model.bin")


def _missing_shard(folder: Path) -> None:
    (folder / "model.safetensors").unlink()
    index = {"weight_map": {"lm_head.weight": "model-00001-of-00002.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))


def _adapter(folder: Path) -> None:
    (folder / "config.json").rename(folder / "adapter_config.json")


def _template(text: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        (folder / "chat_template.jinja").write_text(text)

    return write


def _architecture(name: str) -> Callable[[Path], None]:
    def write(folder: Path) -> None:
        config = json.loads((folder / "config.json").read_text())
        (folder / "config.json").write_text(json.dumps({**config, "model_type": name}))

    return write


BREAKS: list[tuple[Callable[[Path], None], str]] = [
    (_drop("config.json"), r"no config\.json"),
    (_cut("config.json", 20), r"config\.json is unreadable or damaged"),
    (_adapter, "is a LoRA adapter"),
    (_drop("tokenizer.json"), "no tokenizer"),
    (_cut("tokenizer.json", 100), r"tokenizer\.json is damaged"),
    (_cut("tokenizer_config.json", 10), r"tokenizer_config\.json is damaged"),
    (_drop_template, "no chat template"),
    (_template("{% for m in messages %}{{ m.content }"), r"chat template is broken \(TemplateSyntaxError.*line 1"),
    (_template("{{ nothing.at.all }}"), "chat template is broken .UndefinedError"),
    (_template("{{ raise_exception('no users') }}"), "chat template is broken .TemplateError: no users"),
    (_template("<|im_start|>assistant"), "leaves out what the user says"),
    (_architecture("lama"), "architecture 'lama' is no language model"),
    (_architecture("mamba"), "architecture 'mamba' is a state-space or recurrent model"),
    (_drop("model.safetensors"), "no weights"),
    (_only_bin, r"no safetensors, only pytorch_model\.bin"),
    (_missing_shard, r"model-00001-of-00002\.safetensors is missing"),
    (_cut("model.safetensors", 0), "header is cut off"),
    (_cut("model.safetensors", 50), "header is cut off"),
    (_cut("model.safetensors", -10), "bytes instead of"),
]


def test_whole_folder(folder: Path) -> None:
    assert verify_folder(folder) == []
    require_whole(folder, name="tiny")


@pytest.mark.parametrize(("damage", "message"), BREAKS, ids=[message for _, message in BREAKS])
def test_broken_folder(folder: Path, home: Path, damage: Callable[[Path], None], message: str) -> None:
    damage(folder)
    with pytest.raises(ModelError, match=message) as caught:
        load_model(str(folder))
    assert caught.value.fix
    assert caught.value.exit_code == 2
    assert any(": " in problem for problem in verify_folder(folder))


def test_a_tokenizer_file_that_is_none(folder: Path) -> None:
    (folder / "tokenizer.json").write_text('{"a": 1}')
    assert ["is no tokenizer" in problem for problem in verify_folder(folder)] == [True]


def test_weights_of_another_shape(folder: Path, home: Path) -> None:
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "intermediate_size": 2 * config["intermediate_size"]}))
    with pytest.raises(ModelError, match=r"do not have the shapes that its config\.json states"):
        load_model(str(folder))


def test_random_bytes_for_weights(folder: Path) -> None:
    (folder / "model.safetensors").write_bytes(b"\x10" + b"\0" * 7 + b"not json at all." + b"\0" * 100)
    assert "header is not readable" in " ".join(verify_folder(folder))


def test_folder_that_does_not_exist(tmp_path: Path) -> None:
    assert "There is no folder" in verify_folder(tmp_path / "none")[0]


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_folder_of_someone_else(folder: Path, home: Path) -> None:
    folder.chmod(0o000)
    try:
        assert "may not be read" in verify_folder(folder)[0]
        with pytest.raises(ModelError, match="may not be read"):
            load_model(str(folder / "below"))
    finally:
        folder.chmod(0o700)


def test_manifest(folder: Path) -> None:
    files = [path for path in folder.iterdir() if path.is_file()]
    facts = {path.name: {"sha256": file_sha256(path), "bytes": path.stat().st_size} for path in files}
    (folder / MANIFEST).write_text(json.dumps({"files": facts}))
    assert verify_folder(folder) == []
    assert unhashed_files(folder) == []
    (folder / "extra.bin").write_bytes(b"x")
    (folder / "sub").mkdir()
    assert unhashed_files(folder) == ["extra.bin"]
    weights = folder / "model.safetensors"
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    weights.write_bytes(content)
    os.utime(weights, ns=(0, 0))
    assert "SHA-256 differs" in verify_folder(folder)[0]
    assert verify_folder(folder, hashes=False) == [], "nothing says that it was written after the manifest"
    os.utime(weights)
    assert "SHA-256 differs" in verify_folder(folder, hashes=False)[0]
    os.utime(weights, ns=(0, 0))
    (folder / "generation_config.json").write_text("{}")
    assert any("generation_config.json has 2 bytes" in problem for problem in verify_folder(folder, hashes=False))
    for damaged in ("{", '{"files": [1]}', '{"files": {"config.json": "abc"}}', '{"files": {"config.json": {}}}'):
        (folder / MANIFEST).write_text(damaged)
        assert verify_folder(folder) == [f"Its {MANIFEST} is damaged: copy or fetch the model again."], damaged
    (folder / MANIFEST).write_text("{")
    assert "manifest.json is damaged" in verify_folder(folder)[0]


@pytest.mark.parametrize("content", ["{", "", "\xff"])
@pytest.mark.parametrize(("source", "fix"), [("hub", "Copy or fetch the model"), ("bundle", "nlu-rl models bundle")])
def test_a_config_that_is_no_json(folder: Path, content: str, source: str, fix: str) -> None:
    (folder / "config.json").write_bytes(content.encode("latin-1"))
    (folder / MANIFEST).write_text(json.dumps({"source": source, "files": {}}))
    with pytest.raises(ModelError) as caught:
        shape_of_folder(folder)
    assert caught.value.message == f"{folder / 'config.json'} is damaged: it holds no JSON."
    assert fix in caught.value.fix


@pytest.mark.parametrize(
    ("content", "why"), [("[]", "planned."), ('{"model_type": "llama"}', "it states no hidden_size.")]
)
def test_a_config_that_states_no_sizes(folder: Path, content: str, why: str) -> None:
    (folder / "config.json").write_text(content)
    with pytest.raises(ModelError) as caught:
        shape_of_folder(folder)
    assert caught.value.message.endswith(why)


@pytest.mark.parametrize("damage", [_cut("model.safetensors", -10), _drop("tokenizer.json"), _cut(MANIFEST, 5)])
def test_a_damaged_bundle_is_to_be_made_again(folder: Path, damage: Callable[[Path], None]) -> None:
    config = json.loads((folder / "config.json").read_text())
    nf4 = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}
    (folder / "config.json").write_text(json.dumps({**config, "quantization_config": nf4}))
    files = {path.name: {"sha256": file_sha256(path), "bytes": path.stat().st_size} for path in folder.iterdir()}
    (folder / MANIFEST).write_text(json.dumps({"source": "bundle", "files": files}))
    assert verify_folder(folder) == []
    damage(folder)
    problems = " ".join(verify_folder(folder))
    assert "make it again with 'nlu-rl models bundle'" in problems
    assert "fetch" not in problems
