"""A command on a real terminal of its own: what it shows, Ctrl-C as the keyboard sends it, and hanging up."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
from typing import Self

from command import Cli

CONTROL = re.compile(rb"\x1b\[[0-9;?]*[A-Za-z]")


class Terminal:
    """Runs `nlu-rl` with a pseudo terminal as its controlling terminal."""

    def __init__(self, cli: Cli, *arguments: str) -> None:
        self._master, slave = pty.openpty()
        fcntl.ioctl(slave, termios.TIOCSWINSZ, struct.pack("HHHH", 40, 140, 0, 0))
        self._shown = bytearray()
        self._process = subprocess.Popen(
            [*cli.command, *arguments],
            stdin=slave,
            stdout=slave,
            stderr=slave,
            env=cli.environment,
            cwd=cli.home,
            start_new_session=True,
            preexec_fn=self._own_the_terminal,
        )
        os.close(slave)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    @staticmethod
    def _own_the_terminal() -> None:
        """In the child: the terminal is its own, and hanging up ends it, also when the tests run under nohup."""
        fcntl.ioctl(0, termios.TIOCSCTTY, 0)
        signal.signal(signal.SIGHUP, signal.SIG_DFL)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        if self._process.poll() is None:
            self._process.kill()
            self._process.wait()

    def ctrl_c(self) -> None:
        os.write(self._master, b"\x03")

    def type(self, text: str) -> None:
        os.write(self._master, text.encode())

    def hang_up(self) -> None:
        """Take the terminal away, as closing a window does."""
        master, self._master = self._master, -1
        os.close(master)

    def wait(self) -> int:
        code = self._process.wait(timeout=20)
        self._reader.join(2)
        return code

    def output(self) -> str:
        """Return what was shown so far, without control sequences."""
        return CONTROL.sub(b"", bytes(self._shown)).decode(errors="replace")

    def _read(self) -> None:
        import select

        while (master := self._master) >= 0:
            try:
                if select.select([master], [], [], 0.1)[0]:
                    block = os.read(master, 65536)
                    if not block:
                        return
                    self._shown += block
            except (OSError, ValueError):
                return
