"""A run's history is bounded, thinned only where it is long, and superseded by a resume."""

import json
import time
from pathlib import Path
from typing import Any

import pytest

from nlu_rl.runs.history import History, main_score
from nlu_rl.runs.jobs import Job
from nlu_rl.runs.layout import RunDirectory, create_run
from nlu_rl.runs.status import Status, write_status
from nlu_rl.runs.tail import TailReader, last_lines


@pytest.fixture
def run(home: Path) -> RunDirectory:
    return create_run(home / "runs", "a", Job("train"))


def write(run: RunDirectory, *events: dict[str, Any]) -> None:
    with run.events_path.open("a") as file:
        file.writelines(json.dumps({"v": 1, "t": 1.0, **event}) + "\n" for event in events)


def step(number: int, reward: float) -> dict[str, Any]:
    return {"type": "step", "step": number, "metrics": {"reward": reward, "padding": "x" * 300}}


def test_a_short_run_is_kept_whole(run: RunDirectory) -> None:
    write(run, *(step(n, float(n)) for n in range(1, 301)))
    history = History(run)
    history.poll()
    assert history.series("reward") == [(n, float(n)) for n in range(1, 301)]
    assert history.series("loss") == []


def test_a_clock_that_is_set_back_takes_no_time_away(run: RunDirectory) -> None:
    times = [100.0, 110.0, 50.0, 55.0]
    write(run, *({**step(n, 0.0), "t": t} for n, t in enumerate(times, start=1)))
    history = History(run)
    history.poll()
    assert history.clock() == [(1, 0.0), (2, 10.0), (3, 10.0), (4, 15.0)]


def test_a_long_run_is_thinned_but_for_its_end_and_what_is_no_step(run: RunDirectory) -> None:
    write(run, {"type": "warning", "message": "early"})
    write(run, *(step(n, float(n)) for n in range(1, 20_001)))
    history = History(run, keep=100)
    history.poll()
    points = [number for number, _ in history.series("reward")]
    assert points[-200:] == list(range(19_801, 20_001))
    assert len(points) < 500
    assert points[0] < 500
    assert list(history.warnings) == ["early"]
    write(run, step(20_001, 1.0))
    history.poll()
    assert history.latest["step"] == 20_001


def test_growth_is_bounded(run: RunDirectory) -> None:
    history = History(run, keep=50)
    for block in range(10):
        write(run, *(step(block * 100 + n, 1.0) for n in range(1, 101)))
        history.poll()
    assert len(history.points) <= 300
    assert history.latest["step"] == 1000


def test_a_resume_supersedes_what_came_after(run: RunDirectory) -> None:
    write(run, *(step(n, 0.0) for n in range(1, 11)))
    write(run, {"type": "validation", "step": 10, "task": "a", "metric": "f1", "scores": {"accuracy": 0.1, "f1": 0.2}})
    write(run, {"type": "resume", "step": 5}, step(6, 1.0))
    history = History(run)
    history.poll()
    assert history.series("reward") == [*((n, 0.0) for n in range(1, 6)), (6, 1.0)]
    assert history.scores() == []


def test_what_a_run_that_is_being_resumed_will_do_again_is_gone_at_once(run: RunDirectory) -> None:
    write(run, *(step(n, 0.0) for n in range(1, 11)))
    write(run, {"type": "validation", "step": 4, "task": "a", "scores": {"f1": 0.2}})
    write(run, {"type": "validation", "step": 10, "task": "a", "scores": {"f1": 0.2}})
    history = History(run)
    write_status(run, Status(state="lost", step=10, started=1.0))
    history.poll()
    assert len(history.points) == 10
    write_status(run, Status(state="queued", step=4, started=1.0, heartbeat=time.time()))
    history.poll()
    assert [event["step"] for event in history.steps] == [1, 2, 3, 4]
    assert history.series("reward") == [(n, 0.0) for n in range(1, 5)]
    assert history.scores() == [(4, 0.2)]


def test_the_main_score() -> None:
    assert main_score({"metric": "f1", "scores": {"accuracy": 0.1, "f1": 0.2}}) == 0.2
    assert main_score({"scores": {"accuracy": 0.1}}) == 0.1
    assert main_score({"scores": {}}) is None


def test_tails_begin_at_a_whole_line(tmp_path: Path) -> None:
    path = tmp_path / "samples.jsonl"
    path.write_text("".join(json.dumps({"n": n}) + "\n" for n in range(1000)))
    reader = TailReader(path, tail_bytes=105)
    assert [event["n"] for event in reader.poll()] == list(range(991, 1000))
    with path.open("a") as file:
        file.write('{"n": 1000}\n{"n": 10')
    assert [event["n"] for event in reader.poll()] == [1000]
    assert last_lines(path, 2) == ['{"n": 1000}', '{"n": 10']
    assert last_lines(tmp_path / "none", 2) == []


def test_the_score_of_several_tasks_is_their_mean_where_all_have_one(run: RunDirectory) -> None:
    values = ((0, "a", 0.2), (0, "b", 0.4), (5, "a", 0.6), (5, "b", 1.0), (10, "a", 0.9))
    write(run, *({"type": "validation", "step": n, "task": task, "scores": {"accuracy": v}} for n, task, v in values))
    history = History(run)
    history.poll()
    assert history.mean_scores() == [(0, pytest.approx(0.3)), (5, pytest.approx(0.8))]
    assert history.scores("a") == [(0, 0.2), (5, 0.6), (10, 0.9)]
