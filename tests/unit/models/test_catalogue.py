"""Catalogue numbers add up, and references mean what they say."""

from pathlib import Path

import pytest

from nlu_rl import paths
from nlu_rl.errors import ModelError
from nlu_rl.models.catalogue import CATALOGUE, get_model, known_models, resolve_reference
from nlu_rl.models.shape import shape_of_config, shape_of_folder

PARAMETERS = {
    "smollm2-135m": 134_515_008,
    "smollm2-360m": 361_821_120,
    "smollm2-1.7b": 1_711_376_384,
    "qwen2.5-0.5b": 494_032_768,
    "qwen2.5-1.5b": 1_543_714_304,
    "qwen2.5-7b": 7_615_616_512,
    "llama-2-7b": 6_738_415_616,
    "llama-2-13b": 13_015_864_320,
    "mpt-7b-chat": 6_649_286_656,
}


@pytest.mark.parametrize("name", CATALOGUE)
def test_architecture_adds_up_to_the_published_parameters(name: str) -> None:
    assert CATALOGUE[name].parameters == PARAMETERS[name]
    assert CATALOGUE[name].licence
    assert "/" in CATALOGUE[name].hub_id


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "mpt"])
def test_shape_of_a_config_counts_every_parameter(architecture: str) -> None:
    from tiny_model import tiny_causal_lm

    model = tiny_causal_lm(architecture)
    assert shape_of_config(model.config.to_dict()).parameters == sum(p.numel() for p in model.parameters())


def test_shape_of_a_folder(tiny_model_dir: Path, tmp_path: Path) -> None:
    assert shape_of_folder(tiny_model_dir).layers == 2
    with pytest.raises(ModelError, match=r"config\.json"):
        shape_of_folder(tmp_path)
    (tmp_path / "config.json").write_text('{"model_type": "bert-like"}')
    with pytest.raises(ModelError, match="memory can be planned"):
        shape_of_folder(tmp_path)


def test_reference_by_name_and_by_its_hub_id(home: Path) -> None:
    for text in ("qwen2.5-7b", "Qwen2.5-7B", "Qwen/Qwen2.5-7B-Instruct", "qwen/qwen2.5-7b-instruct"):
        found = resolve_reference(text)
        assert (found.kind, found.name) == ("catalogue", "qwen2.5-7b")
        assert found.folder == home / "data_cache" / "models" / "qwen2.5-7b"


def test_reference_to_another_hub_model(home: Path) -> None:
    found = resolve_reference("org/Some-Model_1.0")
    assert (found.kind, found.hub_id) == ("hub", "org/Some-Model_1.0")
    assert found.folder.name == "org--Some-Model_1.0"


def test_reference_to_a_folder(home: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "a" / "model"
    folder.mkdir(parents=True)
    monkeypatch.chdir(tmp_path)
    for text in (str(folder), "a/model", "./a/model"):
        found = resolve_reference(text)
        assert (found.kind, found.folder, found.hub_id) == ("folder", folder, None)


def test_reference_to_a_folder_among_the_models(home: Path) -> None:
    (paths.models_dir() / "mine").mkdir(parents=True)
    assert resolve_reference("mine").folder == paths.models_dir() / "mine"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("smollm2-135", "Did you mean 'smollm2-135m'"),
        ("lama-2-7b", "Did you mean 'llama-2-7b'"),
        ("a" * 5000, "Unknown model"),
        ("", "Unknown model"),
        ("/no/such/folder", "does not exist"),
        ("./no-such", "does not exist"),
        ("a/b/c", "does not exist"),
    ],
)
def test_reference_that_means_nothing(home: Path, text: str, message: str) -> None:
    with pytest.raises(ModelError, match=message) as caught:
        resolve_reference(text)
    assert caught.value.fix


def test_reference_to_a_file(home: Path, tmp_path: Path) -> None:
    (tmp_path / "model.gguf").write_bytes(b"GGUF")
    with pytest.raises(ModelError, match="is a file"):
        resolve_reference(str(tmp_path / "model.gguf"))


def test_an_unknown_name_is_told_the_folders_that_are_here(home: Path) -> None:
    for name in ("my-bundle", "minilm-l6", "org--name"):
        paths.model_dir(name).mkdir(parents=True)
    assert {"my-bundle", "qwen2.5-7b"} <= set(known_models())
    assert not {"minilm-l6", "org--name"} & set(known_models())
    with pytest.raises(ModelError, match="Did you mean 'my-bundle'"):
        resolve_reference("my bundle")


def test_unknown_name_lists_what_there_is() -> None:
    with pytest.raises(ModelError, match="llama-2-7b") as caught:
        get_model("gpt-9")
    assert caught.value.exit_code == 2
