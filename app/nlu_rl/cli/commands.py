"""The commands by name, as typer reads a command line.

Command modules are imported when their command is used (or listed by --help), so a command starts as fast as its own
imports allow. Each has a typer `app`; a module of one file per command group.
"""

import contextlib
import importlib
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated, Any, NamedTuple

import typer
from typer.core import TyperGroup

from nlu_rl import __version__, paths
from nlu_rl.cli.main import forget_stdout, on_a_terminal, open_interface

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
    if context.invoked_subcommand == "doctor":  # which says what else is wrong
        paths.require_home()
        return
    paths.require_runs_dir()
    if context.invoked_subcommand is not None:
        return
    if on_a_terminal():
        open_interface()
    else:
        # get_help prints through rich and returns nothing
        context.command.format_help(context, context.make_formatter())


@contextlib.contextmanager
def _closed_pipe_is_fine() -> Iterator[None]:
    """End quietly, as done, when whoever read our standard output has closed it."""
    try:
        yield
    except BrokenPipeError:
        forget_stdout()
        raise typer.Exit(0) from None


def read_command_line(arguments: list[str]) -> None:
    """Run one command; ends with SystemExit."""
    typer.main.get_command(app).main(args=arguments, prog_name="nlu-rl")
