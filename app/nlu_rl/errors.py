"""The errors a user sees: what happened and why, and what to do about it.

`NluRlError` is the user's to mend (exit 2); `InternalError` is ours (exit 1). The CLI prints both as one short panel
without a traceback; the worker writes them to `status.json`.
"""

from collections.abc import Iterable, Sequence
from difflib import SequenceMatcher, get_close_matches

_MOST_ALIKE = 3
_ALIKE = 0.02


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


def unknown_name(kind: str, name: str, known: Iterable[str], meant: Sequence[str] = ()) -> str:
    """Return a sentence that refuses `name`, with the nearest known name (or those that are `meant`) and all known."""
    names = list(known)
    hint = _question(meant) if meant else did_you_mean(name, names)
    return f"Unknown {kind} '{name}'.{hint} Known: {', '.join(sorted(names))}."


def did_you_mean(name: str, known: Sequence[str]) -> str:
    """Return " Did you mean 'x'?" with the nearest known names, those alike in the order given; empty without one.

    Dotted names are told apart by what follows the section they share.
    """
    shared = name.rpartition(".")[0] + "."
    start = len(shared) if all(one.startswith(shared) for one in known) else 0
    endings = {one[start:].casefold(): one for one in known}
    name = name[start:].casefold()
    best = [one for one in endings if name and one.startswith(name)][:_MOST_ALIKE]
    if not best:
        near = get_close_matches(name, endings, n=_MOST_ALIKE)
        best = [one for one in endings if one in near and _likeness(name, one) >= _likeness(name, near[0]) - _ALIKE]
    return _question([endings[one] for one in best])


def _question(names: Sequence[str]) -> str:
    return f" Did you mean {' or '.join(repr(name) for name in names)}?" if names else ""


def _likeness(a: str, b: str) -> float:
    return SequenceMatcher(None, b, a).ratio()
