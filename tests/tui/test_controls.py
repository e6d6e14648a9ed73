"""Texts that command a terminal: a row, a completion or a log that holds such is read, and commands nothing."""

import io
import json
from pathlib import Path

import pytest
from rich.segment import Segment
from textual.color import Color

from nlu_rl.cli import console
from nlu_rl.control_characters import CONTROLS, without_controls
from nlu_rl.runs.layout import open_run
from nlu_rl.tui.controls import WithoutControls
from tui.conftest import Open, screen_text, settled

pytestmark = pytest.mark.anyio
EVIL = "good \x1b[2J\x1b]52;c;aGFja2Vk\x07\x1b]0;title\x1b\\ \x9b2J\u202e film\r"


@pytest.mark.parametrize("panel", ["7", "9"])
async def test_no_text_of_a_run_commands_the_terminal(open_app: Open, runs: Path, panel: str) -> None:
    run = open_run("done-run")
    lines = run.samples_path.read_text(encoding="utf-8").splitlines()
    sample = json.loads(lines[-1]) | dict.fromkeys(("prompt", "completion", "extracted", "gold", "task"), EVIL)
    run.samples_path.write_text("\n".join([*lines, json.dumps(sample), ""]), encoding="utf-8")
    with run.log_path.open("a", encoding="utf-8") as log:
        log.write(f"{EVIL}\n")
    async with open_app((120, 36), run="done-run") as pilot:
        for keys in ((panel,), ("m",), ("enter",)):
            await pilot.press(*keys)
            await settled(pilot)
            shown = screen_text(pilot)
            assert not CONTROLS.search(shown)
            assert "good" in shown


def test_a_line_keeps_its_cells() -> None:
    segments = [Segment(f"{EVIL}|"), Segment("plain")]
    before = sum(segment.cell_length for segment in segments)
    after = WithoutControls().apply(segments, Color.parse("black"))
    assert sum(segment.cell_length for segment in after) == before
    assert not CONTROLS.search("".join(segment.text for segment in after))


def test_whole_commands_are_taken_out_of_running_text() -> None:
    assert without_controls("\x1b[1;31mred\x1b[0m\tand\n\x1b]0;title\x07more") == "red\tand\nmore"
    assert without_controls("10%\r20%\r\ndone") == "10%\n20%\ndone"


def test_the_command_line_shows_texts_without_commands(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    console.stdout().print(EVIL)
    console.note(EVIL)
    shown = "".join(capsys.readouterr())
    assert not CONTROLS.search(shown)
    assert shown.count("film") == 2
    console.print_text(EVIL)  # into a pipe it goes as it is
    assert EVIL in capsys.readouterr().out
    terminal = io.StringIO()
    monkeypatch.setattr(terminal, "isatty", lambda: True)
    monkeypatch.setattr("sys.stdout", terminal)
    console.print_text(EVIL)
    assert not CONTROLS.search(terminal.getvalue())
