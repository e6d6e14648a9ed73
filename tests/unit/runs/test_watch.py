"""A watch knows the same of a run whether it looked at every event or came at the end."""

from pathlib import Path

from nlu_rl import paths
from nlu_rl.runs.jobs import Job
from nlu_rl.runs.layout import create_run
from nlu_rl.runs.reporter import Reporter
from nlu_rl.runs.watch import KEPT_STEPS, Watch, eta_seconds


def test_eta_is_the_median_pace_of_the_last_steps() -> None:
    assert eta_seconds([100.0] + [2.0] * 20, 30, 50) == 40.0
    assert eta_seconds([1.0, 9.0, 2.0], 3, 5) == 4.0
    assert eta_seconds([], 0, 5) is None
    assert eta_seconds([1.0], 1, None) is None
    assert eta_seconds([1.0], 7, 5) == 0.0


def test_eta_counts_what_lies_between_steps_but_no_pause(home: Path) -> None:
    run = create_run(paths.runs_dir(), "run", Job("train"))

    def step(number: int, t: float) -> str:
        return f'{{"type": "step", "step": {number}, "t": {t}, "metrics": {{"step_seconds": 2.0}}}}\n'

    lines = [step(1, 2.0), step(2, 4.0), step(3, 16.0)]  # a validation of 10 seconds before step 3
    lines += [
        '{"type": "state", "state": "paused"}\n',
        step(4, 999.0),
        '{"type": "resume", "step": 4}\n',
        step(5, 5000.0),
    ]
    run.events_path.write_text("".join(lines))
    with Reporter(run) as told:
        told.step(5, {"step_seconds": 2.0}, total=7)
        run.events_path.write_text("".join(lines))
        watch = Watch(run)
        watch.poll()
        assert watch.eta_seconds() == 2 * (2.0 + (0.0 + 10.0) / 2)


def test_live_and_late_watches_agree(home: Path) -> None:
    run = create_run(paths.runs_dir(), "run", Job("train"))
    live = Watch(run)
    with Reporter(run) as told:
        told.event("validation", step=0, task="t", scores={"accuracy": 0.3}, parse_rate=1.0, n=5)
        for step in (1, 2, 3):
            told.step(step, {"reward": step, "step_seconds": 0.5}, total=4)
            live.poll()
        told.event("resume", step=1)
        told.warning("careful")
        live.poll()
        assert [event["step"] for event in live.steps] == [1]
        told.step(2, {"reward": 7.0, "step_seconds": 0.5}, total=4)
        told.event("validation", step=2, task="t", scores={"accuracy": 0.9}, parse_rate=1.0, n=5)
        live.poll()
        assert live.eta_seconds() == 1.0
        assert not live.ended
    live.poll()
    late = Watch(run)
    late.poll()
    for watch in (live, late):
        assert [(event["step"], event["metrics"]["reward"]) for event in watch.steps] == [(1, 1), (2, 7.0)]
        assert list(watch.warnings) == ["careful"]
        assert watch.validated["t"]["scores"] == {"accuracy": 0.9}
        assert watch.baselines["t"]["step"] == 0
        assert watch.ended


def test_a_long_run_is_held_in_bounded_memory(home: Path) -> None:
    run = create_run(paths.runs_dir(), "run", Job("train"))
    run.events_path.write_text("".join(f'{{"type": "step", "step": {n}, "metrics": {{}}}}\n' for n in range(5000)))
    watch = Watch(run)
    assert len(watch.poll()) <= KEPT_STEPS
    assert len(watch.steps) == KEPT_STEPS
    assert watch.steps[-1]["step"] == 4999


def test_a_replaced_file_is_taken_anew(home: Path) -> None:
    run = create_run(paths.runs_dir(), "run", Job("train"))
    run.events_path.write_text('{"type": "step", "step": 5, "metrics": {}}\n{"type": "warning", "message": "old"}\n')
    watch = Watch(run)
    watch.poll()
    run.events_path.write_text('{"type": "step", "step": 1, "metrics": {}}\n')
    watch.poll()
    assert [event["step"] for event in watch.steps] == [1]
    assert not watch.warnings
