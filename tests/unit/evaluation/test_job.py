"""The evaluate and predict jobs on the tiny model, with the real policy."""

import csv
import json
from pathlib import Path
from typing import Any

import pytest

from nlu_rl import paths
from nlu_rl.errors import DataError, RecipeError
from nlu_rl.evaluation import predict as predict_module
from nlu_rl.evaluation.answers import check_target
from nlu_rl.evaluation.finished import DONE, INTERRUPTED, create_evaluation, evaluation_for
from nlu_rl.evaluation.job import predict_job, run
from nlu_rl.evaluation.request import choose_task, evaluation_arguments, resolve_subject
from nlu_rl.evaluation.rows import load_rows
from nlu_rl.recipe import Recipe
from nlu_rl.runs import control
from nlu_rl.runs.jobs import Job
from nlu_rl.runs.layout import RunDirectory, create_run
from nlu_rl.runs.reporter import Reporter, job
from nlu_rl.tasks.registry import get_task
from trained_run import write_sst2, write_trained_run

SST2 = get_task("sst2")
ARGUMENTS: dict[str, Any] = {
    "run": None,
    "task": "sst2",
    "split": "validation",
    "data": None,
    "examples": 25,
    "seed": 7,
}
ARGUMENTS |= {"greedy": False, "samples": 1, "shots": 0, "checkpoint": None}


@pytest.fixture
def ready(home: Path, tiny_model_dir: Path) -> Path:
    write_sst2()
    return tiny_model_dir


def evaluate(directory: RunDirectory, arguments: dict[str, Any]) -> dict[str, Any]:
    with job(directory) as reporter:
        reporter.result = run(directory, arguments, reporter)
    return reporter.result


def directory_for(arguments: dict[str, Any]) -> RunDirectory:
    return create_evaluation(SST2, arguments)


def test_the_result_has_the_keys_programs_rely_on(ready: Path) -> None:
    arguments = {**ARGUMENTS, "model": str(ready)}
    result = evaluate(directory_for(arguments), arguments)
    fixed = ["task", "n", "seed", "scores", "intervals", "parse_rate", "parse_rate_lenient", "predictions"]
    assert list(result)[: len(fixed)] == fixed
    assert (result["task"], result["n"], result["seed"], result["split"]) == ("sst2", 25, 7, "validation")
    assert result["scores"].keys() == result["intervals"].keys() == {"accuracy", "f1", "matthews"}
    assert len(Path(result["predictions"]).read_text(encoding="utf-8").splitlines()) == 25
    json.dumps(result, allow_nan=False)


def stop_after(monkeypatch: pytest.MonkeyPatch, chunks: int) -> None:
    """Ask the job to stop once so many chunks are written."""
    append = predict_module.Journal.append
    written = []

    def counting(self: Any, lines: Any) -> None:
        append(self, lines)
        written.append(lines)
        if len(written) == chunks:
            control.request(RunDirectory(self.path.parent), "stop")

    monkeypatch.setattr(predict_module.Journal, "append", counting)


@pytest.mark.parametrize("changes", [{}, {"samples": 3}, {"shots": 2}], ids=["plain", "samples", "shots"])
def test_stopped_and_resumed_equals_uninterrupted(
    ready: Path, monkeypatch: pytest.MonkeyPatch, changes: dict[str, Any]
) -> None:
    trained = write_trained_run(ready)
    monkeypatch.setattr(predict_module, "CHUNK_COMPLETIONS", 6)
    arguments = {**ARGUMENTS, **changes, "run": trained.name, "model": None, "checkpoint": "step-4"}
    whole = directory_for(arguments)
    expected = evaluate(whole, arguments)
    parts = directory_for(arguments)
    assert parts.path.parent == trained.eval_dir
    with monkeypatch.context() as patch:
        stop_after(patch, 2)
        assert evaluate(parts, arguments) == {}
    partial = (parts.path / "predictions.jsonl").read_bytes()
    assert 0 < partial.count(b"\n") < expected["n"] * expected["samples"]
    (parts.path / "predictions.jsonl").write_bytes(partial[:-5])
    result = evaluate(parts, arguments)
    assert (parts.path / "predictions.jsonl").read_bytes() == (whole.path / "predictions.jsonl").read_bytes()
    for key in set(expected) - {"predictions", "seconds", "seconds_per_row"}:
        assert result[key] == expected[key], key


