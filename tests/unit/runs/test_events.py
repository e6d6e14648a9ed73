"""Events survive crashes of the writer, garbage in the file, full disks, and any reader's pace."""

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from nlu_rl.errors import RunError
from nlu_rl.runs import events
from nlu_rl.runs.events import EventReader, EventWriter, merged_steps, read_events


def step(number: int, **metrics: float) -> dict[str, Any]:
    return {"type": "step", "step": number, "metrics": metrics}


def test_a_line_is_versioned_json(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    EventWriter(path).write(step(1, reward=0.5))
    line = json.loads(path.read_text())
    assert line["v"] == 1
    assert line["t"] > 1e9
    assert line["metrics"] == {"reward": 0.5}


def test_a_number_that_is_not_finite_becomes_null_and_a_warning(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    EventWriter(path).write({"type": "step", "step": 3, "metrics": {"loss": float("nan"), "kl": float("-inf"), "r": 1}})
    written, warning = read_events(path)
    assert written["metrics"] == {"loss": None, "kl": None, "r": 1}
    assert warning["type"] == "warning"
    assert "step 3: loss, kl" in warning["message"]
    assert "NaN" not in path.read_text()


def test_array_scalars_are_numbers(tmp_path: Path) -> None:
    import numpy as np

    path = tmp_path / "events.jsonl"
    EventWriter(path).write({"type": "step", "step": 1, "metrics": {"a": np.float32(0.5), "b": np.float64("nan")}})
    written, warning = read_events(path)
    assert written["metrics"] == {"a": 0.5, "b": None}
    assert warning["type"] == "warning"


def test_a_truncated_last_line_waits_and_a_new_writer_sets_it_apart(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    writer, reader = EventWriter(path), EventReader(path)
    writer.write(step(1))
    with path.open("a") as file:
        file.write('{"type": "step", "st')  # killed here
    assert [event["step"] for event in reader.poll()] == [1]
    assert reader.poll() == []
    EventWriter(path).write(step(2))
    assert [event["step"] for event in reader.poll()] == [2]
    assert reader.skipped == 1


def test_garbage_is_skipped_and_counted(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_bytes(b'\xff\xfe\x00\n[1]\n"x"\n\n{"a": 1}\n' + b"[" * 100_000 + b"\n" + b'{"b": 2}\n')
    reader = EventReader(path)
    assert reader.poll() == [{"a": 1}, {"b": 2}]
    assert reader.skipped == 4


@settings(deadline=None)  # a busy machine is no fault
@given(st.lists(st.integers(0, 60), max_size=20))
def test_any_pace_of_reading_gives_the_same_events(tmp_path_factory: pytest.TempPathFactory, cuts: list[int]) -> None:
    path = tmp_path_factory.mktemp("pace") / "events.jsonl"
    content = b"".join(json.dumps({"step": n, "text": "é" * n}).encode() + b"\n" for n in range(6))
    reader, found, at = EventReader(path), [], 0
    for cut in [*cuts, len(content)]:
        with path.open("ab") as file:
            file.write(content[at : at + cut])
        at = min(at + cut, len(content))
        found += reader.poll()
    assert [event["step"] for event in found] == list(range(6))
    assert reader.skipped == 0


def test_a_replaced_or_shortened_file_is_read_anew(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    path.write_text('{"step": 1}\n{"step": 2}\n')
    reader = EventReader(path)
    assert len(reader.poll()) == 2
    (tmp_path / "other").write_text('{"step": 7}\n{"step": 8}\n{"step": 9}\n')
    os.replace(tmp_path / "other", path)
    assert [event["step"] for event in reader.poll()] == [7, 8, 9]
    path.write_text('{"step": 1}\n')
    assert [event["step"] for event in reader.poll()] == [1]
    assert reader.replaced == 2


def test_memory_is_bounded_and_an_endless_line_is_skipped(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(events, "POLL_BYTES", 100)
    path = tmp_path / "events.jsonl"
    path.write_text('{"a": 1}\n' + '{"x": "' + "y" * 500 + '"}\n' + '{"b": 2}\n')
    reader, found = EventReader(path), []
    for _ in range(10):
        found += reader.poll()
    assert found == [{"a": 1}, {"b": 2}]
    assert reader.skipped == 1


def test_a_missing_file_has_no_events(tmp_path: Path) -> None:
    assert EventReader(tmp_path / "none").poll() == []


def test_a_full_disk_is_an_error_with_a_fix(tmp_path: Path, full_disk: Callable[[], None]) -> None:
    full_disk()
    with pytest.raises(RunError, match="No space left") as caught:
        EventWriter(tmp_path / "events.jsonl").write(step(1))
    assert caught.value.fix


def test_what_a_full_disk_cut_off_is_taken_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "events.jsonl"
    EventWriter(path).write(step(1))
    before, real, calls = path.read_bytes(), os.write, []

    def half_then_full(file: int, data: bytes) -> int:
        calls.append(1)
        if len(calls) > 1:
            raise OSError(28, "No space left on device")
        return real(file, data[:5])

    monkeypatch.setattr(os, "write", half_then_full)
    with pytest.raises(RunError, match="No space left"):
        EventWriter(path).write(step(2))
    assert path.read_bytes() == before


def test_resume_supersedes_the_steps_after_it() -> None:
    history = [step(1), step(2), step(3), {"type": "resume", "step": 1}, step(2, reward=9.0), step(3)]
    merged = merged_steps(history)
    assert [event["step"] for event in merged] == [1, 2, 3]
    assert merged[1]["metrics"] == {"reward": 9.0}
    assert [e["step"] for e in merged_steps([step(1), step(2), {"type": "resume", "step": 0}])] == []
    assert [e["step"] for e in merged_steps([step(1), step(2), step(2), step(3), {"type": "x"}])] == [1, 2, 3]
