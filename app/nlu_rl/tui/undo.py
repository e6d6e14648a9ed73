"""The changes of a draft, so that they can be undone one at a time."""

from nlu_rl.tui.draft import Draft


class Undo:
    """The latest is taken back first."""

    def __init__(self) -> None:
        self._changes: list[tuple[str, Draft]] = []

    def note(self, what: str, before: Draft, *, typed: bool = False) -> None:
        """Keep what is about to be changed, and the draft as it is; letters typed into one field are one change."""
        if not (typed and self._changes and self._changes[-1][0] == what):
            self._changes.append((what, before))

    def take(self) -> tuple[str, Draft] | None:
        """Return what was changed last and the draft before; None when nothing was."""
        return self._changes.pop() if self._changes else None

    def forget(self) -> None:
        """Begin anew: the draft is another one."""
        self._changes.clear()
