"""Runs from the command line, by real processes: start, follow, interrupt, kill, resume, refuse."""

import json
import os
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest
from command import Cli
from terminal import Terminal

from nlu_rl.runs.checkpoints import complete_checkpoints
from nlu_rl.runs.events import read_events
from nlu_rl.runs.layout import RunDirectory
from nlu_rl.runs.status import Status, read_status

Wait = Callable[[Callable[[], object]], None]
LONG = ("train.max_steps=1000", "train.learning_rate=0.05")
NAME = "sst2-smollm2-135m-ppo-01"


def the_run(cli: Cli, name: str = NAME) -> RunDirectory:
    return RunDirectory(cli.runs / name)


def status_of(cli: Cli) -> Status:
    return read_status(the_run(cli))


def training(cli: Cli) -> Callable[[], bool]:
    return lambda: the_run(cli).status_path.exists() and status_of(cli).step >= 2


def detached(cli: Cli, wait_for: Wait, *overrides: str) -> RunDirectory:
    done = cli("run", "r.yaml", *LONG, *overrides, "--detach")
    assert done.returncode == 0, done.stderr
    assert done.stdout == f"{NAME}\n"
    wait_for(training(cli))
    return the_run(cli)


def worker_of(run: RunDirectory) -> int:
    pid = read_status(run).pid
    assert pid is not None
    return pid


def test_run_to_the_end(cli: Cli) -> None:
    done = cli("run", "r.yaml", "--json")
    assert done.returncode == 0, done.stderr
    line = done.stdout.splitlines()
    assert [json.loads(text) for text in line] == [
        {"run": NAME, "state": "done", "step": 3, "scores": {"accuracy": 0.75}}
    ]
    assert "step 1/3: reward 0.333" in done.stderr
    assert "step 3/3" in done.stderr
    assert "\x1b" not in done.stderr
    run = the_run(cli)
    assert "max_steps: 3" in run.recipe_path.read_text()
    assert "gae_lambda: 0.95" in run.recipe_path.read_text()
    assert run.source_path.read_text() == (cli.home / "r.yaml").read_text()


def test_text_and_an_own_name(cli: Cli) -> None:
    done = cli("run", "r.yaml", "train.max_steps=2", "--name", "mine")
    assert done.returncode == 0, done.stderr
    assert "mine: done at step 2, accuracy 0.750" in done.stdout
    again = cli("run", "r.yaml", "--name", "mine")
    assert again.returncode == 2
    assert "already a run named 'mine'" in again.stderr
    assert "nlu-rl resume" not in again.stderr  # it is done
    assert cli("run", "r.yaml", "--name", "mine", "--dry-run").returncode == 2


def test_dry_run_writes_nothing(cli: Cli) -> None:
    done = cli("run", "r.yaml", "train.max_steps=7", "--dry-run")
    assert done.returncode == 0, done.stderr
    for words in ("max_steps: 7", "value_learning_rate", "Memory plan", "<Judgement>", "train text 0"):
        assert words in done.stdout
    as_json = json.loads(cli("run", "r.yaml", "--dry-run", "--json").stdout)
    assert as_json["recipe"]["train"]["batch"] == 4
    assert as_json["prompts"]["sst2"][-1] == {"role": "assistant", "content": "<Judgement>"}
    assert as_json["plan"]["total_bytes"] > 135_000_000
    assert not cli.runs.exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["r.yml"], "Unknown recipe"),
        (["rte-ppo"], "nlu-rl run sst2-ppo 'tasks=[rte]'"),
        (["ax-b-grpo-qwen2.5-7b"], "nlu-rl run sst2-grpo-qwen2.5-7b 'tasks=[ax-b]'"),
        (["rte-pp0"], "Unknown recipe 'rte-pp0'"),
        (["./none.yaml"], "no recipe file none.yaml"),
        (["."], "folder"),
        (["r.yaml", "train.max_step=3"], "Did you mean 'train.max_steps'"),
        (["r.yaml", "train.max_steps=many"], "train.max_steps"),
        (["r.yaml", "ppo.minibatches=3"], "not a multiple"),
        (["r.yaml", "tasks=[sst3]"], "Did you mean 'sst2'"),
        (["r.yaml", "model=smollm2-135n"], "Did you mean 'smollm2-135m'"),
        (["r.yaml", "model=./folder"], "does not exist"),
        (["r.yaml", "start_from=none"], "no run 'none'"),
        (["r.yaml", "max_steps"], "not an override"),
        (["r.yaml", "--name", "../x"], "cannot be the name"),
        (["r.yaml", "--name", "../x", "--dry-run"], "cannot be the name"),
        (["r.yaml", "tasks=[sst3]", "--dry-run"], "Did you mean 'sst2'"),
        (["r.yaml", "start_from=none", "--dry-run"], "no run 'none'"),
    ],
)
def test_bad_input_is_one_message_with_a_fix(cli: Cli, arguments: list[str], words: str) -> None:
    done = cli("run", *arguments, "--json")
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
    assert "Traceback" not in done.stderr
    assert done.stdout == ""
    assert not list(cli.runs.glob("*"))


