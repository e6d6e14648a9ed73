"""Keys, clicks and pasted text in the order in which they came, each where the one before it has left the focus.

Textual sends a key to what has the focus as it comes in, while the one before it may still be on its way to the action
that moves the focus: of `/abc` typed quickly the letters would be keys of the list. So a key waits until a mark sent
behind the one before has come back.
"""

import time
from collections import deque
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Any

from textual.events import Key, MouseDown, MouseUp, Paste
from textual.message import Message
from textual.screen import Screen
from textual.widget import Widget

if TYPE_CHECKING:
    from textual.app import App

Given = Key | Paste | MouseDown | MouseUp
LONGEST_SECONDS = 3.0
LOOK_SECONDS = 0.05
"""A mark is lost with the widget that was to pass it on: keys that wait look whether it is still there, and for how
long it has been away."""


class KeyHandled(Message):
    """Goes the way of a key, behind it: from the widget with the focus up to the application.

    `again`: it goes a second time, behind what the key made the widget say, such as that its text is submitted.
    """

    def __init__(self, number: int, target: Widget, *, again: bool) -> None:
        super().__init__()
        self.number, self.target, self.again = number, target, again


class KeyLine:
    """Ask `waits` of all that comes in; `pass_on` is to tell `sent` of the keys that went on to a widget."""

    def __init__(self, app: "App[Any]", pass_on: Callable[[Given], Awaitable[None]]) -> None:
        self._app, self._pass_on = app, pass_on
        self._waiting: deque[Given] = deque()
        self._number = 0
        self._since: float | None = None
        self._screen: Screen[Any] | None = None
        self._target: Widget | None = None

    def waits(self, given: Given) -> bool:
        """Return whether this is to wait, and keep it if so."""
        if not self._waiting:
            if self._is_free:
                return False
            self._app.set_timer(LOOK_SECONDS, self._look)
        self._waiting.append(given)
        return True

    @property
    def _is_free(self) -> bool:
        """Whether no mark is under way that may still come back."""
        if self._since is None or self._target is None:
            return True
        return not self._target.is_attached or time.monotonic() - self._since >= LONGEST_SECONDS

    def sent(self, screen: Screen[Any], target: Widget) -> None:
        """A key has gone to this widget, which had the focus, or to the screen."""
        self._since, self._screen, self._target = time.monotonic(), screen, target
        self._number += 1
        target.post_message(KeyHandled(self._number, target, again=True))

    def handled(self, message: KeyHandled) -> None:
        """The key has done what it does; what it has asked to be done later comes before the next one."""
        if message.number != self._number:
            return
        if message.again and message.target.is_attached:
            message.target.post_message(KeyHandled(self._number, message.target, again=False))
        elif self._app.screen is self._screen:
            self._app.call_later(self._next, message.number)
        else:  # a screen that has just come has the focus nowhere yet
            self._app.screen.call_after_refresh(self._app.call_later, self._next, message.number)

    async def _look(self) -> None:
        if self._is_free:
            await self._next(self._number)
        if self._waiting:
            self._app.set_timer(LOOK_SECONDS, self._look)

    async def _next(self, number: int) -> None:
        """Pass on the keys that wait behind that one, up to the first that goes to a widget; none if it is not last."""
        if number != self._number:
            return
        self._since = None
        while self._waiting and self._since is None:
            await self._pass_on(self._waiting.popleft())