def test_the_adapter_is_what_is_evaluated(ready: Path) -> None:
    trained = write_trained_run(ready)
    of_run = {**ARGUMENTS, "run": trained.name, "model": None, "greedy": True}
    of_model = {**ARGUMENTS, "model": str(ready), "greedy": True}
    texts = []
    for arguments in (of_run, of_model):
        path = Path(evaluate(directory_for(arguments), arguments)["predictions"])
        texts.append([json.loads(line)["completion"] for line in path.read_text(encoding="utf-8").splitlines()])
    assert texts[0] != texts[1]


def test_the_best_number_of_shots_is_reported(ready: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    arguments = {**ARGUMENTS, "model": str(ready), "shots": "best", "examples": 5}
    told: list[tuple[str, int, int | None]] = []
    progress = Reporter.progress

    def listening(reporter: Reporter, phase: str, done: int, total: int | None) -> None:
        told.append((phase, done, total))
        progress(reporter, phase, done, total)

    monkeypatch.setattr(Reporter, "progress", listening)
    result = evaluate(directory_for(arguments), arguments)
    for count in range(1, 6):
        phase = f"trying {count} of up to 5 demonstrations, rows"
        assert (phase, 13, 13) in told, "rows done of rows, of the number that is tried"
    assert list(result["shots_tried"]) == [1, 2, 3, 4, 5]
    assert result["shots"] in result["shots_tried"]


def test_finished_and_interrupted_evaluations_are_found_by_what_they_stand_on(
    ready: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained = write_trained_run(ready)
    arguments = {**ARGUMENTS, "run": trained.name, "model": None, "checkpoint": "step-4"}
    rows = load_rows(SST2, arguments)
    assert evaluation_for(SST2, rows, arguments, DONE) is None
    monkeypatch.setattr(predict_module, "CHUNK_COMPLETIONS", 6)
    first = directory_for(arguments)
    with monkeypatch.context() as patch:
        stop_after(patch, 1)
        evaluate(first, arguments)
    assert evaluation_for(SST2, rows, arguments, DONE) is None
    assert evaluation_for(SST2, rows, arguments, INTERRUPTED) == first
    evaluate(first, arguments)
    assert evaluation_for(SST2, rows, arguments, DONE) == first
    assert evaluation_for(SST2, rows, arguments, INTERRUPTED) is None
    other = {**arguments, "seed": 8}
    assert evaluation_for(SST2, rows, other, DONE) is None
    with monkeypatch.context() as patch:
        patch.setattr(type(SST2), "instructions", "Another question.")
        assert evaluation_for(SST2, rows, arguments, DONE) is None, "the task asks otherwise"
    adapter = trained.checkpoints_dir / "step-4" / "adapter_model.safetensors"
    adapter.write_bytes(adapter.read_bytes()[:-1] + b"\x01")
    assert evaluation_for(SST2, rows, arguments, DONE) is None, "the adapter has changed"


def test_subjects_are_runs_first_then_models(ready: Path) -> None:
    trained = write_trained_run(ready)
    assert resolve_subject("tiny-sst2") == {"run": trained.name, "model": None, "checkpoint": "step-4"}
    assert resolve_subject(str(ready)) == {"run": None, "model": str(ready), "checkpoint": None}
    assert resolve_subject("smollm2-135m")["model"] == "smollm2-135m"
    with pytest.raises(Exception, match=r"Unknown run or model 'tiny-sst' ?.*Did you mean 'tiny-sst2'.*smollm2-135m"):
        resolve_subject("tiny-sst")
    with pytest.raises(Exception, match=r"no checkpoint '9'.*4"):
        resolve_subject("tiny-sst2", "9")
    evaluation = create_run(paths.runs_dir(), "eval-x", Job("evaluate"), exact=True)
    with pytest.raises(Exception, match="is an evaluation"):
        resolve_subject(evaluation.name)


def test_a_task_is_taken_from_the_run_but_a_model_has_none(ready: Path) -> None:
    trained = write_trained_run(ready)
    assert choose_task(None, [{"run": None}, {"run": trained.name}])[0] == "sst2"
    with pytest.raises(RecipeError, match="--task"):
        choose_task(None, [{"run": None}])
    with pytest.raises(RecipeError, match="Did you mean 'sst2'"):
        choose_task("sst", [])


def test_runs_of_different_tasks_are_asked_which_one_is_meant(ready: Path) -> None:
    write_trained_run(ready, "one")
    for name, tasks in (("two", ["cola", "sst2"]), ("three", ["cola"])):
        recipe = Recipe.model_validate({"model": str(ready), "tasks": tasks, "method": "ppo"})
        create_run(paths.runs_dir(), name, Job("train"), recipe_yaml=recipe.to_yaml(), exact=True)
    one, two, three = ({"run": name} for name in ("one", "two", "three"))
    assert choose_task(None, [one, two])[0] == "sst2"
    assert choose_task(None, [two, three])[0] == "cola"
    with pytest.raises(RecipeError, match=r"one for sst2, three for cola\. .*--task"):
        choose_task(None, [one, three])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"split": "dev"}, "split 'dev'"),
        ({"split": "test", "data": Path("x.csv")}, "--split and --data"),
        ({"greedy": True, "samples": 3}, "Greedy"),
        ({"shots": "many"}, "'many'"),
        ({"shots": "-1"}, "'-1' is not a number of demonstrations from 0 to 5"),
        ({"shots": "6"}, "'6' is not a number of demonstrations from 0 to 5"),
    ],
)
def test_arguments_that_cannot_be_are_refused(changes: dict[str, Any], message: str) -> None:
    options = {"split": None, "data": None, "examples": None, "seed": 1, "greedy": False, **changes}
    with pytest.raises((DataError, RecipeError), match=message):
        evaluation_arguments({"run": None, "model": "m", "checkpoint": None}, "sst2", SST2, **options)


