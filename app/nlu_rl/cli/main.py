"""`nlu-rl`: the one place where errors become panels and exit codes.

Started on a terminal with nothing to read it opens the interface, without the library that reads command lines
(`commands.py`), which would be a tenth of the start.
"""

import contextlib
import os
import sys
import tempfile
import traceback
from pathlib import Path

from nlu_rl import __version__, paths
from nlu_rl.errors import InternalError, NluRlError


def on_a_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def open_interface() -> None:
    from nlu_rl.tui.start import run_tui

    paths.require_runs_dir()
    run_tui()


def main() -> None:
    """The console script."""
    sys.exit(run_cli(sys.argv[1:]))


def run_cli(arguments: list[str]) -> int:
    """Run one command line and return its exit code; every error has been shown."""
    from nlu_rl.cli.console import show_error

    for name in ("stdout", "stderr"):
        if getattr(sys, name) is None:  # closed by whoever started us
            setattr(sys, name, open(os.devnull, "w", encoding="utf-8"))  # noqa: SIM115 - for the whole process
    try:
        if arguments in ([], ["tui"]) and on_a_terminal():
            open_interface()
        else:
            from nlu_rl.cli.commands import read_command_line

            read_command_line(arguments)
    except SystemExit as end:
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            forget_stdout()
        return end.code if isinstance(end.code, int) else int(bool(end.code))
    except NluRlError as error:
        show_error(error)
        return error.exit_code
    except KeyboardInterrupt:
        return 130
    except Exception as error:  # noqa: BLE001 - no traceback reaches the user, it is kept in a file
        show_error(
            InternalError(
                f"Something went wrong inside nlu-rl: {type(error).__name__}: {error}",
                f"Please report it with {save_traceback(error)}.",
            )
        )
        return 1
    return 0


def forget_stdout() -> None:
    """Send what is still to be written nowhere, so that nothing complains at exit."""
    with contextlib.suppress(OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def save_traceback(error: BaseException) -> Path:
    """Write an exception to a file of its own and return its path."""
    text = "".join(traceback.format_exception(error))
    for folder in (paths.home() / "logs", Path(tempfile.gettempdir())):
        try:
            folder.mkdir(parents=True, exist_ok=True)
            with tempfile.NamedTemporaryFile(
                "w", dir=folder, prefix="nlu-rl-error-", suffix=".txt", delete=False, encoding="utf-8"
            ) as file:
                file.write(f"nlu-rl {__version__}\n{text}")
                return Path(file.name)
        except OSError:
            continue
    return Path(os.devnull)


if __name__ == "__main__":
    main()
