"""The rows of a user's own task, straight from the user's files: nothing is copied, so a corrected file counts at once.

Without a validation file a tenth of the training texts is held out, of each label where there are labels. Which ones
follows from a hash of their text, so a row's split does not depend on its place, and a text and its copies cannot lie
in both.
"""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from nlu_rl.data.checks import SplitRows, text_key
from nlu_rl.data.files import read_file
from nlu_rl.data.row_schema import Schema
from nlu_rl.errors import DataError

Stamp = tuple[int, int]
HELD_OUT = 0.1
"""Share of the different training texts in validation, where that has no file."""
FREQUENT = 4
"""Texts of a label of which one is held out whatever the share."""


@dataclass(frozen=True)
class OwnData:
    """The files of a task by split, and the column of each field and of `label`."""

    schema: Schema
    files: Mapping[str, Path]
    columns: Mapping[str, str]
    _read: dict[tuple[str, Stamp], SplitRows] = field(default_factory=dict, compare=False)

    @property
    def _holds_out(self) -> bool:
        return "train" in self.files and "validation" not in self.files

    def splits(self) -> list[str]:
        """Return the splits there are."""
        held_out = "train" in self.files and "validation" not in self.files
        return [
            split
            for split in ("train", "validation", "test")
            if split in self.files or (split == "validation" and held_out)
        ]

    def read(self, split: str) -> SplitRows:
        """Return the rows of a split.

        Raises:
            DataError: no such split, or a file that cannot be used.
        """
        if split not in self.splits():
            raise DataError(
                f"The task {self.schema.task} has no split '{split}' (it has: {', '.join(self.splits()) or 'none'}).",
                f"Name a file for it in the task's YAML file: '{split}: FILE'.",
            )
        name = "train" if split == "validation" and self._holds_out else split
        stamp = self._stamp(name)
        if (split, stamp) not in self._read:
            for stale in [key for key in self._read if key[0] == split]:
                del self._read[stale]
            self._read.update({(part.split, stamp): part for part in self._parts(name)})
        return self._read[split, stamp]

    def _stamp(self, split: str) -> Stamp:
        """Return what changes when the file does."""
        path = self.files[split]
        try:
            stat = path.stat()
        except OSError as error:
            raise DataError(f"Cannot read {path}: {error.strerror}.", f"Correct '{split}' in the task file.") from None
        return stat.st_mtime_ns, stat.st_size

    def _parts(self, split: str) -> list[SplitRows]:
        """Read the file of a split; of the training file, also the rows that are held out of it."""
        labels = "optional" if split == "test" else "required"
        whole = read_file(self.schema, self.files[split], split=split, columns=self._columns(split), labels=labels)  # type: ignore[arg-type]
        if split != "train" or not self._holds_out:
            return [whole]
        keys = [text_key(row["fields"]) for row in whole.rows]
        answer_of: dict[str, str] = {}
        for key, row in zip(keys, whole.rows, strict=True):
            answer_of.setdefault(key, str(row["gold"]) if self.schema.answers else "")
        chosen = _held_out(answer_of)
        pairs = list(zip(keys, whole.rows, strict=True))
        train = [row for key, row in pairs if key not in chosen]
        held_out = [row for key, row in pairs if key in chosen]
        return [
            SplitRows(self.schema, "train", whole.source, train, whole.refused),
            SplitRows(self.schema, "validation", whole.source, held_out),
        ]

    def _columns(self, split: str) -> dict[str, str]:
        """Return the columns to insist on; a test file may lack labels."""
        return {name: column for name, column in self.columns.items() if name != "label" or split != "test"}


def _held_out(answer_of: Mapping[str, str]) -> set[str]:
    """Return the text keys that are validation, of those in `answer_of`.

    Every label gives its share, those with the smallest hashes: one at least of `FREQUENT`, so that a rare label is
    evaluated too. What rounding leaves of the share of all is taken from frequent labels.
    """
    ordered = sorted(answer_of, key=lambda key: hashlib.sha256(key.encode("utf-8", "surrogatepass")).digest())
    of_label: dict[str, list[str]] = {}
    for key in ordered:
        of_label.setdefault(answer_of[key], []).append(key)
    chosen: set[str] = set()
    for group in of_label.values():
        chosen.update(group[: max(int(HELD_OUT * len(group)), int(len(group) >= FREQUENT))])
    wanted = max(round(HELD_OUT * len(ordered)), min(1, len(ordered) - 1))
    spare = [key for key in ordered if key not in chosen]
    frequent = [key for key in spare if len(of_label[answer_of[key]]) >= FREQUENT]
    return chosen.union((frequent or spare)[: max(wanted - len(chosen), 0)])
