"""The samples of a run in the monitor: their table, the filter, one in full."""

from pathlib import Path

import pytest

from nlu_rl.tui.sample_text import columns, having, parts_text, row_of
from nlu_rl.tui.screens.monitor import MonitorScreen
from nlu_rl.tui.screens.sample import SampleDialog
from nlu_rl.tui.widgets.filter_bar import FilterBar
from tui.conftest import Open, screen_text, settled

pytestmark = pytest.mark.anyio


async def test_a_sample_opens_in_full(open_app: Open, runs: Path) -> None:
    async with open_app(run="done-run") as pilot:
        await pilot.press("7", "down", "enter")
        await settled(pilot)
        assert isinstance(pilot.app.screen, SampleDialog)
        shown = screen_text(pilot)
        for words in ("Sample 2/", "∅ nothing", "exceptional -1.00", "▼ -1.00", "group"):
            assert words in shown
        await pilot.press("right")
        assert "Sample 3/" in screen_text(pilot)
        await pilot.press("escape")
        assert isinstance(pilot.app.screen, MonitorScreen)


async def test_completion_and_text_stand_apart(open_app: Open, runs: Path) -> None:
    sample = {"completion": "I think that it is neither of the two", "prompt": "Rate it.\n\nReview: a long dull film"}
    async with open_app(run="done-run") as pilot:
        for width in (78, 118, 198):
            cells = columns(width)
            row = dict(zip(cells, row_of(pilot.app, sample, cells), strict=True))
            for name in ("completion", "text"):
                assert row[name].cell_len <= cells[name]
            assert sum(cells.values()) + 2 * len(cells) + 1 <= width
            assert row["completion"].plain.endswith("…") == (cells["completion"] < len(sample["completion"]))
        assert list(columns(70))[-1] == "completion"  # there is no room for both
        assert row["text"].plain == "a long dull film"


async def test_samples_are_filtered(open_app: Open, runs: Path) -> None:
    async with open_app(run="done-run") as pilot:
        await pilot.press("slash", *"number 17", "enter")
        await settled(pilot)
        table = pilot.app.screen.query_one("#panel-7")
        assert {sample["step"] for sample in table.samples} == {17}
        await pilot.press("escape", "slash", "enter")
        await settled(pilot)
        assert not pilot.app.screen.query_one(FilterBar).is_open
        assert len({sample["step"] for sample in table.samples}) > 1


def test_a_filter_looks_into_what_is_a_samples_own() -> None:
    asked = "Answer with positive or negative.\n\nReview: {}\n<|assistant|>\n"
    samples = [
        {
            "task": "sst2",
            "prompt": asked.format("dull"),
            "completion": "negative",
            "extracted": "negative",
            "gold": "a",
        },
        {
            "task": "sst2",
            "prompt": asked.format("fine\nand good"),
            "completion": "",
            "extracted": None,
            "gold": "positive",
        },
    ]
    assert having(["negative"], samples) == samples[:1]
    assert having(["positive"], samples) == samples[1:]
    assert having(["fine", "good"], samples) == samples[1:]
    assert having(["review:"], samples) == samples
    assert having(["answer"], samples) == []
    assert having([], samples) == samples
    assert having(["answer"], samples[:1] * 2) == samples[:1] * 2, "of one prompt alone nothing is known to be shared"


async def test_reward_parts_are_signed_and_coloured(open_app: Open, runs: Path) -> None:
    async with open_app((120, 36), run="done-run") as pilot:
        sample = {"parts": {"correctness": 1.0, "exceptional": -1.0, "length": 0.0}}
        text = parts_text(pilot.app, sample)
        assert text.plain == "correctness +1.00 exceptional -1.00 length +0.00"
        colour = {text.plain[span.start : span.end]: str(span.style) for span in text.spans}
        assert len({colour["+1.00"], colour["-1.00"], colour["+0.00"]}) == 3
        assert parts_text(pilot.app, {"parts": {"em": 1.0, "f1": 0.5}}, 11).plain == "e+1.0 f+0.5"
        assert "c+0.0 e-1.0" in screen_text(pilot)
