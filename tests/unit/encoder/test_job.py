"""Encoders trained by the job on a tiny BERT: the grid, stopping and going on, scoring, comparing."""

import json
from pathlib import Path
from typing import Any

import pytest

from hub_server import model_repository, serving
from nlu_rl import paths
from nlu_rl.cli.main import run_cli
from nlu_rl.encoder import fit
from nlu_rl.encoder.job import run
from nlu_rl.encoder.request import create_encoder_run, encoder_arguments, encoder_run
from nlu_rl.evaluation.finished import INTERRUPTED, create_evaluation
from nlu_rl.evaluation.job import run as evaluate
from nlu_rl.evaluation.request import choose_task, evaluation_arguments, resolve_subject
from nlu_rl.models.encoders import resolve_encoder
from nlu_rl.models.fetch import model_folder
from nlu_rl.models.verify import read_manifest
from nlu_rl.runs import control
from nlu_rl.runs.checkpoints import checkpoint_path, complete_checkpoints, mark_whole
from nlu_rl.runs.events import read_events
from nlu_rl.runs.layout import RunDirectory, list_runs
from nlu_rl.runs.reporter import job
from nlu_rl.runs.status import read_status
from nlu_rl.tasks.registry import get_task
from tiny_encoder import WEIGHTS, as_published, write_tiny_encoder
from trained_run import write_sst2


