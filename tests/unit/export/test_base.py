"""The weights an export goes into: wanted ones that do not exist are refused before a job is queued."""

import json
import shutil
from pathlib import Path
from typing import Literal

import pytest

from nlu_rl import paths
from nlu_rl.cli.main import run_cli
from nlu_rl.export.base import choose_base
from nlu_rl.recipe import parse_recipe
from nlu_rl.runs.jobs import Job
from nlu_rl.runs.layout import RunDirectory, create_run


@pytest.fixture
def bundle(home: Path, tiny_model_dir: Path) -> Path:
    folder = home / "bundle"
    shutil.copytree(tiny_model_dir, folder)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    nf4 = {"load_in_4bit": True, "bnb_4bit_quant_type": "nf4"}
    (folder / "config.json").write_text(json.dumps({**config, "quantization_config": nf4}), encoding="utf-8")
    return folder


def write_run(model: Path, quantize: str) -> RunDirectory:
    """Make a run with a checkpoint of no content: nothing here loads it."""
    recipe = parse_recipe(f"{{model: {model}, tasks: [sst2], method: sft, quantize: {quantize}}}")
    run = create_run(paths.runs_dir(), "a-run", Job("train"), recipe_yaml=recipe.to_yaml(), exact=True)
    checkpoint = run.checkpoints_dir / "step-4"
    checkpoint.mkdir(parents=True)
    (checkpoint / "complete").touch()
    return run


@pytest.mark.parametrize(
    ("bundled", "quantize", "wanted", "message"),
    [
        (True, "nf4", "original", "holds the 4-bit weights alone"),
        (False, "none", "quantized", "was not trained in 4 bits"),
    ],
)
def test_weights_that_do_not_exist_are_refused_before_queuing(
    bundle: Path,
    tiny_model_dir: Path,
    capsys: pytest.CaptureFixture[str],
    bundled: bool,
    quantize: str,
    wanted: str,
    message: str,
) -> None:
    run = write_run(bundle if bundled else tiny_model_dir, quantize)
    assert run_cli(["export", "a-run", "--merge-into", wanted]) == 2
    assert message in " ".join(capsys.readouterr().err.split())
    assert list(run.export_dir.iterdir()) == []


@pytest.mark.parametrize(
    ("trained", "wanted", "chosen"),
    [
        ("none", None, "original"),
        ("none", "original", "original"),
        ("nf4", None, "quantized"),
        ("nf4", "quantized", "quantized"),
        ("nf4", "original", "original"),
    ],
)
def test_weights_that_exist_are_taken(
    home: Path,
    tiny_model_dir: Path,
    trained: Literal["none", "nf4"],
    wanted: Literal["original", "quantized"] | None,
    chosen: str,
) -> None:
    assert choose_base(str(tiny_model_dir), trained, wanted) == chosen