def test_a_recipe_that_is_no_file(cli: Cli) -> None:
    os.mkfifo(cli.home / "pipe.yaml")
    done = cli("run", "./pipe.yaml")
    assert done.returncode == 2
    assert "pipe.yaml is not a regular file" in done.stderr


def test_the_workers_error_reaches_the_user(cli: Cli) -> None:
    user = cli("run", "r.yaml", "lora.rank=1", "--json")
    assert (user.returncode, user.stdout) == (2, "")
    assert "The rows are gone." in user.stderr
    assert "nlu-rl data fetch demo" in user.stderr
    bug = cli("run", "r.yaml", "lora.rank=2", "--json")
    assert (bug.returncode, bug.stdout) == (1, "")
    assert "ZeroDivisionError: oh" in bug.stderr
    assert "Traceback" not in bug.stderr
    log = the_run(cli, NAME.replace("01", "02")).log_path
    assert str(log) in bug.stderr
    assert "Traceback" in log.read_text()


def test_ctrl_c_once_stops_with_a_checkpoint_and_resume_goes_on(cli: Cli, wait_for: Wait) -> None:
    with Terminal(cli, "run", "r.yaml", *LONG) as terminal:
        wait_for(training(cli))
        worker = worker_of(the_run(cli))
        terminal.ctrl_c()
        assert terminal.wait() == 130
    shown = terminal.output()
    assert "Stopping with a checkpoint" in shown
    assert "reward" in shown
    status = status_of(cli)
    assert status.state == "stopped"
    assert not psutil.pid_exists(worker)
    assert (the_run(cli).checkpoints_dir / f"step-{status.step}" / "complete").exists()

    before = status.step
    assert cli("resume", NAME, "--detach").returncode == 0
    wait_for(lambda: status_of(cli).step > before)
    assert {"type": "resume", "step": before}.items() <= next(
        event for event in read_events(the_run(cli).events_path) if event["type"] == "resume"
    ).items()
    stopped = json.loads(cli("stop", NAME, "--wait", "--json").stdout)
    assert (stopped["state"], stopped["stopping"]) == ("stopped", False)


def test_resume_after_a_stop_waits_for_it_and_tells_only_what_is_new(cli: Cli, wait_for: Wait) -> None:
    run = detached(cli, wait_for)
    assert json.loads(cli("stop", NAME, "--json").stdout)["stopping"]
    with subprocess.Popen(
        [*cli.command, "resume", NAME], env=cli.environment, cwd=cli.home, stderr=subprocess.PIPE, text=True
    ) as command:
        wait_for(lambda: any(event["type"] == "resume" for event in read_events(run.events_path)))
        assert cli("stop", NAME).returncode == 0
        _, shown = command.communicate(timeout=10)
    assert command.returncode == 130, "stopped is not done, whoever stopped it"
    assert "step 1/1000" not in shown
    assert "checkpoint at step" in shown


