"""The errors a user sees: what happened and why, and what to do about it.

`NluRlError` is the user's to mend (exit 2); `InternalError` is ours (exit 1). The CLI prints both as one short panel
without a traceback; the worker writes them to `status.json`.
"""

from collections.abc import Iterable
from difflib import get_close_matches


class NluRlError(Exception):
    """Something the user can put right.

    `message` says what happened and why, `fix` what to do; both are complete sentences.
    """

    exit_code = 2

    def __init__(self, message: str, fix: str = "") -> None:
        super().__init__(message)
        self.message = message
        self.fix = fix

    def __str__(self) -> str:
        return f"{self.message} {self.fix}".strip()


class InternalError(NluRlError):
    """A promise of this program that does not hold, such as an export that differs from its adapter."""

    exit_code = 1


class RecipeError(NluRlError):
    """A recipe, or an override of one, that does not describe a run."""


class DataError(NluRlError):
    """A file or row of data that cannot be used."""


class ModelError(NluRlError):
    """A model that is missing, incomplete or damaged."""


class RunError(NluRlError):
    """A run directory that is missing, someone else's, or in the wrong state for what was asked."""


def unknown_name(kind: str, name: str, known: Iterable[str]) -> str:
    """Return a sentence that refuses `name`, with the nearest known name and the whole list."""
    names = sorted(known)
    near = get_close_matches(name, names, n=1)
    hint = f" Did you mean '{near[0]}'?" if near else ""
    return f"Unknown {kind} '{name}'.{hint} Known: {', '.join(names)}."
