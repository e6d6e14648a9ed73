"""The interface on a real terminal that is taken away: it ends, and the run goes on."""

import fcntl
import os
import pty
import select
import signal
import struct
import subprocess
import sys
import termios
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

from nlu_rl.cli import main
from nlu_rl.runs.status import read_status
from nlu_rl.tui import start
from tui.recorded import record

IGNORING = "import signal; signal.signal(signal.SIGHUP, signal.SIG_IGN); "
OPEN = "from nlu_rl.tui.start import run_tui; run_tui()"


def opened(code: str) -> tuple[subprocess.Popen[bytes], int]:
    """Return the interface's process once it has painted its runs, and the other end of its terminal."""
    master, slave = pty.openpty()
    environment = {**os.environ, "TERM": "xterm", "COLUMNS": "100", "LINES": "30"}
    process = subprocess.Popen(
        [sys.executable, "-c", code], stdin=slave, stdout=slave, stderr=slave, env=environment, start_new_session=True
    )
    os.close(slave)
    shown, deadline = b"", time.monotonic() + 60
    while b"live-run" not in shown and time.monotonic() < deadline:
        if select.select([master], [], [], 0.1)[0]:
            shown += os.read(master, 65536)
    assert b"live-run" in shown
    return process, master


@contextmanager
def loading() -> Iterator[tuple[subprocess.Popen[bytes], int, int, list[Any]]]:
    """Give the process of an interface that has taken its terminal and painted nothing, both ends, and how it was."""
    master, slave = pty.openpty()
    before = termios.tcgetattr(slave)
    process = subprocess.Popen(
        [sys.executable, "-c", OPEN], stdin=slave, stdout=slave, stderr=slave, start_new_session=True
    )
    try:
        deadline = time.monotonic() + 60
        while termios.tcgetattr(slave) == before and time.monotonic() < deadline:
            time.sleep(0.001)
        yield process, master, slave, before
    finally:
        process.kill()
        os.close(master)
        os.close(slave)


def quiet(master: int) -> bytes:
    """Return what is written until nothing comes for a while."""
    written, deadline = b"", time.monotonic() + 60
    while select.select([master], [], [], 0.7)[0] and time.monotonic() < deadline:
        written += os.read(master, 65536)
    return written


def test_a_terminal_that_is_attached_again_is_painted_whole(home: Path) -> None:
    record(home, "live-run", steps=3)  # ended, so that nothing of it changes
    process, master = opened(OPEN)
    try:
        quiet(master)
        for rows, columns in ((31, 101), (30, 100)):  # at once, as Docker does: the size ends as it was
            fcntl.ioctl(master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
            process.send_signal(signal.SIGWINCH)
        written = quiet(master)
        assert b"live-run" in written
        assert b"Help" in written
    finally:
        process.kill()
        os.close(master)


@pytest.mark.parametrize("how", ["the terminal is closed", "SIGHUP", "SIGTERM"])
def test_it_ends_with_its_terminal_and_touches_no_run(home: Path, how: str) -> None:
    run = record(home, "live-run", "training", steps=3)
    process, master = opened(IGNORING + OPEN)
    try:
        if how == "the terminal is closed":
            os.close(master)  # SIGHUP is ignored, as under nohup: only the end of the input tells
        else:
            process.send_signal(getattr(signal, how))
        assert process.wait(timeout=30) == 0
    finally:
        process.kill()
    assert read_status(run).state == "training"
    assert not list(run.control_dir.iterdir())


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGHUP])
def test_a_signal_while_it_is_loading_gives_the_terminal_back(home: Path, number: int) -> None:
    with loading() as (process, _, slave, before):
        process.send_signal(number)
        process.wait(timeout=30)
        assert termios.tcgetattr(slave) == before


def test_keys_typed_before_the_first_screen_are_taken_and_the_terminal_is_given_back(home: Path) -> None:
    record(home, "live-run", steps=3)
    with loading() as (process, master, slave, before):
        assert not select.select([master], [], [], 0)[0], "nothing is painted yet"
        os.write(master, b"\r")
        written = quiet(master)
        assert written.startswith(b"\x1b"), "what is typed is not shown"
        assert b"Runs" in written
        assert b"Samples" in written, "Enter opened the run"
        os.write(master, b"\x11")
        assert process.wait(timeout=30) == 0
        assert termios.tcgetattr(slave) == before


@pytest.mark.parametrize("arguments", [[], ["tui"]])
def test_the_interface_opens_without_getting_ready_to_read_a_command_line(
    home: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]
) -> None:
    opened: list[str | None] = []

    monkeypatch.setattr(main, "on_a_terminal", lambda: True)
    monkeypatch.setitem(sys.modules, "nlu_rl.cli.commands", None)  # importing it would fail
    monkeypatch.setattr(start, "run_tui", lambda run=None: opened.append(run))
    assert main.run_cli(arguments) == 0
    assert opened == [None]
