"""The rows on disk: `<datasets>/<name>/<split>.jsonl` and one `meta.json` that vouches for them.

A split is written beside the old one and put in its place in one step, under a lock, and the file it replaces stays
as `<split>.previous.jsonl` (then `-2`, and so on). While files are being replaced, `meta.json` accepts the hash of
the old file and of the new, so a process that dies half-way leaves a data set that still reads.
"""

import errno
import hashlib
import json
import os
import shutil
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nlu_rl import paths
from nlu_rl.data.checks import Row, SplitRows
from nlu_rl.data.schema import SCHEMAS, check_split
from nlu_rl.errors import DataError

META_VERSION = 1
LOCK_SECONDS = 60.0


def dataset_folder(name: str) -> Path:
    return paths.datasets_dir() / name


def read_meta(name: str) -> dict[str, Any] | None:
    """Return what is known about the cached data set, or None when nothing is cached.

    Raises:
        DataError: `meta.json` is damaged.
    """
    path = dataset_folder(name) / "meta.json"
    try:
        meta = json.loads(path.read_bytes())
        if not all(map(_is_entry, meta["splits"].values())):
            raise ValueError
    except FileNotFoundError:
        return None
    except OSError as error:
        raise DataError(f"Cannot read {path}: {error.strerror}.", "Make it readable.") from None
    except (ValueError, KeyError, TypeError, AttributeError):
        raise DataError(f"The data set '{name}' is damaged: {path} is not valid.", _mend(name)) from None
    return dict(meta)


def _is_entry(entry: Any) -> bool:
    """Whether a split of `meta.json` is as `_entry` makes it, as far as anything relies on it."""
    kinds = {"rows": int, "sha256": list, "source": str, "labels": dict, "refused": int, "dropped": dict}
    return all(isinstance(entry[key], kind) for key, kind in kinds.items())


def describe(name: str) -> dict[str, Any]:
    """Return what is known about a data set of `SCHEMAS` and what of it is here, for people and programs.

    `splits` is empty when nothing is cached, and `damaged` says what is wrong when `meta.json` cannot be read.
    """
    schema = SCHEMAS[name]
    damaged = ""
    try:
        meta = read_meta(name)
    except DataError as error:
        meta, damaged = None, error.message
    about: dict[str, Any] = {"name": name, "task": schema.task, "licence": schema.licence, "source": schema.source}
    return {**about, "splits": meta["splits"] if meta else {}, "damaged": damaged}


def damaged_splits(name: str) -> dict[str, str]:
    """Return, by split, what is wrong with its file on disk; every byte of it is read."""
    try:
        splits = (read_meta(name) or {"splits": {}})["splits"]
    except DataError:
        return {}  # `describe` tells of it
    found = {}
    for split, entry in splits.items():
        path = dataset_folder(name) / f"{split}.jsonl"
        try:
            with path.open("rb") as file:
                digest = hashlib.file_digest(file, "sha256").hexdigest()
        except OSError as error:
            found[split] = f"{path} cannot be read: {error.strerror}"
            continue
        if digest not in entry["sha256"]:
            found[split] = f"{path} is not what was written"
    return found


def read_rows(name: str, split: str) -> list[Row]:
    """Return the rows of a split: `{"id", "fields", "gold"}` each.

    Raises:
        DataError: the data set or the split is not cached, or its file is damaged; says which command brings it.
    """
    check_split(split)
    path = dataset_folder(name) / f"{split}.jsonl"
    for _ in range(2):  # a writer may replace the file between our reading of meta.json and of the rows
        meta = read_meta(name)
        if meta is None:
            raise DataError(f"The data set '{name}' is not here.", _mend(name))
        entry = meta["splits"].get(split)
        if entry is None:
            here = ", ".join(meta["splits"]) or "none"
            raise DataError(f"The data set '{name}' has no split '{split}' here (it has: {here}).", _mend(name))
        try:
            content = path.read_bytes()
        except OSError as error:
            raise DataError(f"Cannot read {path}: {error.strerror}.", _mend(name)) from None
        if hashlib.sha256(content).hexdigest() in entry["sha256"]:
            return [json.loads(line) for line in content.split(b"\n") if line]
    raise DataError(f"The split '{split}' of '{name}' is damaged: {path} is not what was written.", _mend(name))


