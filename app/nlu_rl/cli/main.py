"""`nlu-rl`: the commands by name, and the one place where errors become panels and exit codes.

Command modules are imported when their command is used (or listed by --help), so a command starts as fast as its own
imports allow. Each has a typer `app`; a module of one file per command group.
"""

import contextlib
import importlib
import os
import sys
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup

from nlu_rl import __version__, paths
from nlu_rl.errors import InternalError, NluRlError

if TYPE_CHECKING:
    from typer.core import TyperCommand


class Entry(NamedTuple):
    """Where a command is: the module under `nlu_rl.cli`, and its panel on the help page."""

    module: str
    panel: str
    is_group: bool = False


TRAIN, EVALUATE, EXPORT, STOCK, SYSTEM = "Train", "Evaluate", "Export", "Data and models", "System"
COMMANDS: dict[str, Entry] = {
    "demo": Entry("demo", TRAIN),
    "run": Entry("run", TRAIN),
    "resume": Entry("run", TRAIN),
    "stop": Entry("run", TRAIN),
    "runs": Entry("runs", TRAIN, is_group=True),
    "check": Entry("check", TRAIN),
    "eval": Entry("evaluate", EVALUATE),
    "encoder": Entry("encoder", EVALUATE),
    "compare": Entry("evaluate", EVALUATE),
    "report": Entry("report", EVALUATE),
    "reproduce": Entry("reproduce", EVALUATE),
    "predict": Entry("evaluate", EVALUATE),
    "submit": Entry("submit", EVALUATE),
    "export": Entry("export", EXPORT),
    "tasks": Entry("tasks", STOCK, is_group=True),
    "data": Entry("data", STOCK, is_group=True),
    "models": Entry("models", STOCK, is_group=True),
    "plan": Entry("plan", SYSTEM),
    "doctor": Entry("doctor", SYSTEM),
    "tui": Entry("tui", SYSTEM),
    "web": Entry("web", SYSTEM),
}


class CommandGroup(TyperGroup):
    """The commands of `COMMANDS`, imported one by one as they are needed."""

    def list_commands(self, ctx: Any) -> list[str]:
        return list(COMMANDS)

    def get_command(self, ctx: Any, cmd_name: str) -> Any:
        if cmd_name not in COMMANDS:
            for name in COMMANDS:  # for the did-you-mean of the caller, which looks here
                self.commands.setdefault(name, load_command(name))
            return None
        if cmd_name not in self.commands:
            self.commands[cmd_name] = load_command(cmd_name)
        return self.commands[cmd_name]

    def invoke(self, ctx: Any) -> Any:
        with _closed_pipe_is_fine():
            return super().invoke(ctx)


def load_command(name: str) -> "TyperCommand | TyperGroup":
    """Import a command's module and return the command."""
    entry = COMMANDS[name]
    module = importlib.import_module(f"nlu_rl.cli.{entry.module}")
    group = typer.main.get_group(module.app)
    command: Any = group if entry.is_group else group.commands[name]
    command.name = name
    command.rich_help_panel = entry.panel
    return command  # type: ignore[no-any-return]


app = typer.Typer(
    cls=CommandGroup,
    rich_markup_mode="rich",
    context_settings={"help_option_names": ["--help", "-h"]},
    epilog="Every command has its own --help. Results go to standard output, all else to standard error; "
    "exit 0: done, 1: a fault of the program, 2: something to put right, 130: interrupted.",
)


@app.callback(invoke_without_command=True)
def _root(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Print the version and exit.", is_eager=True)] = False,
) -> None:
    """Make a local LLM good at language understanding with SFT, PPO or GRPO, and prove that it is.

    [bold]nlu-rl[/]                open the terminal interface
    [bold]nlu-rl demo[/]           train, measure and export a small model, here and now
    [bold]nlu-rl run sst2-ppo[/]   train by a recipe; 'nlu-rl runs list' shows every run
    """
    if version:
        print(f"nlu-rl {__version__}")
        return
    paths.require_home()
    if context.invoked_subcommand is not None:
        return
    if _on_a_terminal():
        _open_interface()
    else:
        # get_help prints through rich and returns nothing
        context.command.format_help(context, context.make_formatter())


def _on_a_terminal() -> bool:
    return sys.stdin.isatty() and sys.stdout.isatty()


def _open_interface() -> None:
    from nlu_rl.tui.start import run_tui

    paths.require_home()
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
        if arguments in ([], ["tui"]) and _on_a_terminal():
            _open_interface()  # for there is nothing to read; getting ready to read would be a seventh of the start
        else:
            typer.main.get_command(app).main(args=arguments, prog_name="nlu-rl")
    except SystemExit as end:
        try:
            sys.stdout.flush()
        except BrokenPipeError:
            _forget_stdout()
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


@contextlib.contextmanager
def _closed_pipe_is_fine() -> Iterator[None]:
    """End quietly, as done, when whoever read our standard output has closed it."""
    try:
        yield
    except BrokenPipeError:
        _forget_stdout()
        raise typer.Exit(0) from None


def _forget_stdout() -> None:
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
