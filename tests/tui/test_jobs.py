"""How the results of jobs read."""

import pytest

from nlu_rl.tui.evaluation_text import interval_bar, result_text
from tui.conftest import Open

pytestmark = pytest.mark.anyio
RESULT = {
    "task": "sst2",
    "split": "validation",
    "n": 4,
    "metric": "accuracy",
    "scores": {"f1": 0.7, "accuracy": 0.75},
    "intervals": {"f1": [0.4, 1.0], "accuracy": [0.5, 1.0]},
    "parse_rate": 1.0,
    "confusion": {"labels": ["neg", "pos"], "answers": ["neg", "pos", "unparsed"], "counts": [[1, 1, 0], [0, 2, 0]]},
    "predictions": "/p",
}


async def test_an_evaluation_reads_as_intervals_and_confusions(open_app: Open) -> None:
    async with open_app() as pilot:
        shown = result_text(pilot.app, "evaluate", RESULT).plain
        lines = shown.splitlines()
        assert lines[1].startswith("accuracy        .750")
        assert lines[2].startswith("f1")
        assert "[2]" in shown
        assert "unparsed" in shown
        assert "was trained: /x" in result_text(pilot.app, "export", {"path": "/x", "same_answers": 1.0}).plain


def test_an_interval_lies_on_its_axis() -> None:
    assert interval_bar(0.0, 0.5, 1.0, 0.0, 1.0, 5) == "├─●─┤"
    assert interval_bar(0.5, 0.5, 0.5, 0.0, 1.0, 5) == "  ●  "
