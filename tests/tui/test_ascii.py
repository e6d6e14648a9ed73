"""A terminal without UTF-8: when it is taken for one, and what every character becomes."""

from pathlib import Path

import pytest
from rich.cells import cell_len

from nlu_rl.tui.ascii import ascii_wanted, to_ascii
from nlu_rl.tui.widgets.raster import LEGEND
from tui.conftest import Open, screen_text, settled

pytestmark = pytest.mark.anyio


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"LANG": "en_GB.UTF-8"}, False),
        ({"LANG": "C.utf8"}, False),
        ({"LC_CTYPE": "C.UTF-8"}, False),
        ({"LANG": "C", "LC_CTYPE": "C.UTF-8"}, True),  # LC_CTYPE as Python sets it
        ({"LANG": "POSIX"}, True),
        ({"LANG": "C", "LC_ALL": "en_GB.UTF-8"}, False),
        ({"LC_ALL": "C", "LANG": "en_GB.UTF-8"}, True),
        ({"LANG": "de_DE.ISO-8859-1"}, True),
        ({"LANG": "C", "NLU_RL_ASCII": "0"}, False),
        ({"LANG": "C.UTF-8", "NLU_RL_ASCII": "1"}, True),
    ],
)
def test_the_locale_decides(environment: dict[str, str], wanted: bool) -> None:
    assert ascii_wanted(environment) is wanted


def test_every_character_keeps_its_cells() -> None:
    for text in ("╭─ Runs ─╮", "▲+1.00 ◆ ▼", "naïve 漢字 …", "█████░░░", "⣀⡠⠤", "├──●─┤", "a\u0301"):
        assert to_ascii(text).isascii()
        assert len(to_ascii(text)) == cell_len(text)
    assert to_ascii("▁▂▃▄▅▆▇█") == "_.-=+*%#"
    assert to_ascii("███░░") == "###.."
    assert to_ascii("▲ ◆ ▼") == "^ o v"
    assert to_ascii("✔ ✖") == "v x"
    assert len({to_ascii(mark) for mark in LEGEND.values()}) == len(LEGEND)


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_every_screen_is_ascii(open_app: Open, runs: Path, size: tuple[int, int], monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setenv("NLU_RL_ASCII", "1")
    async with open_app(size) as pilot:
        await pilot.press("down", "down", "down")
        for keys in (["question_mark"], ["escape"], ["enter"], ["7"], ["enter"], ["escape"], ["s"], ["escape"]):
            await pilot.press(*keys)
            await settled(pilot)
            shown = screen_text(pilot)
            assert shown.isascii(), [mark for mark in shown if not mark.isascii()]
        assert "? Help" in shown.splitlines()[-1]
        assert any(mark in shown for mark in "*+")
