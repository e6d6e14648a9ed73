"""The draft of a new run on the disk, at every moment as it is in the wizard: what ends the interface costs no draft.

Two interfaces that are open at once keep one each: a wizard holds the first that no other does, and the system gives it
back when its process dies.
"""

import contextlib
import json
from pathlib import Path

from filelock import FileLock, Timeout

from nlu_rl import paths
from nlu_rl.errors import RecipeError
from nlu_rl.recipe import load_recipe, parse_recipe
from nlu_rl.runs.files import disk_error, write_json
from nlu_rl.tui.draft import Draft, first_draft

MOST_WIZARDS = 16


class KeptDraft:
    """Held from construction until `release`; on a disk that refuses, the first one, which others may hold as well."""

    def __init__(self) -> None:
        self._lock: FileLock | None = None
        self._number = 1
        self.refused: dict[str, str] = {}
        """What stands in fields of the draft and is no value of theirs, by their keys; `draft` reads it."""
        for number in range(1, MOST_WIZARDS + 1):
            lock = FileLock(paths.runs_dir() / f".draft-{number}.lock")
            try:
                paths.runs_dir().mkdir(parents=True, exist_ok=True)
                lock.acquire(blocking=False)
            except Timeout:
                continue
            except (OSError, NotImplementedError):  # it cannot be written, or its file system knows no locks
                return
            self._lock, self._number = lock, number
            return

    def release(self) -> None:
        """Let another wizard have it; what is kept stays."""
        if self._lock is not None:
            self._lock.release()

    def draft(self) -> Draft | None:
        """Return the draft that was kept; None when there is none that can still be used."""
        try:
            data = json.loads(self._path.read_text(encoding="utf-8"))
            path = Path(data["path"])
            load_recipe(path)  # what the overrides are counted from
            draft = Draft(path, parse_recipe(data["recipe"]))
            self.refused = {str(key): str(text) for key, text in dict(data.get("refused", {})).items()}
            return draft
        except (OSError, ValueError, KeyError, TypeError, RecipeError):
            return None

    def keep(self, draft: Draft) -> None:
        """Keep a draft and what is `refused`, if not what every wizard begins with.

        Raises:
            RunError: the disk refuses.
        """
        if draft == first_draft() and not self.refused:
            self.forget()
            return
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            kept = {"path": str(draft.path), "recipe": draft.recipe.to_yaml(), "refused": self.refused}
            write_json(self._path, kept)
        except OSError as error:
            raise disk_error(error, "keep the draft") from None

    def forget(self) -> None:
        """Drop the draft, and the text of it that was being written."""
        self.forget_text()
        with contextlib.suppress(OSError):  # a stale draft is offered once more, and can be undone
            self._path.unlink(missing_ok=True)

    def text(self) -> str | None:
        """Return the text that was being written when its editor was lost; None when there is none."""
        try:
            return str(json.loads(self._text_path.read_text(encoding="utf-8")))
        except (OSError, ValueError):
            return None

    def keep_text(self, text: str) -> None:
        """Keep the text of a recipe that is being written, whether it is one yet; a refusing disk is left alone."""
        with contextlib.suppress(OSError):
            self._text_path.parent.mkdir(parents=True, exist_ok=True)
            write_json(self._text_path, text)

    def forget_text(self) -> None:
        with contextlib.suppress(OSError):
            self._text_path.unlink(missing_ok=True)

    @property
    def _path(self) -> Path:
        return paths.runs_dir() / f".draft-{self._number}.json"

    @property
    def _text_path(self) -> Path:
        return paths.runs_dir() / f".draft-{self._number}-text.json"
