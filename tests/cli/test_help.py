"""The help is complete, quick, and light; usage errors name what was meant."""

import subprocess
import sys
from importlib.util import find_spec

import pytest
from command import Cli

from nlu_rl.cli.commands import COMMANDS, load_command

HEAVY = ("torch", "transformers", "trl", "peft", "datasets", "numpy", "scipy", "sklearn", "textual")


def test_every_command_exists_and_says_what_it_does() -> None:
    missing = [name for name, entry in COMMANDS.items() if find_spec(f"nlu_rl.cli.{entry.module}") is None]
    assert missing == []
    for name in COMMANDS:
        assert load_command(name).help, name


def test_the_help_page(cli: Cli) -> None:
    shown = cli("--help")
    assert shown.returncode == 0
    assert shown.stderr == ""
    for panel in ("Train", "Evaluate", "Export", "Data and models", "System"):
        assert f"─ {panel} " in shown.stdout
    for words in ("nlu-rl demo", "nlu-rl run sst2-ppo", "--install-completion", *COMMANDS):
        assert words in shown.stdout
    alone = cli()
    assert (alone.returncode, alone.stdout.rstrip()) == (0, shown.stdout.rstrip())


@pytest.mark.parametrize("arguments", [["--help"], ["runs", "list"], ["run", "--help"], ["check", "r.yaml"]])
def test_no_command_imports_what_is_heavy(cli: Cli, arguments: list[str]) -> None:
    script = (
        "import sys\nfrom nlu_rl.cli.main import run_cli\n"
        f"run_cli({arguments!r})\nprint(sorted(set({HEAVY!r}) & set(sys.modules)), file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=cli.environment, cwd=cli.home, check=True
    )
    assert done.stderr.splitlines()[-1] == "[]"


def test_the_help_loads_little(cli: Cli) -> None:
    """What is loaded decides how soon it starts, and is the same on a busy machine."""
    script = (
        "import sys\nfrom nlu_rl.cli.main import run_cli\nrun_cli(['--help'])\n"
        "print(len(sys.modules), 'textual' in sys.modules, 'numpy' in sys.modules, file=sys.stderr)"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], capture_output=True, text=True, env=cli.environment, cwd=cli.home, check=True
    )
    modules, *heavier = done.stderr.splitlines()[-1].split()
    assert int(modules) < 600
    assert heavier == ["False", "False"]


def test_version(cli: Cli) -> None:
    assert cli("--version").stdout.startswith("nlu-rl 0.")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["rnu"], "Did you mean 'run'"),
        (["runs", "lst"], "Did you mean 'list'"),
        (["run", "r.yaml", "--jsn"], "--json"),
        (["run"], "Missing argument"),
        (["runs", "logs", "x", "-n", "many"], "integer"),
    ],
)
def test_a_usage_error_exits_2_and_says_what_was_meant(cli: Cli, arguments: list[str], words: str) -> None:
    done = cli(*arguments)
    assert done.returncode == 2
    assert words in done.stderr
    assert done.stdout == ""


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("nlu-rl ru", ["run", "runs"]),
        ("nlu-rl run r.", ["r.yaml"]),
        ("nlu-rl stop alph", ["alpha"]),
        ("nlu-rl runs restore om", ["omega"]),
    ],
)
def test_the_shell_completes_names(cli: Cli, line: str, expected: list[str]) -> None:
    from nlu_rl.runs.jobs import Job
    from nlu_rl.runs.layout import create_run
    from nlu_rl.runs.status import Status, write_status
    from nlu_rl.runs.trash import remove

    create_run(cli.runs, "alpha", Job("train"), exact=True)
    gone = create_run(cli.runs, "omega", Job("train"), exact=True)
    write_status(gone, Status(state="done"))
    remove(gone)
    asked = {"_NLU_RL_COMPLETE": "complete_bash", "COMP_WORDS": line, "COMP_CWORD": str(len(line.split()) - 1)}
    cli.environment |= asked
    done = cli()
    assert done.stdout.split() == expected


def test_a_completion_script_is_given(cli: Cli) -> None:
    cli.environment |= {"_NLU_RL_COMPLETE": "source_bash"}
    assert "_NLU_RL_COMPLETE=complete_bash" in cli().stdout
