"""What stands in the way of a run is found before it starts, and what a run would mend is only a warning."""

import shutil
from collections import namedtuple
from pathlib import Path

import pytest

from nlu_rl.data.cache import write_splits
from nlu_rl.data.checks import SplitRows
from nlu_rl.data.schema import get_schema
from nlu_rl.errors import ModelError, NluRlError, RecipeError
from nlu_rl.models.machine import named_accelerator
from nlu_rl.models.recipe_plan import plan_recipe
from nlu_rl.recipe import Recipe
from nlu_rl.runs.checks import Check, absolute, check_disk, check_home, check_recipe, require
from nlu_rl.runs.files import write_json
from nlu_rl.runs.jobs import Job
from nlu_rl.runs.layout import create_run
from nlu_rl.runs.row_checks import check_rows
from nlu_rl.tasks.contract import Example
from nlu_rl.tasks.registry import get_task
from tiny_model import write_tiny_model
from trained_run import write_sst2, write_trained_run


def recipe(**changes: object) -> Recipe:
    return Recipe.model_validate({"model": "smollm2-135m", "tasks": ["sst2"], "method": "ppo", **changes})


def states(checks: list[Check]) -> dict[str, str]:
    return {check.name: check.state for check in checks}


def test_an_empty_home_only_warns(home: Path) -> None:
    found = check_recipe(recipe())
    expected = {"home": "ok", "task sst2": "warn", "model": "warn", "lora": "ok", "memory": "ok", "disk": "ok"}
    assert states(found) | {"disk": "ok", "memory": "ok"} == expected
    require(found)
    assert list(home.iterdir()) == []


def test_a_model_folder_is_looked_into(home: Path, tiny_model_dir: Path, tmp_path: Path) -> None:
    assert states(check_recipe(recipe(model=str(tiny_model_dir))))["model"] == "ok"
    broken = tmp_path / "broken"
    shutil.copytree(tiny_model_dir, broken)
    for file in broken.glob("tokenizer*"):
        file.unlink()
    found = check_recipe(recipe(model=str(broken)))
    assert states(found)["model"] == "fail"
    with pytest.raises(RecipeError, match="tokenizer"):
        require(found)


def test_too_few_new_tokens_and_rows_are_told(home: Path, tiny_model_dir: Path) -> None:
    write_sst2()
    limits = {"generation": {"max_new_tokens": 4}, "train": {"examples": 6, "batch": 8}}
    checks = {check.name: check for check in check_recipe(recipe(model=str(tiny_model_dir), **limits))}
    assert checks["answers sst2"].state == checks["task sst2"].state == "warn"
    assert "every one is cut" in checks["answers sst2"].message
    assert checks["task sst2"].message.startswith("6 rows to train on")
    assert "less than the 8 of one batch" in checks["task sst2"].message
    enough = checks["answers sst2"].fix.rpartition("=")[2].rstrip(".")
    limits = {"generation": {"max_new_tokens": int(enough)}, "train": {"examples": 8, "batch": 8}}
    checks = {check.name: check for check in check_recipe(recipe(model=str(tiny_model_dir), **limits))}
    assert checks["answers sst2"].state == checks["task sst2"].state == "ok"


def test_passages_that_will_be_cut_are_counted(home: Path, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "short", max_position_embeddings=1024)
    write_boolq({"train": [20, 1200, 20, 1300], "validation": [20, 20, 1200]})
    few = {"tasks": ["boolq"], "generation": {"max_new_tokens": 16}, "train": {"batch": 4}}
    lengths = {check.name: check for check in check_recipe(recipe(model=str(model), **few))}["lengths boolq"]
    assert lengths.state == "warn"
    assert "2 of 4 training rows and 1 of 3 validation rows" in lengths.message
    assert "the 1,008 tokens that" in lengths.message
    assert "their passage is cut at its end" in lengths.message
    write_boolq({"train": [20, 30, 20, 30], "validation": [20]})
    lengths = {check.name: check for check in check_recipe(recipe(model=str(model), **few))}["lengths boolq"]
    assert lengths.state == "ok"
    assert lengths.message.startswith("None of the 5 prompts of boolq")


def test_a_row_too_long_without_a_passage_is_told(home: Path, tmp_path: Path) -> None:
    model = write_tiny_model(tmp_path / "short", max_position_embeddings=256)
    write_sst2()
    lengths = {check.name: check for check in check_recipe(recipe(model=str(model)))}["lengths sst2"]
    assert lengths.state == "warn"
    assert "no passage to cut" in lengths.message


def write_boolq(words: dict[str, list[int]]) -> None:
    """Write rows whose passages have so many words of one token or more."""
    schema = get_schema("boolq")
    parts = []
    for split, counts in words.items():
        fields = [{"passage": f"{split} {n} " + "a " * count, "question": "is it"} for n, count in enumerate(counts)]
        rows = [{"id": f"{split}-{n}", "fields": each, "gold": "yes"} for n, each in enumerate(fields)]
        parts.append(SplitRows(schema, split, "a test", rows))
    write_splits(schema.name, parts)


