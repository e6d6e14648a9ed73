"""Runs appear whole or not at all, are never overwritten, and only whole checkpoints count."""

import json
import os
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from nlu_rl import paths
from nlu_rl.errors import RunError
from nlu_rl.runs import layout
from nlu_rl.runs.checkpoints import (
    adapter_checkpoint,
    best_checkpoint,
    complete_checkpoints,
    damaged_checkpoints,
    latest_checkpoint,
)
from nlu_rl.runs.jobs import Job, read_job
from nlu_rl.runs.layout import RunDirectory, create_run, list_runs, open_run


def make(name: str = "sst2", **arguments: object) -> RunDirectory:
    return create_run(paths.runs_dir(), name, Job("train", dict(arguments)), "model: x\n", "model: y\n")


def add_checkpoint(run: RunDirectory, step: int, *, complete: bool = True) -> Path:
    path = run.checkpoints_dir / f"step-{step}"
    path.mkdir(parents=True)
    if complete:
        (path / "complete").touch()
    return path


def test_a_run_holds_what_it_was_given(home: Path) -> None:
    run = make(task="sst2")
    assert run.name == "sst2-01"
    assert run.recipe_path.read_text() == "model: x\n"
    assert run.source_path.read_text() == "model: y\n"
    assert read_job(run) == Job("train", {"task": "sst2"}, {"model": "x"})
    environment = json.loads(run.env_path.read_text())
    assert environment["packages"]["torch"].startswith("2.")


def test_names_count_up_and_are_file_names(home: Path) -> None:
    assert [make("a b/c").name, make("a b/c").name] == ["a-b-c-01", "a-b-c-02"]
    assert make("../..").name == "run-01"


def test_runs_made_at_once_get_different_names(home: Path) -> None:
    with ThreadPoolExecutor(8) as pool:
        names = [run.name for run in pool.map(lambda _: make(), range(16))]
    assert len(set(names)) == 16


def test_an_exact_name_is_never_overwritten(home: Path) -> None:
    create_run(paths.runs_dir(), "mine", Job("train"), exact=True)
    with pytest.raises(RunError, match="already a run named 'mine'"):
        create_run(paths.runs_dir(), "mine", Job("evaluate"), exact=True)
    assert read_job(open_run("mine")).kind == "train"
    (paths.runs_dir() / "notes").mkdir()
    with pytest.raises(RunError, match="exists, and is no whole run"):
        create_run(paths.runs_dir(), "notes", Job("train"), exact=True)
    with pytest.raises(RunError, match="cannot be the name"):
        create_run(paths.runs_dir(), "../mine", Job("train"), exact=True)


def test_a_failure_on_the_way_leaves_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(layout, "write_job", full)
    with pytest.raises(RunError, match="No space left"):
        make()
    assert list(paths.runs_dir().iterdir()) == []


def test_a_home_that_cannot_be_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "file").touch()
    monkeypatch.setenv("NLU_RL_HOME", str(tmp_path / "file"))
    with pytest.raises(RunError):
        make()


def test_unknown_run_names_the_nearest(home: Path) -> None:
    with pytest.raises(RunError, match="nor any other run"):
        open_run("sst2")
    make()
    with pytest.raises(RunError, match="Did you mean 'sst2-01'"):
        open_run("sst2-0")
    assert open_run("sst2-01").path == open_run(paths.runs_dir() / "sst2-01").path
    for name in ("", ".", ".."):
        with pytest.raises(RunError):
            open_run(name)


def test_a_directory_that_is_not_ours_is_refused_and_untouched(home: Path) -> None:
    foreign = paths.runs_dir() / "photos"
    foreign.mkdir(parents=True)
    (foreign / "cat.jpg").touch()
    with pytest.raises(RunError, match=r"not a run of nlu-rl.*job\.json"):
        open_run("photos")
    (foreign / "job.json").write_text('{"v": 1, "kind": "train", "program": "other", "arguments": {}}')
    with pytest.raises(RunError, match="another program"):
        open_run("photos")
    assert sorted(p.name for p in foreign.iterdir()) == ["cat.jpg", "job.json"]


