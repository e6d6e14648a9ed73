"""A person at a terminal: runs a command on a pseudo-terminal, waits for words on the screen, and types.

terminal.py STEP... -- COMMAND...

A step is `see:WORDS` (wait until they appear), or `type:KEYS`. Between two steps of typing, what was seen before is
forgotten. The exit status is the command's; 90 when words do not appear, 91 when the command does not end. Standard
library only.
"""

import fcntl
import os
import pty
import re
import select
import struct
import sys
import termios
import time

PATIENCE_SECONDS = float(os.environ.get("PATIENCE_SECONDS", "120"))
ROWS, COLUMNS = 40, 132
_ESCAPES = re.compile(rb"\x1b(?:\[[0-9;?<>=]*[A-Za-z]|\][^\x07]*\x07|[()][0-9A-B]|[=>78])")


class Terminal:
    """A command on a pseudo-terminal of its own, and what it has written since the last key."""

    def __init__(self, command: list[str]) -> None:
        self._pid, self._master = pty.fork()
        if self._pid == 0:
            os.environ["TERM"] = "xterm-256color"
            os.execvp(command[0], command)
        fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
        self._written = b""
        self.ended = False

    def text(self) -> str:
        return _ESCAPES.sub(b" ", self._written).decode(errors="replace")

    def see(self, words: str) -> bool:
        """Wait for `words`; return whether they came."""
        until = time.monotonic() + PATIENCE_SECONDS
        while words not in re.sub(r"\s+", " ", self.text()):
            if self.ended or time.monotonic() > until:
                return False
            self._read()
        return True

    def type(self, keys: str) -> None:
        self._written = b""
        for key in keys.encode().decode("unicode_escape"):
            os.write(self._master, key.encode())
            time.sleep(0.2)

    def end(self) -> int | None:
        """Wait for the command's end and return its exit status; None when it does not end."""
        until = time.monotonic() + PATIENCE_SECONDS
        while not self.ended and time.monotonic() < until:
            self._read()
        if not self.ended:
            return None
        return os.waitstatus_to_exitcode(os.waitpid(self._pid, 0)[1])

    def _read(self) -> None:
        if not select.select([self._master], [], [], 0.2)[0]:
            return
        try:
            chunk = os.read(self._master, 65536)
        except OSError:  # the other end is closed
            chunk = b""
        self._written += chunk
        self.ended = not chunk


def main(arguments: list[str]) -> int:
    """Take the steps, then wait for the command's end."""
    split = arguments.index("--")
    terminal = Terminal(arguments[split + 1 :])
    for step in arguments[:split]:
        verb, _, words = step.partition(":")
        if verb == "type":
            terminal.type(words)
        elif not terminal.see(words):
            sys.stderr.write(f"'{words}' does not appear. The screen has:\n{terminal.text()[-2000:]}\n")
            return 90
    code = terminal.end()
    if code is None:
        sys.stderr.write(f"It does not end. The screen has:\n{terminal.text()[-2000:]}\n")
        return 91
    return code


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
