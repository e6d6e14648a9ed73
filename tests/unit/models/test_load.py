"""Loading the tiny model: compute type, attention, 4 bits, and refusals."""

import json
import shutil
from pathlib import Path

import pytest
import torch

from nlu_rl.errors import ModelError
from nlu_rl.models import load
from nlu_rl.models.four_bit import four_bit_layers
from nlu_rl.models.load import load_model, load_tokenizer, pick_dtype
from tiny_model import write_tiny_model

CPU = torch.device("cpu")


def test_loaded_model(tiny_model_dir: Path, home: Path) -> None:
    loaded = load_model(str(tiny_model_dir))
    assert loaded.dtype == torch.float32  # NLU_RL_PRECISION of the tests
    assert loaded.model.dtype == torch.float32
    assert loaded.path == tiny_model_dir
    assert loaded.model.config._attn_implementation == "sdpa"
    assert loaded.model.config.use_cache
    assert not loaded.model.training
    assert loaded.tokenizer.pad_token_id == 258


def test_stated_precision_wins(tiny_model_dir: Path, home: Path) -> None:
    assert load_model(str(tiny_model_dir), precision="bfloat16").model.dtype == torch.bfloat16


def test_auto_takes_the_faster_type(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NLU_RL_PRECISION", raising=False)
    seconds = {torch.float32: 1.0, torch.bfloat16: 0.5}
    monkeypatch.setattr(load, "_matmul_seconds", seconds.__getitem__)
    assert pick_dtype("auto", CPU) == torch.bfloat16
    seconds[torch.bfloat16] = 0.9
    assert pick_dtype("auto", CPU) == torch.float32
    monkeypatch.setenv("NLU_RL_PRECISION", "bfloat16")
    assert pick_dtype("auto", CPU) == torch.bfloat16
    assert pick_dtype("float32", CPU) == torch.float32
    monkeypatch.setenv("NLU_RL_PRECISION", "fp8")
    with pytest.raises(ModelError, match="NLU_RL_PRECISION"):
        pick_dtype("auto", CPU)


def test_measurement_is_short() -> None:
    assert 0 < load._matmul_seconds(torch.float32, budget_seconds=0.01) < 5


def test_four_bits_on_the_cpu(tiny_model_dir: Path, home: Path) -> None:
    import bitsandbytes as bnb

    model = load_model(str(tiny_model_dir), quantize="nf4").model
    layers = [module for module in model.modules() if isinstance(module, bnb.nn.Linear4bit)]
    assert len(layers) == 14
    assert layers[0].weight.quant_state.nested
    assert layers[0].weight.quant_type == "nf4"
    assert torch.isfinite(model(input_ids=torch.tensor([[1, 2, 3]])).logits).all()


def test_four_bit_weights_stay_as_loaded_on_any_cpu(
    tiny_model_dir: Path, home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import bitsandbytes as bnb

    monkeypatch.setattr(bnb.nn.modules, "has_avx512bf16", lambda: True)
    model = load_model(str(tiny_model_dir), quantize="nf4").model
    before = {name: layer.weight.data.clone() for name, layer in four_bit_layers(model)}
    with torch.no_grad():
        model(input_ids=torch.tensor([[1, 2, 3]]))
    assert len(before) == 14
    assert all(torch.equal(layer.weight.data, before[name]) for name, layer in four_bit_layers(model))
    assert all(layer.weight.quant_state.nested for _, layer in four_bit_layers(model))


def test_architecture_without_sdpa(tmp_path: Path, home: Path) -> None:
    loaded = load_model(str(write_tiny_model(tmp_path / "mpt", "mpt")))
    assert loaded.model.config._attn_implementation == "eager"


def test_missing_pad_token_is_the_end_of_text(tiny_model_dir: Path, tmp_path: Path) -> None:
    folder = Path(shutil.copytree(tiny_model_dir, tmp_path / "model"))
    settings = json.loads((folder / "tokenizer_config.json").read_text())
    settings.pop("pad_token")
    (folder / "tokenizer_config.json").write_text(json.dumps(settings))
    tokenizer = load_tokenizer(folder, "tiny")
    assert tokenizer.pad_token_id == tokenizer.eos_token_id == 257


def test_tokenizer_of_another_model(tiny_model_dir: Path, tmp_path: Path, home: Path) -> None:
    folder = write_tiny_model(tmp_path / "model", vocab_size=100, bos_token_id=1, eos_token_id=2, pad_token_id=0)
    with pytest.raises(ModelError, match="259 tokens and the model only 100"):
        load_model(str(folder))


def test_weights_of_another_model(tiny_model_dir: Path, tmp_path: Path, home: Path) -> None:
    folder = Path(shutil.copytree(tiny_model_dir, tmp_path / "model"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "num_hidden_layers": 3}))
    with pytest.raises(ModelError, match="lack 9 tensors"):
        load_model(str(folder))
    (folder / "config.json").write_text(json.dumps({**config, "intermediate_size": 48}))
    with pytest.raises(ModelError, match="do not have the shapes"):
        load_model(str(folder))


@pytest.mark.parametrize("model_type", ["t5", "no-such-architecture"])
def test_architecture_that_cannot_be_trained(tiny_model_dir: Path, tmp_path: Path, home: Path, model_type: str) -> None:
    folder = Path(shutil.copytree(tiny_model_dir, tmp_path / "model"))
    config = json.loads((folder / "config.json").read_text())
    (folder / "config.json").write_text(json.dumps({**config, "model_type": model_type}))
    with pytest.raises(ModelError, match="architecture"):
        load_model(str(folder))


def test_missing_catalogue_model_says_the_command(home: Path) -> None:
    with pytest.raises(ModelError) as caught:
        load_model("qwen2.5-7b", fetch=False)
    assert "nlu-rl models fetch qwen2.5-7b" in caught.value.fix
