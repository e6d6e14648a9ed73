"""Every key of the table, on its screen, at three sizes: it does its action, and the screen stays whole."""

from collections.abc import Awaitable, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from textual.events import Key, MouseDown, Paste
from textual.pilot import Pilot
from textual.screen import Screen
from textual.widgets import DataTable, Footer, Input

from cli.conftest import write_rows
from nlu_rl.runs.layout import open_run
from nlu_rl.tui import jobs, key_line, operations
from nlu_rl.tui.keys import KEYS, keys_of
from nlu_rl.tui.screens.base import BaseScreen
from nlu_rl.tui.screens.chat import ChatScreen
from nlu_rl.tui.screens.evaluate import EvaluateScreen
from nlu_rl.tui.screens.export import ExportScreen
from nlu_rl.tui.screens.wizard import WizardScreen
from nlu_rl.tui.widgets import task_step
from nlu_rl.tui.widgets.filter_bar import FilterBar
from tui.conftest import Open, screen_text, settled, until
from tui.recorded import record_evaluation
from tui.recordings import put

pytestmark = pytest.mark.anyio
SIZES = [
    pytest.param(size, marks=pytest.mark.xdist_group(f"keys at {size[0]}x{size[1]}"), id=f"{size[0]}x{size[1]}")
    for size in ((80, 24), (120, 36), (200, 55))
]
Opener = Callable[[Pilot[Any]], Awaitable[None]]


async def home(pilot: Pilot[Any]) -> None:
    """The runs are open already."""


async def monitor(pilot: Pilot[Any]) -> None:
    from nlu_rl.tui.screens.monitor import MonitorScreen

    await pilot.app.push_screen(MonitorScreen(open_run("sft_running")))


async def wizard(pilot: Pilot[Any]) -> None:
    await pilot.app.push_screen(WizardScreen())
    await settled(pilot)


async def compare(pilot: Pilot[Any]) -> None:
    from nlu_rl.tui.screens.compare import CompareScreen

    await pilot.app.push_screen(CompareScreen([open_run("sft_running"), open_run("grpo_done")]))


async def sample(pilot: Pilot[Any]) -> None:
    from nlu_rl.tui.screens.monitor import MonitorScreen

    await pilot.app.push_screen(MonitorScreen(open_run("grpo_done")))
    await settled(pilot)
    await pilot.press("7")
    await settled(pilot)
    await pilot.press("enter")


async def evaluate(pilot: Pilot[Any]) -> None:
    await pilot.app.push_screen(EvaluateScreen(open_run("grpo_done")))


async def export(pilot: Pilot[Any]) -> None:
    await pilot.app.push_screen(ExportScreen(open_run("grpo_done")))


async def chat(pilot: Pilot[Any]) -> None:
    await pilot.app.push_screen(ChatScreen(open_run("grpo_done")))


SCREENS = (home, monitor, wizard, compare, evaluate, export, chat, sample)
OPENERS: dict[str, Opener] = {one.__name__: one for one in SCREENS}


