"""A chart's values at a place, and its curves over time."""

import json
from pathlib import Path
from typing import Any

import pytest

from nlu_rl.runs.layout import open_run
from nlu_rl.tui.run_charts import over_time, time_at
from nlu_rl.tui.screens.compare import CompareScreen
from nlu_rl.tui.screens.monitor import MonitorScreen
from nlu_rl.tui.widgets.line_chart import LineChart
from nlu_rl.tui.widgets.raster import Curve
from tui.conftest import Open, settled
from tui.recordings import put

pytestmark = pytest.mark.anyio

CLOCK = [(1, 0.0), (2, 10.0), (4, 50.0)]


@pytest.mark.parametrize(("step", "seconds"), [(0, 0.0), (1, 0.0), (2, 10.0), (3, 30.0), (4, 50.0), (9, 50.0)])
def test_the_time_of_a_step_lies_between_those_known(step: int, seconds: float) -> None:
    assert time_at(CLOCK, step) == seconds


@pytest.mark.parametrize(("longest", "unit", "last"), [(50.0, "s", 50.0), (600.0, "min", 10.0), (36_000.0, "h", 10.0)])
def test_each_run_has_its_own_time_and_all_one_unit(longest: float, unit: str, last: float) -> None:
    curves = [Curve("a", [(1, 0.5), (2, 0.6)], "good"), Curve("b", [(1, 0.7)], "good"), Curve("gone", [], "good")]
    timed, found = over_time(curves, [[(1, 0.0), (2, longest)], [(1, 5.0)], []])
    assert found == unit
    assert [curve.name for curve in timed] == ["a", "b"]
    assert timed[0].points == [(0.0, 0.5), (last, 0.6)]


async def chart(pilot: Any) -> LineChart:
    await settled(pilot)
    found: LineChart = pilot.app.screen.query(LineChart).first()
    found.focus()
    await settled(pilot)
    return found


async def test_keys_and_pointer_show_the_values_at_a_place(open_app: Open, home: Path) -> None:
    put(home, "grpo_done")
    async with open_app((120, 36)) as pilot:
        await pilot.app.push_screen(MonitorScreen(open_run("grpo_done")))
        reward = await chart(pilot)
        last = str(reward.border_subtitle)
        await pilot.press("left", "left")
        await settled(pilot)
        assert reward.cursor == reward._plot_width() - 2
        assert str(reward.border_subtitle).startswith("at step ")
        assert "┊" in str(reward.render())
        await pilot.press("right", "right")
        await settled(pilot)
        assert str(reward.border_subtitle) == last
        await pilot.hover(LineChart, offset=(8, 3))
        await settled(pilot)
        assert str(reward.border_subtitle).startswith("at step 1:")
        await pilot.press("w")
        await settled(pilot)
        assert f"0.0 {reward.unit}" in str(reward.render())
        assert reward.unit in ("s", "min")


async def test_runs_are_compared_over_time_and_followed(open_app: Open, home: Path) -> None:
    for name in ("grpo_done", "sft_running"):
        put(home, name)
    async with open_app((120, 36)) as pilot:
        await pilot.app.push_screen(CompareScreen([open_run("sft_running"), open_run("grpo_done")]))
        both = await chart(pilot)
        await pilot.press("m", "m", "m", "w")
        await settled(pilot)
        assert both.unit != "step"
        assert len(both.curves) == 2
        await pilot.press("w")
        run, before = open_run("sft_running"), both.curves[0].points[-1]
        step = {"type": "step", "step": int(before[0]) + 1, "t": 2e9, "metrics": {"loss": 0.5}}
        with run.events_path.open("a") as events:
            events.write(json.dumps(step) + "\n")
        screen = pilot.app.screen
        assert isinstance(screen, CompareScreen)
        screen.refresh_runs()
        await settled(pilot)
        assert both.curves[0].points[-1][0] == step["step"]
