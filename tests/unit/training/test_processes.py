"""What a launcher may ask for by the environment, and what is said when another process is gone."""

import os
from pathlib import Path

import pytest

from nlu_rl.errors import RecipeError, RunError
from nlu_rl.runs import control
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.training import job
from nlu_rl.training.processes import Processes, join_processes

FSDP = {"ACCELERATE_USE_FSDP": "true", "FSDP_VERSION": "2"}


@pytest.mark.parametrize(
    ("asked", "reason"),
    [
        ({"ACCELERATE_USE_DEEPSPEED": "true"}, "DeepSpeed is asked for"),
        ({**FSDP, "FSDP_VERSION": "1"}, "version 1"),
        ({**FSDP, "FSDP_OFFLOAD_PARAMS": "true"}, "main memory"),
    ],
)
def test_what_is_not_done_is_refused(asked: dict[str, str], reason: str, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in asked.items():
        monkeypatch.setenv(name, value)
    with pytest.raises(RecipeError, match=reason):
        join_processes()


def test_one_process_has_nothing_to_cut_up(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, value in FSDP.items():
        monkeypatch.setenv(name, value)
    assert join_processes() == Processes()
    assert "ACCELERATE_USE_FSDP" not in os.environ, "transformers would load empty weights"


def ends_with(error: Exception, monkeypatch: pytest.MonkeyPatch, run: RunDirectory) -> None:
    """Train as the first of two processes, where an exchange raises `error`."""

    def train(*_: object) -> None:
        control.request(run, "stop")  # as a launcher does by its signal
        raise error

    monkeypatch.setattr(job, "join_processes", lambda: Processes(0, 2))
    monkeypatch.setattr(job, "_train", train)
    job.run(run, {}, None)


def test_a_process_that_is_gone_is_told_with_how_to_go_on(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = RunDirectory(home / "runs" / "big")
    run.path.mkdir(parents=True)
    gone = RuntimeError("[/pytorch/third_party/gloo/gloo/transport/tcp/pair.cc:547] Connection closed by peer")
    with pytest.raises(RunError, match=r"processes has ended.*nlu-rl resume big --processes 2"):
        ends_with(gone, monkeypatch, run)
    assert control.pending(run) == set()
    unsaved = RunError("The checkpoint could not be written.", "Make room.")
    unsaved.__cause__ = gone
    with pytest.raises(RunError, match="processes has ended"):
        ends_with(unsaved, monkeypatch, run)
    with pytest.raises(RuntimeError, match="a shape"):
        ends_with(RuntimeError("a shape is wrong"), monkeypatch, run)