def test_ctrl_c_twice_stops_at_once(cli: Cli, wait_for: Wait) -> None:
    with Terminal(cli, "run", "r.yaml", "train.max_steps=9", "train.learning_rate=30") as terminal:
        wait_for(lambda: the_run(cli).status_path.exists() and status_of(cli).state == "training")
        worker = worker_of(the_run(cli))
        terminal.ctrl_c()
        wait_for(lambda: "Stopping with a checkpoint" in terminal.output())
        terminal.ctrl_c()
        assert terminal.wait() == 130
    assert status_of(cli).state == "stopped"
    assert not psutil.pid_exists(worker)


def test_the_run_outlives_its_terminal(cli: Cli, wait_for: Wait) -> None:
    with Terminal(cli, "run", "r.yaml", *LONG) as terminal:
        wait_for(training(cli))
        terminal.hang_up()
        terminal.wait()
    before = status_of(cli)
    wait_for(lambda: status_of(cli).step > before.step + 2)
    assert psutil.pid_exists(worker_of(the_run(cli)))


@pytest.mark.parametrize("worker_too", [False, True])
def test_a_termination_stops_with_a_checkpoint(cli: Cli, wait_for: Wait, worker_too: bool) -> None:
    """Also where a scheduler signals every process: to the worker, two signals would mean at once."""
    with subprocess.Popen(
        [*cli.command, "run", "r.yaml", *LONG, "--json"], env=cli.environment, cwd=cli.home, stdout=subprocess.PIPE
    ) as command:
        wait_for(training(cli))
        command.terminate()
        if worker_too:
            os.kill(worker_of(the_run(cli)), signal.SIGTERM)
        printed, _ = command.communicate(timeout=20)
    assert command.returncode == 130
    status = status_of(cli)
    assert status.state == json.loads(printed)["state"] == "stopped"
    assert (the_run(cli).checkpoints_dir / f"step-{status.step}" / "complete").exists()


def test_a_killed_command_leaves_the_run(cli: Cli, wait_for: Wait) -> None:
    with subprocess.Popen([*cli.command, "run", "r.yaml", *LONG], env=cli.environment, cwd=cli.home) as command:
        wait_for(training(cli))
        command.kill()
    before = status_of(cli)
    wait_for(lambda: status_of(cli).step > before.step + 2)


