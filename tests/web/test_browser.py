"""The interface in a real, headless Chromium: it opens, takes keys, survives a reload, and asks nobody else."""

import asyncio
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from cli.conftest import write_rows
from tui.recorded import record
from web.browser import CHROMIUM, another, browser
from web.conftest import Served

pytestmark = [pytest.mark.anyio, pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium here")]


async def test_a_run_is_watched_in_the_browser_and_a_reload_loses_nothing(home: Path, served: Served) -> None:
    record(home, "first-run")
    record(home, "live-run", "training", steps=12)
    async with browser() as page:
        await page.open(served.address)
        await page.see("first-run")
        await page.press(" ")
        await page.see("first-run")
        await page.press("up", "enter")
        await page.see("TRAINING live-run")
        await page.press("3", "m")
        await page.see("[3 KL]")
        process = served.interfaces()
        await page.reload()
        await page.see("TRAINING live-run")
        await page.see("step 12/40")
        assert "[3 KL]" in page.shown
        assert served.interfaces() == process
        await page.press("escape", "escape")
        await page.see("first-run")
        await page.reload()
        await page.see("✔ done")
        await page.told_of_its_focus()
        assert "⣀" in page.shown or "▁" in page.shown
        assert {urlsplit(address).netloc for address in page.requests} == {urlsplit(served.address).netloc}
        assert not [complaint for complaint in page.complaints if "Content Security Policy" in complaint]
        loaded = await page.evaluate('document.fonts.check(\'16px "Roboto Mono"\', "a⣿▲")')
        assert loaded is True
        assert await asyncio.to_thread(served.interrupt) == 0
        for _ in range(300):
            if await page.evaluate("document.body.classList.contains('-closed')"):
                return
            await asyncio.sleep(0.1)
        raise AssertionError("the page does not say that it was disconnected")


async def test_a_reload_loses_nothing_of_a_new_run(home: Path, served: Served) -> None:
    write_rows("movie-snippets")
    async with browser() as page:
        await page.open(served.address)
        await page.see("There is no run yet")
        await page.press("n")
        await page.see("[1 Model]")
        await page.press("3")
        await page.see("[3 Recipe]")
        await page.press("tab", "tab", "5")
        await page.reload()
        await page.see("[3 Recipe]")
        await page.press("2")  # the cursor is where it was, in a field that takes figures
        await page.press("enter")
        await page.see("train.max_steps=52")


async def test_a_duplicate_of_a_tab_has_an_interface_of_its_own(home: Path, served: Served) -> None:
    record(home, "first-run")
    async with browser() as page, another(page) as second:
        await page.open(served.address)
        await page.see("first-run")
        name = await page.evaluate("sessionStorage.getItem('nlu-rl-tab')")
        await second.open(served.address)
        await second.see("first-run")
        await second.evaluate(f"sessionStorage.setItem('nlu-rl-tab', '{name}')")  # as a browser copies it
        await second.reload()
        await second.see("first-run")
        assert await second.evaluate("sessionStorage.getItem('nlu-rl-tab')") != name
        await second.press("?")
        await second.see("Every key of this screen")
        assert "Every key of this screen" not in page.shown
        assert not await page.evaluate("document.body.classList.contains('-closed')")
