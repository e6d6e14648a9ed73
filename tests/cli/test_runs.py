"""`runs`: what is shown is what is there, logs follow, removing asks and can be undone; pipes and faults end well."""

import json
import shutil
import subprocess
import sys
from collections.abc import Callable

import pytest
from command import Cli
from terminal import Terminal

from nlu_rl.runs import control
from nlu_rl.runs.jobs import Job
from nlu_rl.runs.layout import RunDirectory, create_run
from nlu_rl.runs.status import Status, read_status, write_status

Wait = Callable[[Callable[[], object]], None]


@pytest.fixture
def done(cli: Cli) -> RunDirectory:
    assert cli("run", "r.yaml", "--name", "done").returncode == 0
    return RunDirectory(cli.runs / "done")


def test_list(cli: Cli, done: RunDirectory) -> None:
    foreign = cli.runs / "foreign"
    foreign.mkdir()
    (foreign / "job.json").write_text("{")
    damaged = create_run(cli.runs, "damaged", Job("train"), exact=True)
    damaged.status_path.write_bytes(b"\xff")
    lines = [json.loads(line) for line in cli("runs", "list", "--json").stdout.splitlines()]
    states = {line["run"]: line["state"] for line in lines}
    assert states == {"foreign": "damaged", "done": "done", "damaged": "lost"}
    assert len({frozenset(line) for line in lines}) == 1, "every line has the same keys"
    first = next(line for line in lines if line["run"] == "done")
    assert (first["method"], first["model"], first["tasks"], first["step"]) == ("ppo", "smollm2-135m", ["sst2"], 3)
    shown = cli("runs", "list")
    for words in ("done", "3/3", "foreign"):
        assert words in shown.stdout
    assert "'nlu-rl runs show foreign' says what is wrong" in shown.stderr
    assert "job.json is damaged" in cli("runs", "show", "foreign").stderr
    taken = cli("run", "r.yaml", "--name", "foreign").stderr
    assert "no whole run" in taken
    assert "'nlu-rl runs rm foreign'" in taken


def test_list_of_nothing(cli: Cli) -> None:
    empty = cli("runs", "list")
    assert (empty.returncode, empty.stdout) == (0, "")
    assert "nlu-rl demo" in empty.stderr
    assert cli("runs", "list", "--json").stdout == ""


def test_show(cli: Cli, done: RunDirectory) -> None:
    create_run(done.eval_dir, "sst2-test", Job("evaluate"))
    found = json.loads(cli("runs", "show", "done", "--json").stdout)
    assert found["scores"] == {"accuracy": 0.75}
    assert found["checkpoints"] == [3]
    assert found["evaluations"] == ["sst2-test-01"]
    assert found["error"] is None
    text = cli("runs", "show", "done").stdout
    for words in ("accuracy 0.750", str(done.log_path), "done"):
        assert words in text
    wrong = cli("runs", "show", "don")
    assert wrong.returncode == 2
    assert "Did you mean 'done'" in wrong.stderr


def test_logs_by_lines_and_followed(cli: Cli, wait_for: Wait) -> None:
    assert cli("run", "r.yaml", "train.max_steps=100000", "--name", "long", "--detach").returncode == 0
    run = RunDirectory(cli.runs / "long")
    wait_for(run.log_path.exists)
    with run.log_path.open("ab") as log:
        log.write(b"one\ntwo\xff\n")
    assert cli("runs", "logs", "long", "-n", "1").stdout == "two\ufffd\n"
    assert cli("runs", "logs", "long", "-n", "0").stdout == ""
    follower = subprocess.Popen(
        [*cli.command, "runs", "logs", "-f", "long"], env=cli.environment, stdout=subprocess.PIPE, text=True
    )
    assert follower.stdout is not None
    assert [follower.stdout.readline(), follower.stdout.readline()] == ["one\n", "two\ufffd\n"]
    with run.log_path.open("a") as log:
        log.write("three\n")
    assert follower.stdout.readline() == "three\n"
    control.request(run, "stop")
    assert follower.communicate(timeout=60)[0] == "", "it ends with the run"
    assert read_status(run).state == "stopped"


