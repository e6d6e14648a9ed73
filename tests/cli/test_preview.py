"""Prompts through the model's own template and tokenizer, with the real worker."""

import json
import shutil
from pathlib import Path

import pytest

from nlu_rl.cli.main import run_cli
from nlu_rl.data.cache import write_splits
from nlu_rl.data.checks import SplitRows
from nlu_rl.data.schema import get_schema
from tiny_model import tiny_tokenizer
from trained_run import write_sst2


@pytest.fixture(autouse=True)
def rows(home: Path) -> None:
    write_sst2()


def test_the_prompt_is_what_training_feeds_the_model(
    home: Path, capsys: pytest.CaptureFixture[str], tiny_model_dir: Path
) -> None:
    from nlu_rl.models.chat import encode_prompt
    from nlu_rl.tasks.registry import get_task

    task = get_task("sst2")
    ids = encode_prompt(tiny_tokenizer(), task.prompt(task.load("train")[0]))
    recipe = home / "r.yaml"
    recipe.write_text(f"model: {tiny_model_dir}\ntasks: [sst2]\nmethod: ppo\n")
    assert run_cli(["run", str(recipe), "--dry-run", "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)["rendered"]["sst2"]
    assert shown == {"text": tiny_tokenizer().decode(ids), "tokens": len(ids)}
    assert not (home / "runs").exists()

    assert run_cli(["tasks", "preview", "sst2", "--split", "train", "--model", str(tiny_model_dir), "--json"]) == 0
    previewed = json.loads(capsys.readouterr().out)
    assert (previewed["prompt"], previewed["tokens"]) == (shown["text"], shown["tokens"])


def test_a_long_passage_is_shown_as_it_is_cut(
    home: Path, capsys: pytest.CaptureFixture[str], tiny_model_dir: Path
) -> None:
    schema = get_schema("superglue/boolq")
    long = {"question": "is it long", "passage": "word " * 5000}
    rows = [{"id": "validation-0", "fields": long, "gold": "yes"}]
    write_splits(schema.name, [SplitRows(schema, "validation", "made by a test", rows)])
    assert run_cli(["tasks", "preview", "boolq", "--model", str(tiny_model_dir), "--json"]) == 0
    shown = json.loads(capsys.readouterr().out)
    context = json.loads((tiny_model_dir / "config.json").read_text())["max_position_embeddings"]
    assert shown["shortened"]
    assert context - 64 < shown["tokens"] <= context - 32
    assert "is it long" in shown["prompt"]
    assert "word ..." in shown["prompt"]


def test_a_model_that_cannot_be_asked(home: Path, capsys: pytest.CaptureFixture[str], tiny_model_dir: Path) -> None:
    assert run_cli(["tasks", "preview", "sst2", "--model", "smollm2-135m"]) == 2
    assert "models fetch smollm2-135m" in capsys.readouterr().err
    silent = shutil.copytree(tiny_model_dir, home / "silent")
    (silent / "chat_template.jinja").unlink()
    assert run_cli(["tasks", "preview", "sst2", "--model", str(silent)]) == 2
    error = capsys.readouterr().err
    assert "chat template" in error
    assert "nlu-rl-preview-" not in error
