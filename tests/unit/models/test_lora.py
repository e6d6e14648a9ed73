"""Adapters: reproducible from a seed, on the modules asked for, and only on the base they belong to."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import load_file, save_file

from nlu_rl.errors import ModelError, RecipeError
from nlu_rl.models.load import LoadedModel, load_model
from nlu_rl.models.lora import adapted_modules, add_lora, load_adapter, matched_targets
from nlu_rl.models.memory import lora_parameters
from nlu_rl.models.shape import shape_of_folder
from nlu_rl.recipe_sections import Lora
from tiny_model import write_tiny_model

LORA = Lora(rank=4, alpha=8)


@pytest.fixture
def loaded(tiny_model_dir: Path, home: Path) -> LoadedModel:
    return load_model(str(tiny_model_dir))


def _weights(model: Any) -> dict[str, torch.Tensor]:
    return {name: p.detach().clone() for name, p in model.named_parameters() if p.requires_grad}


def _saved(loaded: LoadedModel, folder: Path) -> Path:
    model = add_lora(loaded, LORA, seed=3)
    for parameter in _weights(model):
        torch.nn.init.normal_(model.get_parameter(parameter), std=0.1)
    model.save_pretrained(folder)
    return folder


def test_equal_seeds_give_equal_weights(tiny_model_dir: Path, home: Path) -> None:
    found = []
    for seed in (1, 1, 2):
        torch.manual_seed(len(found))  # the global generator must not matter
        found.append(_weights(add_lora(load_model(str(tiny_model_dir)), LORA, seed)))
    assert all(torch.equal(found[0][name], found[1][name]) for name in found[0])
    assert not all(torch.equal(found[0][name], found[2][name]) for name in found[0])


def test_global_generator_is_left_alone(loaded: LoadedModel) -> None:
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    add_lora(loaded, LORA, seed=1)
    assert torch.equal(torch.rand(3), expected)


def test_all_linear_leaves_out_the_head(loaded: LoadedModel) -> None:
    model = add_lora(loaded, LORA, seed=1)
    assert adapted_modules(model) == 14
    assert not any("lm_head" in name for name in _weights(model))
    assert all(p.dtype == torch.float32 for p in _weights(model).values())


@pytest.mark.parametrize("architecture", ["llama", "qwen2", "mpt"])
def test_targets_match_what_the_catalogue_says(architecture: str, tmp_path: Path, home: Path) -> None:
    folder = write_tiny_model(tmp_path / architecture, architecture)
    model, shape = add_lora(load_model(str(folder)), LORA, seed=1), shape_of_folder(folder)
    assert matched_targets(model) == dict.fromkeys(shape.linear_names, shape.layers)
    assert sum(weight.numel() for weight in _weights(model).values()) == lora_parameters(shape, LORA.rank)


@pytest.mark.parametrize(
    ("target", "count"), [(["q_proj", "v_proj"], 4), ("down_proj", 2), (["layers.1.mlp.up_proj"], 1)]
)
def test_named_modules(loaded: LoadedModel, target: Any, count: int) -> None:
    assert adapted_modules(add_lora(loaded, Lora(rank=4, alpha=8, target=target), seed=1)) == count


@pytest.mark.parametrize("target", [["q_prj"], ["q_proj", "q_prj"], "proj", "lm_head", "embed_tokens", ["norm"]])
def test_target_without_a_module(loaded: LoadedModel, target: Any) -> None:
    with pytest.raises(RecipeError, match="matches no linear module") as caught:
        add_lora(loaded, Lora(target=target), seed=1)
    assert "q_proj" in caught.value.fix


def test_misspelt_target_gets_a_hint(loaded: LoadedModel) -> None:
    with pytest.raises(RecipeError, match="Did you mean 'q_proj'"):
        add_lora(loaded, Lora(target=["q_prj"]), seed=1)


@pytest.mark.parametrize(("precision", "quantize"), [("bfloat16", "none"), ("float32", "nf4"), ("bfloat16", "nf4")])
def test_adapter_is_float32_on_any_base(tiny_model_dir: Path, home: Path, precision: Any, quantize: Any) -> None:
    model = add_lora(load_model(str(tiny_model_dir), precision=precision, quantize=quantize), LORA, seed=1)
    assert adapted_modules(model) == 14
    assert {p.dtype for p in _weights(model).values()} == {torch.float32}


@pytest.mark.parametrize("trainable", [True, False])
def test_saved_adapter_comes_back(loaded: LoadedModel, tiny_model_dir: Path, tmp_path: Path, trainable: bool) -> None:
    folder = _saved(loaded, tmp_path / "adapter")
    ids = torch.arange(10)[None]
    expected = loaded.model(input_ids=ids).logits
    model = load_adapter(load_model(str(tiny_model_dir)), folder, trainable=trainable)
    assert torch.equal(model(input_ids=ids).logits, expected)
    assert bool(_weights(model)) is trainable


def test_adapter_without_its_files(loaded: LoadedModel, tmp_path: Path) -> None:
    with pytest.raises(ModelError, match=r"adapter_config\.json is missing"):
        load_adapter(loaded, tmp_path)


def test_damaged_adapter(loaded: LoadedModel, tiny_model_dir: Path, tmp_path: Path) -> None:
    folder = _saved(loaded, tmp_path / "adapter")
    weights = folder / "adapter_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:100])
    with pytest.raises(ModelError, match="is damaged"):
        load_adapter(load_model(str(tiny_model_dir)), folder)


@pytest.mark.parametrize("change", [{"hidden_size": 64}, {"num_hidden_layers": 1}, {"intermediate_size": 48}])
def test_adapter_of_another_base(loaded: LoadedModel, tmp_path: Path, change: dict[str, int]) -> None:
    folder = _saved(loaded, tmp_path / "adapter")
    other = load_model(str(write_tiny_model(tmp_path / "other", **change)))
    with pytest.raises(ModelError, match="does not belong to"):
        load_adapter(other, folder)
    assert adapted_modules(other.model) == 0


def test_adapter_of_another_hub_model_of_the_same_shape(
    loaded: LoadedModel, tiny_model_dir: Path, tmp_path: Path
) -> None:
    folder = _saved(loaded, tmp_path / "adapter")
    config = json.loads((folder / "adapter_config.json").read_text())
    config["base_model_name_or_path"] = "org/base"
    (folder / "adapter_config.json").write_text(json.dumps(config))
    other = load_model(str(tiny_model_dir))
    other.name = "org/chat"
    with pytest.raises(ModelError, match="trained on org/base"):
        load_adapter(other, folder)


def test_adapter_with_dropout_is_refused(loaded: LoadedModel, tiny_model_dir: Path, tmp_path: Path) -> None:
    folder = _saved(loaded, tmp_path / "adapter")
    config = json.loads((folder / "adapter_config.json").read_text())
    (folder / "adapter_config.json").write_text(json.dumps({**config, "lora_dropout": 0.1}))
    with pytest.raises(ModelError, match="dropout"):
        load_adapter(load_model(str(tiny_model_dir)), folder)


def test_base_may_have_moved_but_not_changed(loaded: LoadedModel, tiny_model_dir: Path, tmp_path: Path) -> None:
    folder = _saved(loaded, tmp_path / "adapter")
    settings = folder / "adapter_config.json"
    config = json.loads(settings.read_text())
    assert config["base_model_name_or_path"] == str(tiny_model_dir)
    other = load_model(str(tiny_model_dir))
    other.name = "smollm2-135m"
    settings.write_text(json.dumps({**config, "base_model_name_or_path": "/elsewhere/models/smollm2-360m"}))
    with pytest.raises(ModelError, match="SmolLM2-360M-Instruct and does not belong to"):
        load_adapter(other, folder)
    settings.write_text(json.dumps({**config, "base_model_name_or_path": "/elsewhere/models/smollm2-135m"}))
    model = load_adapter(other, folder)
    model.save_pretrained(tmp_path / "again")
    config = json.loads((tmp_path / "again" / "adapter_config.json").read_text())
    assert config["base_model_name_or_path"] == str(tiny_model_dir)


def test_saved_adapter_is_float32(tiny_model_dir: Path, home: Path, tmp_path: Path) -> None:
    folder = _saved(load_model(str(tiny_model_dir), precision="bfloat16"), tmp_path)
    assert {t.dtype for t in load_file(folder / "adapter_model.safetensors").values()} == {torch.float32}


def test_an_adapter_of_no_numbers_is_refused(loaded: LoadedModel, tiny_model_dir: Path, tmp_path: Path) -> None:
    folder = _saved(loaded, tmp_path / "adapter")
    file = folder / "adapter_model.safetensors"
    weights = load_file(file)
    next(iter(weights.values())).view(-1)[0] = float("nan")
    save_file(weights, file)
    with pytest.raises(ModelError, match="not finite numbers"):
        load_adapter(load_model(str(tiny_model_dir)), folder)
