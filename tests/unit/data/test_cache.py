"""The cache: whole or unchanged, damage is noticed, two writers do not clash."""

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from nlu_rl.data import cache
from nlu_rl.data.cache import dataset_folder, describe, read_meta
from nlu_rl.data.checks import SplitRows
from nlu_rl.data.schema import get_schema
from nlu_rl.errors import DataError

SST2 = "glue/sst2"


def rows(*texts: str, split: str = "train") -> SplitRows:
    made: list[dict[str, Any]] = [
        {"id": f"{split}-{i}", "fields": {"sentence": text}, "gold": "positive"} for i, text in enumerate(texts)
    ]
    return SplitRows(get_schema("sst2"), split, "a test", made)


def texts(split: str = "train") -> list[str]:
    return [row["fields"]["sentence"] for row in cache.read_rows(SST2, split)]


def test_rows_come_back_as_written(home: Path) -> None:
    strange = ["ünïcode", 'q"uote', "a\rb", "\u2028", "tab\tand\nline"]
    cache.write_splits(SST2, [rows(*strange)])
    assert texts() == strange


def test_the_replaced_split_is_kept_beside(home: Path) -> None:
    cache.write_splits(SST2, [rows("old")])
    cache.write_splits(SST2, [rows("new")])
    assert texts() == ["new"]
    assert "old" in (cache.dataset_folder(SST2) / "train.previous.jsonl").read_text()
    cache.write_splits(SST2, [rows("new")])
    assert "old" in (cache.dataset_folder(SST2) / "train.previous.jsonl").read_text()


def test_an_empty_split_is_refused(home: Path) -> None:
    cache.write_splits(SST2, [rows("old")])
    with pytest.raises(DataError, match="empty"):
        cache.write_splits(SST2, [rows("new"), rows(split="validation")])
    assert texts() == ["old"]


@pytest.mark.parametrize("damage", ["cut", "changed", "gone", "meta"])
def test_damage_is_noticed_and_the_mending_command_named(home: Path, damage: str) -> None:
    cache.write_splits(SST2, [rows("one", "two")])
    path = cache.dataset_folder(SST2) / "train.jsonl"
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-9])
    elif damage == "changed":
        path.write_text(path.read_text().replace("two", "2wo"))
    elif damage == "gone":
        path.unlink()
    else:
        (path.parent / "meta.json").write_text("{")
    with pytest.raises(DataError) as caught:
        cache.read_rows(SST2, "train")
    assert "nlu-rl data import glue DIR" in caught.value.fix
    cache.write_splits(SST2, [rows("mended")])
    assert texts() == ["mended"]


def test_what_is_missing_is_named(home: Path) -> None:
    with pytest.raises(DataError, match="is not here"):
        cache.read_rows(SST2, "train")
    cache.write_splits(SST2, [rows("one")])
    with pytest.raises(DataError, match=r"no split 'test' here \(it has: train\)"):
        cache.read_rows(SST2, "test")
    with pytest.raises(DataError, match="Did you mean 'train'"):
        cache.read_rows(SST2, "trian")


@pytest.mark.parametrize("dies_at", range(1, 6))
def test_a_writer_that_dies_leaves_readable_rows(home: Path, monkeypatch: pytest.MonkeyPatch, dies_at: int) -> None:
    cache.write_splits(SST2, [rows("old"), rows("old", split="validation")])
    real, calls = os.replace, 0

    def replace(source: Any, target: Any) -> None:
        nonlocal calls
        calls += 1
        if calls == dies_at:
            raise KeyboardInterrupt
        real(source, target)

    with monkeypatch.context() as patch:  # not undo(): that would lead the next lines out of the test's home
        patch.setattr(cache.os, "replace", replace)
        try:
            cache.write_splits(SST2, [rows("new"), rows("new", split="validation")])
        except KeyboardInterrupt:
            assert dies_at <= 4
    for split in ("train", "validation"):
        assert texts(split) in (["old"], ["new"])
    cache.write_splits(SST2, [rows("newer")])
    assert texts() == ["newer"]