def test_a_label_that_validation_lacks_is_told() -> None:
    task = get_task("sst2")
    rows = [Example(str(n), {"sentence": f"text {n}"}, ("positive", "negative")[n % 2]) for n in range(8)]
    assert not [check for check in check_rows(task, rows, rows[:2], 2) if check.name.startswith("labels")]
    (told,) = [check for check in check_rows(task, rows, rows[:1], 1) if check.name.startswith("labels")]
    assert (told.state, "'negative'" in told.message) == ("warn", True)


def test_a_start_that_is_damaged_says_what_a_recipe_can_do(home: Path, tiny_model_dir: Path) -> None:
    run = write_trained_run(tiny_model_dir)
    write_json(run.checkpoints_dir / "best.json", {"step": 4, "score": 1.0})
    (run.checkpoints_dir / "step-4" / "complete").write_text('{"adapter_model.safetensors": 5}')
    (found,) = [
        c for c in check_recipe(recipe(model=str(tiny_model_dir), start_from=run.name)) if c.name == "start_from"
    ]
    assert found.state == "fail"
    assert "is damaged" in found.message
    assert "--checkpoint" not in found.fix
    assert f"nlu-rl run {run.recipe_path}" in found.fix


def test_lora_targets_and_memory_are_told_before_a_model_is_here(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    found = check_recipe(recipe(model="mpt-7b-chat", lora={"target": ["Wqkv", "gate_proj"]}))
    with pytest.raises(RecipeError, match=r"Unknown lora\.target for mpt-7b-chat 'gate_proj'"):
        require(found)
    monkeypatch.setattr("nlu_rl.models.machine.memory_bytes", lambda: 8 * 10**9)
    monkeypatch.setattr("nlu_rl.models.machine.installed_cards", list)
    checks = {check.name: check for check in check_recipe(recipe(model="qwen2.5-7b", precision="bfloat16"))}
    assert checks["memory"].state == "warn"
    assert "it will run out" in checks["memory"].message
    assert checks["lora"].message.startswith("Adapts q_proj, k_proj, v_proj, o_proj, gate_proj")


def test_every_failure_is_named_at_once(home: Path) -> None:
    with pytest.raises(RecipeError, match=r"sst3.*smollm9") as caught:
        require(check_recipe(recipe(model="smollm9", tasks=["sst3"])))
    assert caught.value.fix


def test_the_disk(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    for free, state in ((10, "fail"), (150, "warn"), (201, "ok")):
        monkeypatch.setattr(shutil, "disk_usage", lambda _, free=free: usage(0, 0, free * 10**9))
        assert check_disk(100 * 10**9).state == state


def test_a_large_model_needs_a_large_disk(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = namedtuple("usage", "total used free")
    monkeypatch.setattr(shutil, "disk_usage", lambda _: usage(0, 0, 5 * 10**9))
    assert states(check_recipe(recipe(model="qwen2.5-7b")))["disk"] == "fail"
    assert states(check_recipe(recipe()))["disk"] == "ok"


def test_a_home_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("NLU_RL_HOME", str(tmp_path / "file"))
    assert check_home().state == "fail"


def test_a_folder_of_runs_that_cannot_be_written(home: Path) -> None:
    (home / "runs").touch()
    found = check_home()
    assert found.state == "fail"
    assert str(home / "runs") in found.message
    with pytest.raises(NluRlError) as refused:
        create_run(home / "runs", "a-run", Job("train"))
    assert ".creating" not in refused.value.message + refused.value.fix


def test_a_viewer_that_is_not_installed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nlu_rl.runs.checks.find_spec", lambda name: None if name == "trackio" else object())
    found = check_recipe(recipe(report_to=["trackio", "tensorboard"]))
    assert [check.fix for check in found if check.state == "fail"] == [
        "In the checkout: .venv/bin/pip install -e '.[trackio]'"
    ]


def test_only_paths_become_absolute(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "folder").mkdir()
    assert absolute("./folder") == str(tmp_path / "folder")
    for reference in ("smollm2-135m", "org/name", "./none", "folder"):
        assert absolute(reference) == reference


def test_a_precision_that_is_none_is_refused(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NLU_RL_PRECISION", "foo")
    with pytest.raises(RecipeError, match="NLU_RL_PRECISION is 'foo'"):
        require(check_recipe(recipe()))
    with pytest.raises(ModelError, match="NLU_RL_PRECISION is 'foo'"):
        plan_recipe(recipe(), named_accelerator("t4"))
    assert "precision" not in states(check_recipe(recipe(precision="float32")))