@pytest.fixture
def ready(home: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A home with a finished and a live run and rows of tasks, where nothing is ever launched or fetched."""
    write_rows("movie-snippets")
    write_rows("sst2")
    for name in ("grpo_done", "sft_running"):
        put(home, name)
    record_evaluation(open_run("grpo_done"), "-+-+-++-")

    def rendered(model: str, chats: list[Any]) -> list[dict[str, Any]]:
        return [{"text": f"prompt {number}", "tokens": 40} for number in range(len(chats))]

    monkeypatch.setattr(task_step, "rendered_prompts", rendered)
    for module in (operations, jobs):
        monkeypatch.setattr(module, "launch", lambda run: 0)
    monkeypatch.setattr(ChatScreen, "_begin", lambda screen: None)
    monkeypatch.setattr(ChatScreen, "_begun", lambda screen, talk: None)
    monkeypatch.setattr(operations, "fetch_missing_data", lambda names: None)
    return home


async def opened(pilot: Pilot[Any], name: str) -> Screen[Any]:
    """Go to a screen, from wherever we are, with the focus where letters are keys."""
    app = pilot.app
    while len(app.screen_stack) > 1:
        app.pop_screen()
        await pilot.pause()
    assert name in OPENERS, f"say in OPENERS how the screen {name!r} is opened"
    await OPENERS[name](pilot)
    await settled(pilot)
    return app.screen


@pytest.mark.parametrize("size", SIZES)
@pytest.mark.parametrize("name", KEYS)
async def test_every_key_does_its_action(
    open_app: Open, ready: Path, monkeypatch: pytest.MonkeyPatch, name: str, size: tuple[int, int]
) -> None:
    done: list[str] = []
    async with open_app(size) as pilot:
        screen = await opened(pilot, name)
        kind = type(screen)
        for action in {key.action.partition("(")[0] for key in keys_of(name)}:
            if hasattr(kind, f"action_{action}"):
                monkeypatch.setattr(kind, f"action_{action}", spied(kind, action, done))
        for key in keys_of(name) if hasattr(kind, "KEYS_NAME") else KEYS[name]:
            if pilot.app.screen is not screen:
                screen = await opened(pilot, name)
            await where_it_acts(pilot, screen, key.action)
            tables = [table for table in screen.query(DataTable) if table.is_on_screen]
            if isinstance(screen.focused, Input) and tables:
                tables[0].focus()
            if isinstance(screen.focused, Input) and key.action == "help":
                continue  # a screen of fields alone: letters are typed, and the palette reaches the help
            done.clear()
            await pilot.press(key.key)
            await settled(pilot)
            assert key.action.partition("(")[0] in done, f"{key.key} did not {key.action}"
            whole(pilot)


async def where_it_acts(pilot: Pilot[Any], screen: Screen[Any], action: str) -> None:
    """Go to a step of the wizard where the action is offered."""
    name = action.partition("(")[0]
    for step in range(1, 5):
        if not isinstance(screen, WizardScreen) or screen.check_action(name, ()):
            return
        screen.action_step(step)
        await settled(pilot)


def spied(kind: type[Any], action: str, done: list[str]) -> Callable[..., Any]:
    original = getattr(kind, f"action_{action}")

    def noted(self: Any, *values: Any) -> Any:
        done.append(action)
        return original(self, *values)

    return noted


def whole(pilot: Pilot[Any]) -> None:
    """Nothing that can be reached lies outside the screen, and no line is longer than it."""
    app = pilot.app
    lines = screen_text(pilot).splitlines()
    assert len(lines) <= app.size.height
    assert all(len(line) <= app.size.width for line in lines)
    if (focused := app.screen.focused) is not None and focused.display:
        assert app.screen.region.overlaps(focused.region)


def at_once(pilot: Pilot[Any], keys: str) -> None:
    """Type faster than any key can be acted on."""
    for name in keys.split():
        pilot.app.post_message(Key(name, name if len(name) == 1 else None))


async def test_keys_typed_in_a_burst_go_where_those_before_have_led(open_app: Open, ready: Path) -> None:
    async with open_app() as pilot:
        at_once(pilot, "slash g r p o _ d o n e")
        await until(pilot, "filter: grpo_done")
        at_once(pilot, "enter d t h i s")  # into a dialog that has to come first
        await until(pilot, "▊  this ")
        at_once(pilot, "escape slash escape n tab s s t 2")
        await until(pilot, "\nsst2\n")
        assert isinstance(pilot.app.screen, WizardScreen)
        assert pilot.app.screen.query_one("#other", Input).value == "sst2"


async def test_what_is_pasted_between_keys_stays_between_them(open_app: Open, ready: Path) -> None:
    async with open_app() as pilot:
        at_once(pilot, "slash g r")
        pilot.app.post_message(Paste("po_d"))
        at_once(pilot, "o n e")
        await until(pilot, "filter: grpo_done")


async def test_a_widget_that_goes_with_a_key_takes_no_others_with_it(
    open_app: Open, ready: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(key_line, "LONGEST_SECONDS", 0.05)
    async with open_app() as pilot:
        monkeypatch.setattr(key_line.KeyHandled, "bubble", False)  # as if none came back
        at_once(pilot, "slash l i v e")
        await until(pilot, "live")
        assert pilot.app.screen.query_one(FilterBar).value == "live"


async def test_a_mark_that_comes_late_lets_no_second_key_pass(monkeypatch: pytest.MonkeyPatch) -> None:
    later: list[Any] = []
    passed: list[str] = []
    app: Any = SimpleNamespace(screen="home", set_timer=lambda *_: None, call_later=lambda *call: later.append(call))
    target: Any = SimpleNamespace(is_attached=True, post_message=lambda _: None)

    async def pass_on(key: Any) -> None:
        passed.append(key)
        line.sent(app.screen, target)

    line = key_line.KeyLine(app, pass_on)
    line.sent(app.screen, target)
    keys: Any = ["a", "b"]
    assert [line.waits(key) for key in keys] == [True, True]
    late: Any = SimpleNamespace(number=1, again=False, target=target)
    line.handled(late)
    monkeypatch.setattr(key_line, "LONGEST_SECONDS", 0.0)
    await line._look()
    assert passed == ["a"]
    for call, *arguments in later:
        await call(*arguments)
    assert passed == ["a"], "what 'a' does is still to come"


async def test_a_click_waits_for_the_keys_before_it_and_holds_up_none_behind_it() -> None:
    passed: list[str] = []
    app: Any = SimpleNamespace(screen="home", set_timer=lambda *_: None, call_later=lambda *_: None)
    target: Any = SimpleNamespace(is_attached=True, post_message=lambda _: None)
    given: Any = {"click": MouseDown(None, 1, 1, 0, 0, 1, False, False, False), "b": Key("b", "b"), "c": Key("c", "c")}

    async def pass_on(event: Any) -> None:
        name = next(name for name, one in given.items() if one is event)
        passed.append(name)
        if name != "click":
            line.sent(app.screen, target)

    line = key_line.KeyLine(app, pass_on)
    assert not line.waits(given["click"]), "nothing is before it"
    line.sent(app.screen, target)
    assert [line.waits(event) for event in given.values()] == [True, True, True]
    await line._next(1)
    assert passed == ["click", "b"]


@pytest.mark.parametrize("name", KEYS)
async def test_every_key_is_in_help_and_palette(open_app: Open, ready: Path, name: str) -> None:
    async with open_app((120, 55)) as pilot:
        screen = await opened(pilot, name)
        offered = {command.help for command in pilot.app.get_system_commands(screen)}
        if not hasattr(type(screen), "KEYS_NAME"):
            return  # a dialog writes its keys on itself
        unlisted = ("show_panel", "step(")
        assert {key.about for key in KEYS[name] if not key.action.startswith(unlisted)} <= offered
        assert isinstance(screen, BaseScreen)
        screen.action_help()
        await settled(pilot)
        shown = " ".join(str(pilot.app.screen.query_one("#keys").content).split())  # type: ignore[attr-defined]
        assert name not in ("monitor", "wizard") or "1…" in shown
        for key in KEYS[name]:
            if not key.about.startswith(("Panel ", "Step ")):
                assert " ".join(key.about.split()) in shown


@pytest.mark.parametrize("plain", ["0", "1"])
@pytest.mark.parametrize("name", KEYS)
async def test_every_footer_has_room(
    open_app: Open, ready: Path, monkeypatch: pytest.MonkeyPatch, name: str, plain: str
) -> None:
    monkeypatch.setenv("NLU_RL_ASCII", plain)
    async with open_app((80, 24)) as pilot:
        screen = await opened(pilot, name)
        for step in range(1, 5):
            if isinstance(screen, WizardScreen):
                screen.go_to(step)
                await settled(pilot)
            for footer in screen.query(Footer):
                ids = [active.binding.id for active in screen.active_bindings.values() if active.binding.show]
                table = [f"{name}.{key.name}" for key in keys_of(name) if key.label]
                assert [one for one in table if one in ids] == [one for one in ids if one]
                assert footer.virtual_size.width <= 80, screen_text(pilot).splitlines()[-1]
            if not isinstance(screen, WizardScreen):
                return