def test_a_killed_worker_is_lost_and_resumes(cli: Cli, wait_for: Wait) -> None:
    run = detached(cli, wait_for)
    refused = cli("resume", NAME)
    assert refused.returncode == 2
    assert "already has a worker" in refused.stderr
    assert cli("runs", "rm", NAME, "--yes").returncode == 2
    os.kill(worker_of(run), signal.SIGKILL)
    wait_for(lambda: status_of(cli).state == "lost")
    shown = json.loads(cli("runs", "show", NAME, "--json").stdout)
    assert shown["state"] == "lost"
    assert f"nlu-rl resume {NAME}" in shown["error"]["fix"]
    assert "exit_code" not in cli("runs", "show", NAME).stdout
    done = cli("resume", NAME, "--detach", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["run"] == NAME
    wait_for(lambda: status_of(cli).state == "training")
    ended = cli("stop", NAME, "--now")
    assert ended.returncode == 0
    assert status_of(cli).state == "stopped"
    kept = complete_checkpoints(the_run(cli))
    assert (f"from step {kept[-1][0]}, its last checkpoint" if kept else "from step 0") in ended.stderr


def test_a_follower_of_a_killed_worker_says_so(cli: Cli, wait_for: Wait) -> None:
    with subprocess.Popen(
        [*cli.command, "run", "r.yaml", *LONG],
        env=cli.environment,
        cwd=cli.home,
        stderr=subprocess.PIPE,
        text=True,
    ) as command:
        wait_for(training(cli))
        os.kill(worker_of(the_run(cli)), signal.SIGKILL)
        _, shown = command.communicate(timeout=10)
    assert command.returncode == 1
    assert "ended without a word" in shown
    assert f"nlu-rl resume {NAME}" in shown


def test_what_is_done_is_not_resumed(cli: Cli) -> None:
    assert cli("run", "r.yaml").returncode == 0
    done = cli("resume", NAME)
    assert done.returncode == 2
    assert "nothing to resume" in done.stderr
    stopped = cli("stop", NAME, "--json")
    assert stopped.returncode == 0
    assert json.loads(stopped.stdout)["state"] == "done"
    assert cli("resume", "nope").returncode == 2


def test_a_deaf_worker_is_killed_by_stop_now(cli: Cli, wait_for: Wait) -> None:
    from nlu_rl.runs.stop import stop_now

    run = detached(cli, wait_for, "lora.rank=3")
    worker = worker_of(run)
    assert stop_now(run, patience_seconds=1).state == "stopped"
    assert not psutil.pid_exists(worker) or psutil.Process(worker).status() == psutil.STATUS_ZOMBIE


def test_a_foreign_process_is_never_signalled(cli: Cli, wait_for: Wait) -> None:
    from dataclasses import replace

    from nlu_rl.runs.status import write_status
    from nlu_rl.runs.stop import stop_now

    assert cli("run", "r.yaml").returncode == 0
    run = the_run(cli)
    with subprocess.Popen(["sleep", "60"]) as bystander:
        write_status(run, replace(read_status(run), state="training", pid=bystander.pid, pid_started=1.0, heartbeat=0))
        assert stop_now(run, patience_seconds=0.5).state == "stopped"
        assert bystander.poll() is None
        bystander.kill()


def test_two_resumes_start_one_worker(cli: Cli, wait_for: Wait) -> None:
    run = detached(cli, wait_for)
    assert cli("stop", NAME, "--now").returncode == 0
    both = [
        subprocess.Popen([*cli.command, "resume", NAME, "--detach"], env=cli.environment, stderr=subprocess.DEVNULL)
        for _ in range(2)
    ]
    assert sorted(process.wait(20) for process in both) == [0, 2]
    wait_for(lambda: status_of(cli).state == "training")
    workers = [
        process.pid
        for process in psutil.process_iter(["cmdline"])
        if str(run.path) in (process.info["cmdline"] or []) and "stand_in_worker" in process.info["cmdline"]
    ]
    assert workers == [worker_of(run)]


def test_check(cli: Cli) -> None:
    good = cli("check", "r.yaml", "--json")
    assert good.returncode == 0, good.stderr
    found = {check["name"]: check["state"] for check in json.loads(good.stdout)["checks"]}
    assert found["recipe"] == "ok"
    assert found["task sst2"] == "ok"
    assert found["model"] == "warn"  # not fetched yet
    bad = cli("check", "r.yaml", "tasks=[cola, sst2]", "model=./none", "start_from=nope")
    assert bad.returncode == 2
    for words in ("fail model", "fail start_from", "warn task cola", "nlu-rl data import glue DIR"):
        assert words in bad.stdout
    assert not cli.runs.exists()


def test_start_from_wants_the_same_adapter(cli: Cli) -> None:
    assert cli("run", "r.yaml", "--name", "first").returncode == 0
    assert cli("run", "r.yaml", "start_from=first").returncode == 0
    refused = cli("run", "r.yaml", "start_from=first", "lora.alpha=8")
    assert refused.returncode == 2
    assert "another lora" in refused.stderr


def test_a_home_that_is_a_file(cli: Cli, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    cli.environment["NLU_RL_HOME"] = str(tmp_path / "file")
    done = cli("run", "r.yaml")
    assert done.returncode == 2, done.stderr
    assert "NLU_RL_HOME" in done.stderr
    assert cli("runs", "list").returncode == 2
