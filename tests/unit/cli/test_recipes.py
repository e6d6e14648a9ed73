"""What a recipe becomes between its file and a run: a base stored in 4 bits is told, and taken, as it is."""

import json
import shutil
from pathlib import Path

import pytest

from nlu_rl.cli.recipes import resolve
from nlu_rl.download import file_sha256
from nlu_rl.runs.checks import check_recipe

RECIPE = "tasks: [sst2]\nmethod: sft\n"


@pytest.fixture
def bundle(home: Path, tiny_model_dir: Path) -> Path:
    folder = home / "bundle"
    shutil.copytree(tiny_model_dir, folder)
    _state(folder, {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"})
    return folder


def _state(folder: Path, quantization: dict[str, object]) -> None:
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    stated = {**config, "quantization_config": quantization}
    (folder / "config.json").write_text(json.dumps(stated), encoding="utf-8")


@pytest.mark.parametrize(("stated", "told"), [("", False), ("quantize: none\n", True), ("quantize: nf4\n", False)])
def test_a_bundle_is_held_in_four_bits(
    home: Path, bundle: Path, capsys: pytest.CaptureFixture[str], stated: str, told: bool
) -> None:
    path = home / "r.yaml"
    path.write_text(f"{RECIPE}model: {bundle}\n{stated}", encoding="utf-8")
    _, recipe = resolve(str(path), [])
    assert recipe.quantize == "nf4"
    assert ("so quantize is nf4, not none." in capsys.readouterr().err) is told
    [model] = [check for check in check_recipe(recipe) if check.name == "model"]
    assert model.message.endswith(
        "its weights in 4 bits (quantize: nf4), but has no manifest.json: no hash can be checked."
    )
    facts = {file.name: {"sha256": file_sha256(file), "bytes": file.stat().st_size} for file in bundle.iterdir()}
    (bundle / "manifest.json").write_text(json.dumps({"files": facts}), encoding="utf-8")
    (bundle / "more.json").write_text("{}")
    [model] = [check for check in check_recipe(recipe) if check.name == "model"]
    assert (model.state, model.message.endswith("but has no hash of more.json.")) == ("warn", True)
    (bundle / "more.json").unlink()
    [model] = [check for check in check_recipe(recipe) if check.name == "model"]
    assert (model.state, model.message.endswith("its weights in 4 bits (quantize: nf4).")) == ("ok", True)


def test_other_models_are_held_as_the_recipe_says(
    home: Path, bundle: Path, tiny_model_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = home / "r.yaml"
    path.write_text(f"{RECIPE}model: {tiny_model_dir}\n", encoding="utf-8")
    for model in (tiny_model_dir, "qwen2.5-7b", "no-such-model"):
        assert resolve(str(path), [f"model={model}", "quantize=none"])[1].quantize == "none"
    _state(bundle, {"quant_method": "gptq", "bits": 4})
    _, recipe = resolve(str(path), [f"model={bundle}"])
    assert recipe.quantize == "none"
    assert capsys.readouterr().err == ""
    [model] = [check for check in check_recipe(recipe) if check.name == "model"]
    assert model.state == "fail"
    assert "quantized by gptq" in model.message
