"""Asking a run from the interface: the questions that are written, and the answers as people read them."""

import re
from pathlib import Path

import pytest

from cli.conftest import write_rows
from nlu_rl.evaluation import chat_protocol
from nlu_rl.evaluation.chat_protocol import ANSWERS, QUESTIONS
from nlu_rl.runs.events import append_line, read_events
from nlu_rl.runs.layout import list_runs, open_run
from nlu_rl.tui.chat_text import verdict
from nlu_rl.tui.screens.chat import ChatScreen
from nlu_rl.tui.screens.dialogs import ProblemDialog
from tui.conftest import Open, screen_text, settled
from tui.recorded import record

pytestmark = pytest.mark.anyio
ANSWER = {"task": "sst2", "prompt": "Judge.\n\na row<|end|>", "prompt_tokens": 9, "how": "strict", "seconds": 0.1}


@pytest.fixture(autouse=True)
def no_workers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(chat_protocol, "launch", lambda run: 0)


@pytest.mark.parametrize("size", [(80, 24), (120, 36)])
async def test_a_row_is_asked_and_both_answers_are_shown(open_app: Open, runs: Path, size: tuple[int, int]) -> None:
    write_rows("sst2")
    async with open_app(size, run="done-run") as pilot:
        await pilot.press("t")
        await settled(pilot)
        screen = pilot.app.screen
        assert isinstance(screen, ChatScreen)
        await pilot.press("pagedown")
        await settled(pilot)
        assert "validation row 1 of" in screen_text(pilot)
        await pilot.press("enter")
        await settled(pilot)
        [job] = list_runs(open_run("done-run").path / "chat")
        [question] = read_events(job.path / QUESTIONS)
        assert (question["id"], question["task"], question["greedy"]) == (1, "sst2", True)
        assert question["gold"] in ("negative", "positive")
        judged = {"gold": question["gold"], "parts": {"correct": 1.0}}
        wrong = {"completion": "hm", "extracted": None, "reward": -1.0, "correct": False}
        right = {"completion": "yes</Judgement>", "extracted": question["gold"], "reward": 1.0, "correct": True}
        append_line(job.path / ANSWERS, {"id": 1, "side": "before", **ANSWER, **judged, **wrong})
        append_line(job.path / ANSWERS, {"id": 1, "side": "after", **ANSWER, **judged, **right})
        screen._look()
        await settled(pilot)
        shown = screen_text(pilot)
        assert "∅ nothing" in shown
        assert "▲ +1" in shown
        assert re.search(r"▼ ∅ +→ ▲ ", shown)  # the line of what was asked so far
        await pilot.press("ctrl+o")
        assert "Prompt as the model saw it, 9 tokens" in screen_text(pilot)


async def test_a_right_answer_that_cannot_be_one_is_not_asked(open_app: Open, runs: Path) -> None:
    write_rows("sst2")
    async with open_app(run="done-run") as pilot:
        await pilot.press("t")
        await settled(pilot)
        await pilot.press("tab", *"maybe")
        await settled(pilot)
        assert "▲ 'maybe' is no answer of sst2: it is one of" in screen_text(pilot)
        await pilot.press("enter")  # with no text yet: the answer is told of first
        assert pilot.app.screen.focused.name == "gold"
        await pilot.press("shift+tab", *"fine", "enter")
        await settled(pilot)
        assert "is no answer of sst2" in screen_text(pilot)
        [job] = list_runs(open_run("done-run").path / "chat")
        assert not (job.path / QUESTIONS).exists()
        await pilot.press("escape")
        assert not isinstance(pilot.app.screen, ChatScreen)


async def test_a_run_without_a_checkpoint_is_refused(open_app: Open, runs: Path) -> None:
    record(runs, "young-run", "training", steps=0)
    async with open_app(run="young-run") as pilot:
        await pilot.press("t")
        await settled(pilot)
        assert isinstance(pilot.app.screen, ProblemDialog)
        assert "has no whole checkpoint" in screen_text(pilot)


def test_glyphs_tell_right_wrong_unread_and_unknown() -> None:
    assert verdict({"extracted": None})[0] == "▼"
    assert verdict({"extracted": "a"})[0] == "●"
    assert verdict({"extracted": "a", "correct": True})[0] == "▲"
    assert verdict({"extracted": "a", "correct": False})[0] == "◆"
