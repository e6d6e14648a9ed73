"""Takes the README's pictures of home, wizard and monitor, of recorded runs: `make pictures`.

The wizard shows the prompt as a model sees it where the data and the model are in the home that NLU_RL_HOME names.
"""

import asyncio
import os
import tempfile
import time
from pathlib import Path

from nlu_rl import paths
from nlu_rl.tui.app import NluApp
from nlu_rl.tui.hardware import Usage
from nlu_rl.tui.screens import home as home_screen
from nlu_rl.tui.screens import monitor as monitor_screen
from tui.conftest import settled
from tui.recordings import NOW, put_all

DOCS = Path(__file__).parent.parent.parent / "docs"
SIZE = (132, 36)
GIB = 2**30


async def take(name: str, *keys: str, run: str | None = None) -> None:
    """Press the keys and keep what is then shown."""
    app = NluApp(run, strict=True)
    async with app.run_test(size=SIZE) as pilot:
        await settled(pilot)
        for key in keys:
            await pilot.press(key)
            await settled(pilot)
        await asyncio.sleep(1)
        (DOCS / f"tui-{name}.svg").write_text(app.export_screenshot(title=f"nlu-rl: {name}"), encoding="utf-8")


def main() -> None:
    data = paths.home() / "data_cache"
    with tempfile.TemporaryDirectory() as folder:
        os.environ.update(NLU_RL_HOME=folder, NLU_RL_ASCII="0", TEXTUAL_ANIMATIONS="none", NLU_RL_THEME="nlu-rl")
        if data.is_dir():
            (Path(folder) / "data_cache").symlink_to(data)
        put_all(Path(folder))
        now = Usage(
            busy=0.31, used_bytes=9.8 * GIB, total_bytes=32 * GIB, free_disk_bytes=212e9, disk_bytes=500e9, cards=()
        )
        home_screen.usage = monitor_screen.usage = lambda: now
        time.time = lambda: NOW
        asyncio.run(take("home", "down", "down"))
        asyncio.run(take("monitor", run="grpo_done"))
        asyncio.run(take("wizard", "n", "enter", "down"))


if __name__ == "__main__":
    main()
