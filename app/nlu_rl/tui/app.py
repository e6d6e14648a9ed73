"""The application: one theme, one key table, one place where errors become dialogs.

An exception in a handler does not end the program: it is written to a file and shown, and the screen lives on. Textual
would end at the first one, so its (private) hook for that is overridden; the version is pinned.
"""

import os
import time
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from textual.actions import parse
from textual.app import App, SystemCommand
from textual.binding import Binding
from textual.dom import DOMNode
from textual.events import Event, Paste
from textual.events import Key as KeyEvent
from textual.filter import LineFilter
from textual.message import Message
from textual.screen import Screen

from nlu_rl.errors import InternalError, NluRlError, unknown_name
from nlu_rl.tui import READ_ONLY, keys
from nlu_rl.tui.ascii import AsciiFilter
from nlu_rl.tui.colourless import Colourless
from nlu_rl.tui.controls import WithoutControls
from nlu_rl.tui.drawing import draw_no_more, failed_widget
from nlu_rl.tui.first_look import FirstLook
from nlu_rl.tui.key_line import Given, KeyHandled, KeyLine
from nlu_rl.tui.keys import Key
from nlu_rl.tui.settings import Settings, SettingsError, default_settings, read_settings
from nlu_rl.tui.terminal import leave_with_terminal
from nlu_rl.tui.theme import THEME, THEMES

_MANY, _WINDOW_SECONDS = 8, 5.0


