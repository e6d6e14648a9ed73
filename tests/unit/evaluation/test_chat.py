"""A conversation with the tiny model: one copy of the weights answers with its adapter and without."""

import json
import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest

from nlu_rl.evaluation import chat, chat_protocol
from nlu_rl.evaluation.chat_protocol import ANSWERS, QUESTIONS, Conversation
from nlu_rl.runs import control
from nlu_rl.runs.events import append_line, read_events
from nlu_rl.runs.jobs import Job, read_job
from nlu_rl.runs.layout import RunDirectory, create_run
from nlu_rl.runs.reporter import job
from nlu_rl.runs.status import process_started, read_status
from trained_run import write_sst2, write_trained_run

FIELDS = {"sentence": "the plot is fine"}


def answered(directory: RunDirectory, arguments: dict[str, Any], *questions: dict[str, Any]) -> list[dict[str, Any]]:
    """Ask, stop, and return what was answered."""
    for number, question in enumerate(questions, start=1):
        append_line(directory.path / QUESTIONS, {"id": number, "task": "sst2", **question})

    def stop_when_done() -> None:
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline and len(list(read_events(directory.path / ANSWERS))) < len(questions):
            time.sleep(0.05)
        time.sleep(0.3)
        control.request(directory, "stop")

    stopper = threading.Thread(target=stop_when_done)
    stopper.start()
    with job(directory) as reporter:
        reporter.result = chat.run(directory, arguments, reporter)
    stopper.join()
    assert json.loads(directory.result_path.read_text())["answered"] == len(questions)
    return list(read_events(directory.path / ANSWERS))


def test_a_run_answers_before_and_after_training(home: Path, tiny_model_dir: Path) -> None:
    write_sst2()
    trained = write_trained_run(tiny_model_dir, strength=1.0)
    directory = create_run(trained.path / "chat", "chat", Job("chat", {"run": trained.name}))
    found = answered(
        directory,
        {"run": trained.name, "model": None, "checkpoint": "step-4"},
        {"fields": FIELDS, "gold": "positive"},
        {"fields": FIELDS},
    )
    assert [(answer["id"], answer["side"]) for answer in found] == [
        (1, "before"),
        (1, "after"),
        (2, "before"),
        (2, "after"),
    ]
    assert found[0]["completion"] != found[1]["completion"]
    assert found[0]["reward"] == sum(found[0]["parts"].values())
    assert "reward" not in found[2]
    assert found[2]["completion"] == found[0]["completion"]  # greedy, and the adapter was put back and off again
    assert "the plot is fine" in found[0]["prompt"]
    assert read_status(directory).state == "stopped"


def test_a_model_answers_once_and_bad_questions_are_explained(home: Path, tiny_model_dir: Path) -> None:
    directory = create_run(home / "runs" / ".chat", "chat", Job("chat", {"model": str(tiny_model_dir)}))
    good, bad, unknown = answered(
        directory,
        {"run": None, "model": str(tiny_model_dir)},
        {"fields": FIELDS, "greedy": False, "seed": 3},
        {"fields": {}},
        {"fields": FIELDS, "task": "no-task"},
    )
    assert good["side"] == "before"
    assert "'sentence'" in bad["error"]
    assert "no-task" in unknown["error"]


def test_nobody_asks_so_it_ends(home: Path, tiny_model_dir: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat, "IDLE_SECONDS", 0.2)
    directory = create_run(home / "runs" / ".chat", "chat", Job("chat", {"model": str(tiny_model_dir)}))
    with job(directory) as reporter:
        reporter.result = chat.run(directory, {"run": None, "model": str(tiny_model_dir)}, reporter)
    assert read_status(directory).state == "done"


def test_its_asker_was_killed_so_it_ends(home: Path, tiny_model_dir: Path) -> None:
    directory = create_run(home / "runs" / ".chat", "chat", Job("chat", {"model": str(tiny_model_dir)}))
    append_line(directory.path / QUESTIONS, {"id": 1, "task": "sst2", "fields": FIELDS})
    gone = {"pid": 2**22 + 1, "started": 1.0}  # above the largest process id
    with job(directory) as reporter:
        reporter.result = chat.run(directory, {"run": None, "model": str(tiny_model_dir), "asker": gone}, reporter)
    assert reporter.result == {"answered": 0}


def test_the_worker_is_told_who_asks(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_protocol, "launch", lambda run: 0)
    talk = Conversation({"run": None, "model": "m"})
    talk.start()
    assert talk.job is not None
    asker = read_job(talk.job).arguments["asker"]
    assert asker == {"pid": os.getpid(), "started": process_started(os.getpid())}


def test_a_question_wakes_a_worker_that_has_gone(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    launched: list[RunDirectory] = []
    monkeypatch.setattr(chat_protocol, "launch", lambda run: launched.append(run) or 0)
    talk = Conversation({"run": None, "model": "m"})
    assert talk.ask("sst2", FIELDS) == 1
    assert talk.ask("sst2", FIELDS) == 2
    assert len(launched) == 1
    (launched[0].status_path).write_text("{")  # it was killed
    assert talk.ask("sst2", FIELDS, "positive") == 3
    assert len(launched) == 2
    [question] = read_events(launched[1].path / QUESTIONS)
    assert (question["id"], question["gold"], question["greedy"]) == (3, "positive", True)
