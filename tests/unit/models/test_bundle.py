"""A model bundled in 4 bits: whole, hashed, loaded without a network, the same logits; and what stands in its way."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from nlu_rl.errors import ModelError
from nlu_rl.models import bundle
from nlu_rl.models.four_bit import DequantizedWeights, four_bit_layers, kernel_error, kernels_agree
from nlu_rl.models.load import load_model
from nlu_rl.models.machine import cpu
from nlu_rl.models.quantized import stored_quantization
from nlu_rl.models.recipe_plan import plan_recipe
from nlu_rl.models.verify import verify_folder
from nlu_rl.recipe import parse_recipe
from nlu_rl.runs import control, new_folder
from nlu_rl.runs.jobs import Job
from nlu_rl.runs.layout import RunDirectory, create_run
from nlu_rl.runs.reporter import job
from nlu_rl.runs.status import read_status


def make(model: Path, to: Path, folder: Path) -> RunDirectory:
    """Run the job as the worker does."""
    arguments = {"model": str(model), "to": str(to)}
    directory = create_run(folder / "jobs", "bundle", Job("bundle", arguments))
    try:
        with job(directory) as reporter:
            reporter.result = bundle.job(directory, arguments, reporter)
    except SystemExit:
        pass
    return directory


@pytest.fixture(scope="module")
def bundled(tiny_model_dir: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("bundle")
    assert read_status(make(tiny_model_dir, folder / "tiny-nf4", folder)).state == "done"
    assert [path.name for path in folder.iterdir() if path.name.startswith(".")] == []
    return folder / "tiny-nf4"


def test_it_is_whole_and_says_what_it_is(bundled: Path, home: Path) -> None:
    assert verify_folder(bundled) == []
    manifest = json.loads((bundled / "manifest.json").read_text(encoding="utf-8"))
    assert manifest["quantization"]["kind"] == "nf4"
    assert {"model.safetensors", "tokenizer.json", "chat_template.jinja", "config.json"} <= set(manifest["files"])
    weights = bundled / "model.safetensors"
    assert weights.stat().st_mode & 0o777 == 0o644
    content = bytearray(weights.read_bytes())
    content[-1] ^= 1
    damaged = home / "damaged"
    damaged.mkdir()
    for file in bundled.iterdir():
        (damaged / file.name).write_bytes(content if file == weights else file.read_bytes())
    assert "SHA-256 differs" in verify_folder(damaged)[0]


@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_loaded_it_is_the_model_quantized_here(bundled: Path, tiny_model_dir: Path, home: Path, precision: Any) -> None:
    loaded = load_model(str(bundled), precision=precision)
    assert loaded.quantize == "nf4"
    layers = list(four_bit_layers(loaded.model))
    assert len(layers) == 14
    assert layers[0][1].compute_dtype == loaded.dtype == getattr(torch, precision)
    ours, theirs = DequantizedWeights(loaded.model), None
    theirs = DequantizedWeights(load_model(str(tiny_model_dir), quantize="nf4", precision="bfloat16").model)
    assert list(ours) == list(theirs)
    for name in ours:
        assert torch.equal(ours[name].bfloat16(), theirs[name].bfloat16()), name
    error = kernel_error(loaded.model)
    assert error is not None
    assert kernels_agree(error, loaded.dtype)
    assert not kernels_agree(float("nan"), loaded.dtype)


def test_a_recipe_on_it_is_planned_in_four_bits(bundled: Path, tiny_model_dir: Path, home: Path) -> None:
    def weights(model: Path) -> int:
        recipe = parse_recipe(f"{{model: {model}, tasks: [sst2], method: ppo, precision: float32}}")
        return int(plan_recipe(recipe, cpu())["weights_bytes"])

    assert weights(bundled) < weights(tiny_model_dir)


def test_other_quantizations_are_refused(bundled: Path, tmp_path: Path) -> None:
    config = json.loads((bundled / "config.json").read_text(encoding="utf-8"))
    config["quantization_config"] = {"quant_method": "gptq", "bits": 4}
    (tmp_path / "config.json").write_text(json.dumps(config), encoding="utf-8")
    with pytest.raises(ModelError, match="quantized by gptq, not in NF4"):
        stored_quantization(tmp_path)


def test_what_stands_in_its_way(bundled: Path, tiny_model_dir: Path, home: Path, monkeypatch: Any) -> None:
    taken = home / "taken"
    taken.mkdir()
    (taken / "mine.txt").write_text("mine", encoding="utf-8")
    error = read_status(make(tiny_model_dir, taken, home)).error
    assert error is not None
    assert "not empty; it is not overwritten" in error.message
    assert [path.name for path in taken.iterdir()] == ["mine.txt"]
    again = read_status(make(bundled, home / "again", home)).error
    assert again is not None
    assert "in 4 bits already" in again.message
    usage = type("Usage", (), {"free": 1000})
    monkeypatch.setattr(new_folder.shutil, "disk_usage", lambda _: usage())
    full = read_status(make(tiny_model_dir, home / "full", home)).error
    assert full is not None
    assert full.exit_code == 2
    assert "The bundle needs about" in full.message
    assert not (home / "full").exists()


def test_a_stopped_bundle_leaves_nothing(tiny_model_dir: Path, home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write = bundle._write

    def then_stop(*arguments: Any) -> None:
        write(*arguments)
        control.request(RunDirectory(next((home / "jobs").iterdir())), "stop")

    monkeypatch.setattr(bundle, "_write", then_stop)
    directory = make(tiny_model_dir, home / "to" / "tiny", home)
    assert read_status(directory).state == "stopped"
    assert list((home / "to").iterdir()) == []