class NluApp(App[None]):
    """Opens the runs, or `run` in its monitor. `strict` raises what would become a dialog: for tests."""

    TITLE = "nlu-rl"
    ENABLE_COMMAND_PALETTE = True
    HORIZONTAL_BREAKPOINTS = [(0, "-narrow"), (110, "-wide")]  # noqa: RUF012 - as Textual declares it
    VERTICAL_BREAKPOINTS = [(0, "-short"), (32, "-tall")]  # noqa: RUF012
    CSS = """
    Screen { layers: base over; }
    ModalScreen { align: center middle; background: $background 60%; }
    .box { border: round $border; border-title-color: $primary; border-subtitle-color: $text-muted; padding: 0 1; }
    .box:focus-within { border: round $primary; }
    .title { color: $primary; text-style: bold; }
    .dim { color: $text-muted; }
    .field { width: 24; height: 1; border: none; padding: 0 1; background: $panel; }
    .field:focus { background: $primary 30%; }
    """

    def __init__(self, run: str | None = None, *, first_look: FirstLook | None = None, strict: bool = False) -> None:
        super().__init__()
        self._first_run = run
        self._first_look = first_look
        self._strict = strict
        self._faults: deque[float] = deque(maxlen=_MANY)
        self._problem: NluRlError | None = None
        self._colourless, self._controls = Colourless(self), WithoutControls()
        self._key_line = KeyLine(self, self._pass_on)
        self._settings = self._read_settings()
        self.set_keymap(self._settings.keymap)
        self._bindings.key_to_bindings.pop(self.COMMAND_PALETTE_BINDING)  # each screen has it, from the table of keys
        for theme in THEMES:
            self.register_theme(theme)
        self._begin_in(self._chosen_theme())

    def get_default_screen(self) -> Screen[Any]:
        from nlu_rl.tui.screens.home import HomeScreen

        home = HomeScreen(self._first_look or FirstLook(wanted=self._first_run is None))
        self._load_screen_css(home)  # Textual does so for every screen but the first
        return home

    def on_load(self) -> None:
        leave_with_terminal(self)

    def on_mount(self) -> None:
        if self._first_run is not None:
            from nlu_rl.runs.layout import open_run
            from nlu_rl.tui.screens.monitor import MonitorScreen

            self.push_screen(MonitorScreen(open_run(self._first_run)))
        if self._problem is not None:
            self.show_error(self._problem)

    def on_resize(self) -> None:
        """Paint everything, also where the size ends as it was: so terminals ask for it that are attached again."""
        self.screen.refresh()

    async def run_action(
        self,
        action: str | tuple[str, str, tuple[object, ...]],
        default_namespace: DOMNode | None = None,
        namespaces: Mapping[str, DOMNode] | None = None,
    ) -> bool:
        """Run an action, from a key, a click or the palette; who only looks on is told that it is none of theirs."""
        name = parse(action)[1] if isinstance(action, str) else action[1]
        if self.read_only and keys.changes(getattr(self.screen, "KEYS_NAME", ""), name):
            self.notify("This page only looks on: it was opened with --read-only.", timeout=4)
            return True
        return await super().run_action(action, default_namespace, namespaces)

    @property
    def read_only(self) -> bool:
        """Whether nothing may be started, changed or removed here."""
        return bool(os.environ.get(READ_ONLY))

    @property
    def ascii(self) -> bool:
        """Whether the terminal shows nothing else."""
        return self._settings.ascii

    def get_line_filters(self) -> Sequence[LineFilter]:
        filters = [self._colourless] if self.no_color else super().get_line_filters()
        return [*filters, *([AsciiFilter()] if self.ascii else []), self._controls]

    def get_key_display(self, binding: Binding) -> str:
        return keys.written(binding.key, plain=self.ascii)

    def keys_of(self, screen: str) -> list[Key]:
        """Return the keys of a screen as the user has them."""
        found = []
        for key in keys.keys_of(screen):
            names = self._settings.keymap.get(f"{screen}.{key.name}", key.key).split(",")
            if self.read_only and key.changes:
                continue
            found.append(key._replace(key=names[0], shown=" ".join(keys.written(n, plain=self.ascii) for n in names)))
        return found

    def _read_settings(self) -> Settings:
        try:
            return read_settings()
        except SettingsError as error:
            self._problem = error
            return default_settings()

    def _chosen_theme(self) -> str:
        wanted = os.environ.get("NLU_RL_THEME") or self._settings.theme or THEME.name
        if wanted in self.available_themes:
            return wanted
        known = unknown_name("theme", wanted, self.available_themes)
        self._problem = self._problem or SettingsError(known, "Name another in tui.yaml or NLU_RL_THEME.")
        return THEME.name

    def _begin_in(self, theme: str) -> None:
        """Take a theme before anything is styled; a change later on parses every style sheet again.

        This does what else Textual does at a change.
        """
        self.set_reactive(App.theme, theme)
        dark = self.current_theme.dark
        self.update_classes({"-dark-mode": dark, "-light-mode": not dark, f"-theme-{theme}": True}, update=False)
        self._refresh_truecolor_filter(self.ansi_theme)
        self.stylesheet.set_variables(self.get_css_variables())

    async def on_event(self, event: Event) -> None:
        """Pass keys, and what is clicked and pasted between them, on one at a time; see `nlu_rl.tui.key_line`."""
        if not isinstance(event, Given) or event.is_forwarded:
            await super().on_event(event)
        elif not self._key_line.waits(event):
            await self._pass_on(event)

    async def _pass_on(self, given: Given) -> None:
        screen, target = self.screen, self.focused or self.screen
        await super().on_event(given)
        if given.is_forwarded and isinstance(given, KeyEvent | Paste):
            self._key_line.sent(screen, target)

    def on_key_handled(self, message: KeyHandled) -> None:
        self._key_line.handled(message)

    async def _dispatch_message(self, message: Message) -> None:
        try:
            await super()._dispatch_message(message)
        except Exception as error:  # noqa: BLE001 - keys act from here; the application outlives what goes wrong
            self.show_error(error)

    def get_system_commands(self, screen: Screen[Any]) -> Iterable[SystemCommand]:
        """Offer every action of the screen once, from the same table as footer and help."""
        name = getattr(screen, "KEYS_NAME", None)
        actions = {key.action: key for key in keys.keys_of(name)} if name else {}
        for key in actions.values():
            if self.read_only and key.changes:
                continue
            if not key.action.startswith(("show_panel", "step(", "command_palette")):
                yield SystemCommand(key.label or key.title, key.about, lambda action=key.action: self._do(action))
        yield SystemCommand("Theme", "Change the colours", self.action_change_theme)

    def _do(self, action: str) -> None:
        self.call_later(self.run_action, action, self.screen)

    def show_error(self, error: BaseException) -> None:
        """Show an error as a dialog: the user's with its fix, any other with the file its traceback is in."""
        from nlu_rl.tui.screens.dialogs import ProblemDialog

        if not isinstance(error, NluRlError):
            if self._strict and isinstance(error, Exception):
                super()._handle_exception(error)
                return
            if (widget := failed_widget(error)) is not None:
                draw_no_more(widget)
            if isinstance(self.screen, ProblemDialog) and self.screen.error.message == _unexpected(error):
                return
            error = self._kept(error)
        self.push_screen(ProblemDialog(error))

    def _handle_exception(self, error: Exception) -> None:
        if failed_widget(error) is None:  # a widget fails once
            self._faults.append(time.monotonic())
        storm = len(self._faults) == _MANY and self._faults[-1] - self._faults[0] < _WINDOW_SECONDS
        if storm or not self.is_running or not self.screen_stack:
            super()._handle_exception(error)
        else:
            self.show_error(error)

    def _kept(self, error: BaseException) -> NluRlError:
        """Return the error to show for one that nobody expected; its traceback is in a file."""
        from nlu_rl.cli.main import save_traceback

        return InternalError(
            _unexpected(error),
            f"No run is touched by it. Please report it with {save_traceback(error)}.",
        )

    async def action_quit(self) -> None:
        """Leave as the screen does: Textual's own ctrl+q goes before the screen's, and would not ask."""
        from nlu_rl.tui.screens.base import BaseScreen
        from nlu_rl.tui.screens.dialogs import ChoiceDialog

        if not isinstance(self.screen, ChoiceDialog):
            asked = next((screen for screen in reversed(self.screen_stack) if isinstance(screen, BaseScreen)), None)
            if asked is None:
                self.exit()
            else:
                asked.action_leave()

    def action_help_quit(self) -> None:
        """Ctrl+C is copy on a terminal; say how to leave."""
        self.notify("Press ctrl+q to quit.", timeout=3)


def _unexpected(error: BaseException) -> str:
    return f"Something went wrong inside nlu-rl: {type(error).__name__}: {error}"
