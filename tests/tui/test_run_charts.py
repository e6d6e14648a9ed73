"""Which curves the monitor shows of a run, and what names them."""

import re
import shutil
from pathlib import Path

import pytest

from nlu_rl.recipe import Recipe
from nlu_rl.tui.widgets.line_chart import LineChart
from nlu_rl.tui.widgets.raster import Curve
from tui.conftest import Open, screen_text, settled
from tui.recorded import line, record

pytestmark = pytest.mark.anyio


async def test_smoothing_and_log_scale_redraw(open_app: Open, runs: Path) -> None:
    async with open_app(run="done-run") as pilot:
        first = screen_text(pilot)
        await pilot.press("S", "S")
        smooth = screen_text(pilot)
        await pilot.press("L")
        await pilot.pause()
        assert len({first, smooth, screen_text(pilot)}) == 3
        assert "log└step" not in smooth
        assert screen_text(pilot).count("log└step") == 6  # each chart's axis says so
        chart = pilot.app.screen.query_one("#panel-1", LineChart)
        chart.show([Curve("below", [(0, -1.0), (1, -2.0)], "good")], log_scale=True)
        await pilot.pause()
        assert "no value above 0" in screen_text(pilot)


async def test_supervised_runs_say_that_there_is_no_reward(open_app: Open, home: Path) -> None:
    run = record(home, "sft-run", method="sft", steps=2)
    run.events_path.write_text(line(type="step", step=1, metrics={"loss": 0.5, "step_seconds": 1.0}))
    run.samples_path.unlink()
    async with open_app((160, 48), run="sft-run") as pilot:
        shown = screen_text(pilot)
        assert "no reward: supervised training has none" in shown
        assert "no KL: supervised training has none" in shown
        assert "━ smoothed 1.000" in shown  # its seconds are not split
    async with open_app((80, 24), run="sft-run") as pilot:
        assert "[4 Loss]" in screen_text(pilot)


async def test_a_run_of_several_tasks_has_a_curve_for_each(open_app: Open, home: Path) -> None:
    per_task = {"reward/sst2": 0.9, "reward/cola": 0.2}
    run = record(home, "mix", "training", steps=20, **per_task)
    with run.events_path.open("a") as file:
        for task, accuracy in (("sst2", 0.8), ("cola", 0.6)):
            file.write(line(type="validation", step=20, task=task, metric="accuracy", scores={"accuracy": accuracy}))
    async with open_app((220, 55), run="mix") as pilot:
        shown = screen_text(pilot)
        for words in ("━1 sst2 0.900", "╍2 cola 0.200", "╍ start", "━1 sst2 0.800", "━2 cola 0.600"):
            assert words in shown


@pytest.mark.parametrize("size", [(80, 24), (120, 36), (120, 60)])
async def test_no_name_of_a_curve_is_cut(open_app: Open, home: Path, size: tuple[int, int]) -> None:
    names = ["financial-phrasebank", "financial-news", "mental-health", "superglue-rte", "movie-snippets"]
    record(home, "mix", steps=20, **{f"reward/{name}": 0.5 for name in names})
    async with open_app(size, run="mix") as pilot:
        shown = screen_text(pilot)
        cells = (
            3 if size[1] == 36 else 99
        )  # whole, they would leave nothing of a low chart; their numbers tell them apart
        assert all(
            re.search(rf"{number} ?{name[:cells]}\S* 0\.500", shown) for number, name in enumerate(names, start=1)
        )
        assert size[0] == 80 or all(f"{name} " in shown for name in ("· update", "━ gen", "╍ score"))
        assert f"╍ {'start'[:cells]}" in shown
        await pilot.press("left")
        await settled(pilot)
        assert "at step 20:" in screen_text(pilot)
        pilot.app.screen.query_one("#panel-1", LineChart).show([Curve("alone", [(0, 1.0), (1, 2.0)], "good")])
        await settled(pilot)
        assert "━ alone 2.000 ─╯" in screen_text(pilot)


async def test_the_score_of_the_base_model_stays_in_sight_after_supervised_training(open_app: Open, home: Path) -> None:
    record(home, "sft-first")
    run = record(home, "then-ppo", "training", steps=4)
    recipe = Recipe.model_validate(
        {"model": "smollm2-135m", "tasks": ["sst2"], "method": "ppo", "start_from": "sft-first"}
    )
    run.recipe_path.write_text(recipe.to_yaml())
    async with open_app((220, 55), run="then-ppo") as pilot:
        assert "╍ base 0.500" in screen_text(pilot)
    shutil.rmtree(home / "runs" / "sft-first")
    async with open_app((220, 55), run="then-ppo") as pilot:
        assert "╍ before 0.500" in screen_text(pilot)