def test_a_full_disk_is_said_and_changes_nothing(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    cache.write_splits(SST2, [rows("old")])

    def full(_: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(cache.os, "fsync", full)
    with pytest.raises(DataError, match="No space left") as caught:
        cache.write_splits(SST2, [rows("new")])
    assert "Free some space" in caught.value.fix
    assert texts() == ["old"]
    assert not list(cache.dataset_folder(SST2).glob("*.tmp"))


def test_a_held_lock_is_an_error_in_the_end(home: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from filelock import FileLock

    cache.write_splits(SST2, [rows("old")])
    monkeypatch.setattr(cache, "LOCK_SECONDS", 0.05)
    with (
        FileLock(cache.dataset_folder(SST2) / ".lock"),
        pytest.raises(DataError, match="Another process"),
    ):
        cache.write_splits(SST2, [rows("new")])


WRITER = """
import sys
from nlu_rl.data import cache
from nlu_rl.data.cache import dataset_folder, describe, read_meta
from nlu_rl.data.checks import SplitRows
from nlu_rl.data.schema import get_schema

text = f"writer {sys.argv[1]}"
made = [{"id": f"train-{i}", "fields": {"sentence": text}, "gold": "positive"} for i in range(50)]
for _ in range(5):
    cache.write_splits("glue/sst2", [SplitRows(get_schema("sst2"), "train", "a test", made)])
"""


def test_writers_and_readers_at_once(home: Path) -> None:
    cache.write_splits(SST2, [rows(*["writer 0"] * 50)])
    writers = [subprocess.Popen([sys.executable, "-c", WRITER, str(number)]) for number in (1, 2)]
    seen = set()
    while any(writer.poll() is None for writer in writers):
        found = set(texts())
        assert len(found) == 1
        seen |= found
    assert [writer.returncode for writer in writers] == [0, 0]
    assert seen <= {"writer 0", "writer 1", "writer 2"}
    assert texts()[0] in {"writer 1", "writer 2"}


def test_no_generation_of_imported_rows_is_ever_lost(home: Path) -> None:
    for text in ("first", "second", "third"):
        cache.write_splits(SST2, [rows(text)])
    kept = sorted(cache.dataset_folder(SST2).glob("train.previous*.jsonl"))
    assert len(kept) == 2
    assert {"first" in path.read_text() for path in kept} == {True, False}


def test_a_damaged_split_is_found(home: Path) -> None:
    schema = get_schema("sst2")
    rows = [{"id": "1", "fields": {"sentence": "good"}, "gold": "positive"}]
    cache.write_splits(
        schema.name, [SplitRows(schema, split, "a test", rows) for split in ("train", "validation", "test")]
    )
    assert cache.damaged_splits(schema.name) == {}
    folder = cache.dataset_folder(schema.name)
    (folder / "train.jsonl").write_bytes((folder / "train.jsonl").read_bytes().replace(b"good", b"gold"))
    (folder / "test.jsonl").unlink()
    found = cache.damaged_splits(schema.name)
    assert found.keys() == {"train", "test"}
    assert "not what was written" in found["train"]
    assert "cannot be read" in found["test"]
    assert cache.damaged_splits("glue/cola") == {}


@pytest.mark.parametrize("split", [None, [], {"rows": 3}, {"rows": "3", "sha256": []}])
def test_a_split_that_is_no_entry_is_damage(home: Path, split: object) -> None:
    folder = dataset_folder("glue/cola")
    folder.mkdir(parents=True)
    (folder / "meta.json").write_text(json.dumps({"v": 1, "name": "glue/cola", "splits": {"train": split}}))
    with pytest.raises(DataError, match="is damaged"):
        read_meta("glue/cola")
    assert "is damaged" in describe("glue/cola")["damaged"]