def test_a_log_that_is_not_there_is_empty(cli: Cli) -> None:
    run = create_run(cli.runs, "new", Job("train"), exact=True)
    write_status(run, Status(state="failed"))
    assert cli("runs", "logs", "new").stdout == ""
    assert cli("runs", "logs", "new", "-f").returncode == 0


def test_removing_wants_the_name_and_can_be_undone(cli: Cli, done: RunDirectory) -> None:
    asked = cli("runs", "rm", "done")
    assert asked.returncode == 2
    assert "--yes" in asked.stderr
    with Terminal(cli, "runs", "rm", "done") as terminal:
        terminal.type("yes\n")
        assert terminal.wait() == 2
    assert done.path.is_dir()
    with Terminal(cli, "runs", "rm", "done") as terminal:
        terminal.type("done\n")
        assert terminal.wait() == 0
    assert not done.path.exists()
    assert cli("runs", "show", "done").returncode == 2
    assert json.loads(cli("runs", "restore", "done", "--json").stdout) == {"run": "done", "removed": False}
    assert json.loads(cli("runs", "show", "done", "--json").stdout)["state"] == "done"


def test_removing_several_is_all_or_nothing_by_name(cli: Cli, done: RunDirectory) -> None:
    assert cli("runs", "rm", "done", "nope", "--yes").returncode == 2
    assert done.path.is_dir()


def test_a_damaged_run_can_be_removed_and_comes_back_as_it_was(cli: Cli, done: RunDirectory) -> None:
    done.job_path.write_text("{")
    foreign = cli.runs / "foreign"
    foreign.mkdir()
    assert cli("runs", "rm", "done", "foreign").returncode == 2  # nobody has said yes
    assert done.path.is_dir()
    assert cli("runs", "rm", "done", "foreign", "--yes").returncode == 0
    assert not done.path.exists()
    assert not foreign.exists()
    assert cli("runs", "restore", "done").returncode == 0
    assert done.job_path.read_text() == "{"


def test_a_closed_pipe_is_not_an_error(cli: Cli) -> None:
    first = create_run(cli.runs, "first", Job("train"), exact=True)
    for number in range(300):  # more than a pipe holds
        shutil.copytree(first.path, cli.runs / f"{'long-name-' * 8}{number}")
    for arguments in (["runs", "list"], ["runs", "list", "--json"]):
        with subprocess.Popen(
            [*cli.command, *arguments], env=cli.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE
        ) as listing:
            assert listing.stdout is not None
            assert listing.stderr is not None
            listing.stdout.read(10)
            listing.stdout.close()
            shown = listing.stderr.read()
            assert (listing.wait(20), shown) == (0, b"")


def test_a_fault_of_ours_leaves_no_traceback_but_a_file(cli: Cli) -> None:
    script = (
        "import sys, nlu_rl.runs.layout as layout\n"
        "def fault(*_): raise ZeroDivisionError('oh')\n"
        "layout.list_runs = fault\n"
        "from nlu_rl.cli.main import run_cli; sys.exit(run_cli(['runs', 'list', '--json']))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script], env=cli.environment, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert "ZeroDivisionError: oh" in done.stderr
    assert "Traceback" not in done.stderr
    [log] = (cli.home / "logs").iterdir()
    assert str(log) in done.stderr
    assert "in fault" in log.read_text()


def test_errors_are_a_panel_on_a_terminal(cli: Cli) -> None:
    with Terminal(cli, "runs", "show", "nope") as terminal:
        assert terminal.wait() == 2
    assert "╭─ Error" in terminal.output()


def test_a_closed_standard_output_is_not_a_fault(cli: Cli, done: RunDirectory) -> None:
    for arguments in (["runs", "list"], ["runs", "list", "--json"], ["--help"], ["run", "r.yaml", "--dry-run"]):
        closed = subprocess.run(
            ["sh", "-c", 'exec "$@" >&-', "sh", *cli.command, *arguments],
            env=cli.environment,
            cwd=cli.home,
            capture_output=True,
            text=True,
            check=False,
        )
        assert (closed.returncode, closed.stderr) == (0, "")