@pytest.mark.parametrize("text", ["", "{", "[]", "null", '{"v": 1}', "\x00\xff"])
def test_a_half_written_job_is_refused(home: Path, text: str) -> None:
    run = make()
    run.job_path.write_text(text)
    with pytest.raises(RunError, match="damaged"):
        open_run(run.name)


def test_a_run_of_a_later_version_is_refused(home: Path) -> None:
    run = make()
    run.job_path.write_text('{"v": 99, "kind": "train", "program": "nlu-rl", "arguments": {}}')
    with pytest.raises(RunError, match="another version"):
        open_run(run.name)


def test_someone_elses_run_is_read_but_not_changed(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make()
    monkeypatch.setattr(os, "access", lambda _path, mode: not mode & os.W_OK)
    assert open_run(run.name).name == run.name
    with pytest.raises(RunError, match="read-only"):
        open_run(run.name, write=True)
    monkeypatch.setattr(os, "geteuid", lambda: run.path.stat().st_uid + 1)
    with pytest.raises(RunError, match="someone else"):
        open_run(run.name, write=True)


def test_drafts_and_foreign_folders_are_not_listed(home: Path) -> None:
    run = make()
    (paths.runs_dir() / ".creating-1").mkdir()
    (paths.runs_dir() / "other").mkdir()
    assert [found.name for found in list_runs()] == [run.name]


def test_only_whole_checkpoints_count(home: Path) -> None:
    run = make()
    assert latest_checkpoint(run) is None
    with pytest.raises(RunError, match="no whole checkpoint"):
        adapter_checkpoint(run)
    add_checkpoint(run, 9)
    add_checkpoint(run, 10)
    add_checkpoint(run, 50, complete=False)
    (run.checkpoints_dir / "step-x").mkdir()
    assert [step for step, _ in complete_checkpoints(run)] == [9, 10]
    assert adapter_checkpoint(run).name == "step-10"
    best = run.checkpoints_dir / "best.json"
    for text in ('{"step": 50, "score": 1}', "{", "[]", '{"step": "9"}'):
        best.write_text(text)
        assert best_checkpoint(run) is None
        assert adapter_checkpoint(run).name == "step-10"
    best.write_text('{"step": 9, "score": 0.5}')
    assert adapter_checkpoint(run).name == "step-9"
    (run.checkpoints_dir / "step-9" / "complete").write_text('{"adapter.safetensors": 5}')
    with pytest.raises(RunError, match=r"best checkpoint of .* of step 9, is damaged \(adapter.safetensors\)"):
        adapter_checkpoint(run)


@pytest.mark.parametrize("damage", ["cut", "gone", "marker"])
def test_a_checkpoint_whose_files_changed_size_does_not_count(home: Path, damage: str) -> None:
    from nlu_rl.runs.checkpoints import checkpoint_path, latest_checkpoint, mark_whole

    run = make()
    for step in (2, 4):
        folder = checkpoint_path(run, step)
        folder.mkdir(parents=True)
        (folder / "optimizer.pt").write_bytes(b"weights")
        mark_whole(folder)
    assert latest_checkpoint(run) == checkpoint_path(run, 4)
    if damage == "cut":
        (checkpoint_path(run, 4) / "optimizer.pt").write_bytes(b"")
    elif damage == "gone":
        (checkpoint_path(run, 4) / "optimizer.pt").unlink()
    else:
        (checkpoint_path(run, 4) / "complete").write_text("{")
    assert latest_checkpoint(run) == checkpoint_path(run, 2)
    assert damaged_checkpoints(run) == [(4, "complete" if damage == "marker" else "optimizer.pt")]
    (checkpoint_path(run, 2) / "optimizer.pt").unlink()
    with pytest.raises(RunError, match=r"step 2 is damaged \(optimizer.pt\)"):
        adapter_checkpoint(run)


def test_a_half_written_run_does_not_speak_for_an_unknown_name(home: Path) -> None:
    half = paths.runs_dir() / "half"
    half.mkdir(parents=True)
    (half / "job.json").write_text('{"kind": "tra')
    create_run(paths.runs_dir(), "whole", Job("train"), exact=True)
    with pytest.raises(RunError, match=r"Unknown run 'whol'.*Known: whole"):
        open_run("whol", kind="train")
