"""`tui.yaml`: keys of one's own, a theme, ASCII; and what is told when it is wrong."""

from pathlib import Path

import pytest

from nlu_rl.cli.main import run_cli
from nlu_rl.tui.keys import KEYS, is_key, keys_of
from nlu_rl.tui.screens.dialogs import ProblemDialog
from nlu_rl.tui.screens.home import HomeScreen
from nlu_rl.tui.screens.wizard import WizardScreen
from nlu_rl.tui.settings import SettingsError, read_settings
from tui.conftest import Open, screen_text, settled

pytestmark = pytest.mark.anyio


def write(home: Path, text: str) -> None:
    (home / "tui.yaml").write_text(text)


def test_without_a_file_nothing_is_changed(home: Path) -> None:
    assert read_settings().keymap == {}
    write(home, "# nothing yet\n")
    assert read_settings().theme is None


def test_a_common_key_is_changed_on_every_screen(home: Path) -> None:
    write(home, "keys:\n  help: f1, question_mark\n  home.new: [N, ctrl+n]\n")
    keymap = read_settings().keymap
    assert keymap["home.new"] == "N,ctrl+n"
    assert {keymap[f"{screen}.help"] for screen in KEYS} == {"f1,question_mark"}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("keys: [", "cannot be read"),
        ("- theme", "not a list of settings"),
        ("colour: red", "Unknown setting 'colour'"),
        ("theme: 3", "theme is not a name"),
        ("ascii: maybe", "auto, always or never"),
        ("keys: n", "not a list of 'action: key'"),
        ("keys: {home.nwe: N}", "Did you mean 'home.new'"),
        ("keys: {home.new: hyper+n}", "'hyper+n' is not a key"),
        ("keys: {home.new: ''}", "'' is not a key"),
        ("keys: {home.new: x}", "on the screen 'home', 'x' would be both new and export"),
        ("keys: {help: n}", "'n' would be both new and help"),
    ],
)
def test_what_is_wrong_is_told(home: Path, text: str, told: str) -> None:
    write(home, text)
    with pytest.raises(SettingsError) as refused:
        read_settings()
    assert told in refused.value.message
    assert str(home / "tui.yaml") in refused.value.message


def test_what_is_no_text_is_told(home: Path) -> None:
    (home / "tui.yaml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(SettingsError, match="cannot be read"):
        read_settings()


@pytest.mark.parametrize("screen", KEYS)
def test_no_key_and_no_name_is_given_twice(screen: str) -> None:
    keys = keys_of(screen)
    assert len({key.key for key in keys}) == len(keys)
    assert len({key.name for key in keys if key.name != "leave"}) == len([key for key in keys if key.name != "leave"])
    assert all(is_key(key.key) for key in keys)


@pytest.mark.parametrize("screen", KEYS)
def test_the_footer_has_room(screen: str) -> None:
    shown = [key for key in keys_of(screen) if key.label]
    assert len(shown) <= 10
    assert sum(len(key.shown or key.key) + len(key.label) + 2 for key in shown) <= 96


async def test_a_key_of_ones_own_acts_and_is_shown(open_app: Open, home: Path) -> None:
    write(home, "keys: {home.new: N, help: f1}")
    async with open_app((80, 24)) as pilot:
        assert "N New" in screen_text(pilot).splitlines()[-1]
        await pilot.press("n")
        assert isinstance(pilot.app.screen, HomeScreen)
        await pilot.press("f1")
        assert "N      New run" in screen_text(pilot)
        await pilot.press("escape", "N")
        await settled(pilot)
        assert isinstance(pilot.app.screen, WizardScreen)


async def test_a_wrong_file_is_told_and_the_interface_opens(open_app: Open, home: Path) -> None:
    write(home, "keys: {home.nwe: N}")
    async with open_app() as pilot:
        assert isinstance(pilot.app.screen, ProblemDialog)
        assert "home.new" in screen_text(pilot)
        await pilot.press("escape", "n")
        await settled(pilot)
        assert isinstance(pilot.app.screen, WizardScreen)


async def test_an_unknown_theme_is_told(open_app: Open, home: Path) -> None:
    write(home, "theme: nlu-rl-lite")
    async with open_app() as pilot:
        assert "Did you mean 'nlu-rl-light'" in " ".join(screen_text(pilot).split())
        assert pilot.app.theme == "nlu-rl"


async def test_copying_reaches_the_clipboard_through_the_terminal(open_app: Open, runs: Path) -> None:
    async with open_app(run="done-run") as pilot:
        sent: list[str] = []
        pilot.app._driver.write = sent.append  # type: ignore[method-assign]
        await pilot.press("y")
        assert "\x1b]52;c;ZG9uZS1ydW4=\x07" in sent  # OSC 52 and base64 of the run's name


def test_the_list_of_keys_is_as_the_user_has_them(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (home / "tui.yaml").write_text("keys:\n  home.new: N\n  help: [f1]\n")
    assert run_cli(["tui", "--keys"]) == 0
    listed = {line.split()[0]: line.split()[1] for line in capsys.readouterr().out.splitlines()}
    assert (listed["home.new"], listed["help"]) == ("N", "f1")
    assert listed["home.open"] == "enter"
