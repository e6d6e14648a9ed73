"""The runs, read while the interface itself is still being loaded, so that its first frame shows them."""

from contextlib import suppress
from threading import Thread

from nlu_rl.runs.overview import Overview, Overviews


class FirstLook(Thread):
    """Reads the runs once, from its making on; not where they are not `wanted`, for another screen is opened first.

    What goes wrong is told by the next reading.
    """

    def __init__(self, *, wanted: bool = True) -> None:
        super().__init__(daemon=True)
        self.overviews = Overviews()
        self.wanted = wanted
        self._found: list[Overview] | None = None
        if wanted:
            self.start()

    def run(self) -> None:
        with suppress(Exception):
            self._found = self.overviews.poll()

    @property
    def found(self) -> list[Overview] | None:
        """The runs; None while they are being read and when that failed."""
        return None if self.is_alive() else self._found

    def poll(self) -> list[Overview]:
        """Read what has changed, after the first reading. May wait: call it in a thread."""
        if self.wanted:
            self.join()
        return self.overviews.poll()