def write_splits(name: str, splits: Sequence[SplitRows]) -> None:
    """Put these splits into the cache; other splits of the data set stay. What each has replaced is in its `kept`.

    Raises:
        DataError: a split is empty, the disk is full or not writable, or another process holds the data set.
    """
    for part in splits:
        if not part.rows:
            raise DataError(f"The split '{part.split}' of '{name}' would be empty.", "Nothing was changed.")
    folder = dataset_folder(name)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder):
            _replace_splits(name, folder, splits)
    except OSError as error:
        full = error.errno in (errno.ENOSPC, errno.EDQUOT)
        fix = "Free some space" if full else "Make the folder writable, or set NLU_RL_HOME to one that is"
        raise DataError(f"Cannot write the data set '{name}' to {folder}: {error.strerror}.", f"{fix}.") from None


def _replace_splits(name: str, folder: Path, splits: Sequence[SplitRows]) -> None:
    try:
        meta = read_meta(name) or {}
    except DataError:  # a damaged meta.json is mended by writing it anew
        meta = {}
    entries: dict[str, Any] = dict(meta.get("splits", {}))
    contents: dict[str, bytes] = {}
    before: dict[str, list[str]] = {}
    for part in splits:
        content = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in part.rows).encode()
        target = folder / f"{part.split}.jsonl"
        old = hashlib.sha256(target.read_bytes()).hexdigest() if target.is_file() else None
        entry = _entry(part, content)
        if old != entry["sha256"][0]:
            contents[part.split] = content
            before[part.split] = [old] if old else []
        entries[part.split] = entry
    for split, content in contents.items():
        _write(folder / f"{split}.jsonl.tmp", content)
    during = {key: {**entry, "sha256": [*entry["sha256"], *before.get(key, [])]} for key, entry in entries.items()}
    _write_meta(name, folder, during)
    kept: dict[str, Path] = {}
    for split in contents:
        target = folder / f"{split}.jsonl"
        if target.is_file():
            kept[split] = _free_name(folder, split)
            shutil.copyfile(target, kept[split])
        os.replace(folder / f"{split}.jsonl.tmp", target)
    _write_meta(name, folder, entries)
    for part in splits:
        part.kept = kept.get(part.split)


def _free_name(folder: Path, split: str) -> Path:
    """Return where to keep the rows imported before; what was kept earlier stays."""
    number, path = 1, folder / f"{split}.previous.jsonl"
    while path.exists():
        number += 1
        path = folder / f"{split}.previous-{number}.jsonl"
    return path


def _entry(part: SplitRows, content: bytes) -> dict[str, Any]:
    return {
        "rows": len(part.rows),
        "sha256": [hashlib.sha256(content).hexdigest()],
        "source": part.source,
        "labels": part.labels,
        "refused": len(part.refused),
        "duplicates": part.duplicates,
        "dropped": part.dropped,
    }


def _write_meta(name: str, folder: Path, entries: dict[str, Any]) -> None:
    licence = SCHEMAS[name].licence if name in SCHEMAS else ""
    meta = {"v": META_VERSION, "name": name, "licence": licence, "splits": entries}
    _write(folder / "meta.json.tmp", json.dumps(meta, ensure_ascii=False, indent=1).encode())
    os.replace(folder / "meta.json.tmp", folder / "meta.json")


def _write(path: Path, content: bytes) -> None:
    """Write and reach the disk, or leave nothing."""
    try:
        with path.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
    except OSError:
        path.unlink(missing_ok=True)
        raise


@contextmanager
def _locked(folder: Path) -> Iterator[None]:
    from filelock import FileLock, Timeout

    lock = FileLock(folder / ".lock", timeout=LOCK_SECONDS)
    try:
        lock.acquire()
    except Timeout:
        raise DataError(f"Another process is writing to {folder}.", "Wait for it, or end it, and try again.") from None
    try:
        yield
    finally:
        lock.release()


def _mend(name: str) -> str:
    return SCHEMAS[name].bring if name in SCHEMAS else "Import the data again."