CELLS = ['plain, "quoted"', "line\nbreak", "ünï ☃ 文字", "=1+1", " spaces kept? "]


def predict_rows(ready: Path, tmp_path: Path, **changes: Any) -> dict[str, Any]:
    source = tmp_path / "in.csv"
    with source.open("w", newline="", encoding="utf-8") as file:
        csv.writer(file).writerows([["key", "sentence", "answer"], *([str(i), c, "x"] for i, c in enumerate(CELLS))])
    arguments = {"run": None, "model": str(ready), "task": "sst2", "data": str(source), "to": str(tmp_path / "out.csv")}
    arguments |= {"seed": 1, "greedy": True, "force": False, "checkpoint": None, **changes}
    directory = create_run(paths.runs_dir(), "predict", Job("predict", arguments))
    with job(directory) as reporter:
        reporter.result = predict_job(directory, arguments, reporter)
    return reporter.result


def test_predict_keeps_every_cell_and_never_overwrites(ready: Path, tmp_path: Path) -> None:
    result = predict_rows(ready, tmp_path)
    assert result["n"] == 5
    with (tmp_path / "out.csv").open(newline="", encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    assert header == ["key", "sentence", "answer", "model_answer", "parsed"]
    assert [row[:3] for row in rows] == [[str(i), cell, "x"] for i, cell in enumerate(CELLS)]
    assert {row[4] for row in rows} <= {"strict", "lenient", "none"}
    before = (tmp_path / "out.csv").read_bytes()
    with pytest.raises(SystemExit):
        predict_rows(ready, tmp_path)
    assert (tmp_path / "out.csv").read_bytes() == before
    predict_rows(ready, tmp_path, force=True)
    assert (tmp_path / "out.csv").read_bytes() == before
    assert sorted(path.name for path in tmp_path.iterdir() if path.is_file()) == ["in.csv", "out.csv"]


def test_targets_that_cannot_be_written_are_refused(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="does not exist"):
        check_target(tmp_path / "nowhere" / "out.csv", force=False)
    with pytest.raises(DataError, match="is a folder"):
        check_target(tmp_path, force=True)
    rows = tmp_path / "rows.csv"
    rows.write_text("sentence\nfine\n")
    with pytest.raises(DataError, match="the rows come from"):
        check_target(rows, rows, force=True)


def test_a_missing_split_names_the_command_that_brings_it(home: Path, tiny_model_dir: Path) -> None:
    with pytest.raises(DataError, match="nlu-rl data"):
        load_rows(SST2, ARGUMENTS)