@pytest.fixture(scope="module")
def encoder_dir(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_encoder(tmp_path_factory.mktemp("models") / "tiny-bert")


def write_rows(dataset: str, rows: list[tuple[dict[str, str], str]]) -> None:
    from nlu_rl.data.cache import write_splits
    from nlu_rl.data.checks import SplitRows
    from nlu_rl.data.schema import get_schema

    schema = get_schema(dataset)
    parts = []
    for split in ("train", "validation"):
        made = [{"id": f"{split}-{i}", "fields": fields, "gold": gold} for i, (fields, gold) in enumerate(rows)]
        parts.append(SplitRows(schema, split, "a test", made))
    write_splits(schema.name, parts)


def arguments_for(model: Path, task: str = "sst2", **changes: Any) -> dict[str, Any]:
    return encoder_arguments(
        str(model), task, **{"epochs": 2, "learning_rates": [0.001, 0.01], "batch": 8, "max_tokens": 64, **changes}
    )


def train(arguments: dict[str, Any], directory: RunDirectory | None = None) -> tuple[RunDirectory, dict[str, Any]]:
    directory = directory or create_encoder_run(arguments)
    with job(directory) as reporter:
        reporter.result = run(directory, arguments, reporter)
    return directory, reporter.result


def score(directory: RunDirectory, task: str) -> dict[str, Any]:
    subject = resolve_subject(directory.name)
    options: dict[str, Any] = {"split": None, "data": None, "examples": None, "seed": 1, "greedy": False}
    arguments = evaluation_arguments(subject, task, get_task(task), **options)
    where = create_evaluation(get_task(task), arguments)
    with job(where) as reporter:
        reporter.result = evaluate(where, arguments, reporter)
    return reporter.result


def test_the_best_of_the_grid_is_kept_and_learns(home: Path, encoder_dir: Path) -> None:
    write_sst2(train=120)
    directory, result = train(arguments_for(encoder_dir, epochs=4))
    assert result["state"] == "done"
    assert [point["learning_rate"] for point in result["grid"]] == [0.001, 0.01]
    best = max(result["grid"], key=lambda point: point["score"])
    assert result["scores"]["validation"] == best["score"]
    events = list(read_events(directory.events_path))
    steps = [event["step"] for event in events if event["type"] == "step"]
    assert steps == list(range(1, 2 * 4 * 14 + 1)), "one row of steps over the whole grid"
    assert len([event for event in events if event["type"] == "validation"]) == 2 * 4
    [(step, checkpoint)] = complete_checkpoints(directory)
    assert step == result["step"]
    assert (checkpoint / "config.json").is_file()
    assert not list((directory.path / "grid").glob("*/model")), "only the best model stays"
    scored = score(directory, "sst2")
    assert scored["scores"]["accuracy"] > 0.7
    assert (scored["parse_rate"], scored["n"]) == (1.0, 40)
    assert choose_task(None, [resolve_subject(directory.name)])[0] == "sst2"


def test_stopped_in_an_epoch_and_killed_between_points_it_goes_on(
    home: Path, encoder_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_sst2(train=40)
    arguments = arguments_for(encoder_dir)
    _, expected = train(arguments)
    directory = create_encoder_run(arguments)
    on_log = fit._Watched.on_log
    seen: list[int] = []

    def stopping(self: Any, args: Any, state: Any, ctl: Any, logs: Any = None, **more: Any) -> None:
        on_log(self, args, state, ctl, logs, **more)
        if logs and "loss" in logs:
            seen.append(self.point.offset + state.global_step)
            if len(seen) == 7:
                control.request(directory, "stop")

    with monkeypatch.context() as patch:
        patch.setattr(fit._Watched, "on_log", stopping)
        _, result = train(arguments, directory)
    assert result["state"] == "stopped"
    assert read_status(directory).state == "stopped"
    assert encoder_run(arguments, set(INTERRUPTED)) == directory

    keep = fit._keep_best

    def killed(*args: Any) -> Any:
        keep(*args)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(fit, "_keep_best", killed)
        with pytest.raises(SystemExit):
            train(arguments, directory)
    _, result = train(arguments, directory)
    assert result["state"] == "done"
    assert result["grid"] == expected["grid"], "as if it had not been interrupted"
    resumed = [event["step"] for event in read_events(directory.events_path) if event["type"] == "resume"]
    assert resumed
    assert resumed[0] >= 7


@pytest.mark.parametrize("stop_at", [2, 5, 8, 13])
def test_a_stop_changes_nothing_of_what_is_learnt(
    home: Path, encoder_dir: Path, monkeypatch: pytest.MonkeyPatch, stop_at: int
) -> None:
    write_sst2(train=40)
    arguments = arguments_for(encoder_dir, epochs=3, learning_rates=[0.003])

    def told(directory: RunDirectory) -> list[tuple[Any, ...]]:
        events = [event for event in read_events(directory.events_path) if event["type"] in ("step", "validation")]
        return [
            (event["type"], event["step"], event.get("metrics", {}).get("loss"), event.get("scores"))
            for event in events
        ]

    whole, expected = train(arguments)
    directory = create_encoder_run(arguments)
    on_log = fit._Watched.on_log

    def stopping(self: Any, args: Any, state: Any, ctl: Any, logs: Any = None, **more: Any) -> None:
        on_log(self, args, state, ctl, logs, **more)
        if logs and "loss" in logs and state.global_step == stop_at:
            control.request(directory, "stop")

    with monkeypatch.context() as patch:
        patch.setattr(fit._Watched, "on_log", stopping)
        assert train(arguments, directory)[1]["state"] == "stopped"
    _, result = train(arguments, directory)
    assert told(directory) == told(whole)
    assert result["grid"] == expected["grid"]


FORMS = [
    ("stsb", [({"sentence1": f"a{i}", "sentence2": f"b{i}"}, str(float(i % 6))) for i in range(24)], "regression"),
    ("cb", [({"premise": f"p{i}", "hypothesis": "h"}, ("entailment", "contradiction", "neutral")[i % 3]) for i in range(24)], "classification"),  # noqa: E501
    ("copa", [({"premise": f"p{i}", "choice1": "x", "choice2": "yy", "question": "cause"}, str(i % 2 + 1)) for i in range(24)], "choice"),  # noqa: E501
]  # fmt: skip


@pytest.mark.parametrize(("task", "rows", "kind"), FORMS, ids=[form[0] for form in FORMS])
def test_every_form_trains_and_is_scored_by_the_tasks_metrics(
    home: Path, encoder_dir: Path, task: str, rows: list[tuple[dict[str, str], str]], kind: str
) -> None:
    write_rows(task, rows)
    directory, result = train(arguments_for(encoder_dir, task, max_steps=2, learning_rates=[0.001]))
    assert result["grid"][0]["steps"] == 2
    assert score(directory, task)["scores"].keys() == result["grid"][0]["scores"].keys()
    lines = [json.loads(line) for line in next(directory.eval_dir.rglob("predictions.jsonl")).read_text().splitlines()]
    assert {line["how"] for line in lines} == {"strict"}


def test_first_trained_on_another_task(home: Path, encoder_dir: Path) -> None:
    write_sst2(train=40)
    write_rows("rte", [({"sentence1": f"a{i}", "sentence2": "b"}, "yes" if i % 2 else "no") for i in range(24)])
    directory, result = train(arguments_for(encoder_dir, "rte", intermediate="sst2", learning_rates=[0.001]))
    tasks = [event["task"] for event in read_events(directory.events_path) if event["type"] == "validation"]
    assert tasks == ["sst2", "sst2", "rte", "rte"]
    assert result["task"] == "rte"
    assert fit.read_point(directory.path / "grid" / "intermediate") is not None


@pytest.mark.parametrize(("first", "then"), [("stsb", "sst2"), ("sst2", "stsb")])
def test_first_trained_on_a_task_with_another_head(home: Path, encoder_dir: Path, first: str, then: str) -> None:
    write_sst2(train=24)
    pairs = {"sentence1": "a b", "sentence2": "c"}
    write_rows("stsb", [({**pairs, "sentence1": f"a{n}"}, f"{n % 6}.0") for n in range(24)])
    directory, result = train(arguments_for(encoder_dir, then, intermediate=first, learning_rates=[0.001]))
    scored = score(directory, then)
    assert scored["parse_rate"] == 1
    assert scored["metric"] in result["grid"][0]["scores"]


def test_from_the_command_line_and_against_a_language_model(
    home: Path, encoder_dir: Path, tiny_model_dir: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_sst2(train=40)
    few = ("--task", "sst2", "--examples", "12")
    command = ["encoder", str(encoder_dir), *few, "--epochs", "1", "--learning-rate", "1e-3", "--json"]
    assert run_cli(command) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["n"], result["parse_rate"]) == (12, 1.0)
    assert run_cli(["compare", str(tiny_model_dir), result["run"], *few, "--json"]) == 0
    compared = json.loads(capsys.readouterr().out)
    assert compared["predictions"][1] == result["predictions"], "the finished evaluation was used again"
    assert compared["score_b"] == result["scores"]["accuracy"]
    assert result["temperature"] is None
    assert run_cli(["eval", result["run"], *few]) == 0
    shown = capsys.readouterr().out
    assert "validation split, n 12, seed 1" in shown
    before = len(list_runs())
    other = create_encoder_run(arguments_for(encoder_dir, "stsb"))
    checkpoint_path(other, 1).mkdir(parents=True)
    (checkpoint_path(other, 1) / WEIGHTS).write_bytes(b"none")
    mark_whole(checkpoint_path(other, 1))
    compare_command = ["compare", str(tiny_model_dir), other.name, "--task", "sst2", "--examples", "9"]
    for wrong, message in (
        (["eval", result["run"], "--task", "sst2", "--shots", "2"], "reads no demonstrations"),
        (compare_command, "trained for stsb, whose answers are not those of sst2"),
        (["export", result["run"]], "no adapter to merge"),
        (["eval", "minilm-l6", "--task", "sst2"], "writes no text"),
        (["eval", result["run"], "--task", "sst2", "--samples", "3"], "does not sample"),
        (["encoder", "minilm-l6", "--task", "squad"], "answered with a text"),
        (["encoder", str(tiny_model_dir), "--task", "sst2"], "is a language model, not an encoder"),
        (["encoder", "minilm-l6", "--task", "sst2", "--learning-rate", "fast"], "not a list of learning rates"),
    ):
        assert run_cli(wrong) == 2, wrong
        assert message in " ".join(capsys.readouterr().err.replace("│", " ").split())
    assert len(list_runs()) == before + 1, "nothing was evaluated before it was refused"


def test_rows_that_are_missing_are_told_before_anything_is_trained(
    home: Path, encoder_dir: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "train.csv").write_text("text,label\n" + "good,yes\nbad,no\n" * 5)
    (tmp_path / "empty.csv").write_text("text,label\n")
    task = tmp_path / "mine.yaml"
    for files in ("train: train.csv\nvalidation: empty.csv", "train: empty.csv\nvalidation: train.csv"):
        task.write_text(f"name: mine\n{files}\ntext: [text]\nlabel: label\nanswers: ['yes', 'no']\n")
        assert run_cli(["encoder", str(encoder_dir), "--task", str(task), "--epochs", "1"]) == 2, files
        assert "empty.csv" in "".join(capsys.readouterr().err.replace("│", " ").split())
    assert not list_runs()


def test_by_its_hub_name(
    home: Path,
    encoder_dir: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    name = "google-bert/bert-base-uncased"
    write_sst2(train=40)
    published = as_published(encoder_dir, tmp_path / "published")
    command = ["encoder", name, "--task", "sst2", "--examples", "12", "--epochs", "1", "--learning-rate", "1e-3"]
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    monkeypatch.setenv("HF_HUB_OFFLINE", "0")
    with serving(model_repository(name, published)) as hub:
        monkeypatch.setenv("HF_ENDPOINT", hub.url)
        assert run_cli([*command, "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["n"], result["parse_rate"]) == (12, 1.0)
    folder = paths.models_dir() / "bert-base"
    manifest = read_manifest(folder)
    assert manifest
    assert (manifest["source"], manifest["hub_id"]) == ("hub", name)
    assert not (folder / "pytorch_model.bin").exists()
    assert model_folder(resolve_encoder(name), fetch=False) == folder, "it is here now, and needs no hub"


def test_published_weights_are_all_taken(encoder_dir: Path, tmp_path: Path) -> None:
    import torch
    from safetensors.torch import load_file, save_file

    from nlu_rl.encoder.model import load_encoder, load_encoder_tokenizer
    from nlu_rl.encoder.texts import form_of

    folder = as_published(encoder_dir, tmp_path / "published")
    weights = load_file(folder / WEIGHTS)
    marked = {name: each + 0.5 if "LayerNorm" in name else each for name, each in weights.items()}
    save_file(marked, folder / WEIGHTS, metadata={"format": "pt"})
    model = load_encoder(folder, form_of(get_task("sst2")), 1, load_encoder_tokenizer(folder))
    for name, each in model.bert.named_parameters():
        if "pooler" not in name:
            first = name.replace("LayerNorm.weight", "LayerNorm.gamma").replace("LayerNorm.bias", "LayerNorm.beta")
            assert torch.equal(each, marked[f"bert.{first}"]), name
