"""The demo's four jobs in order, on the same rows, and its one line of JSON; the jobs are stand-ins."""

import json

from command import Cli

from nlu_rl import paths
from nlu_rl.runs.jobs import read_job
from nlu_rl.runs.layout import list_runs, open_run


def test_the_demo_as_json(cli: Cli) -> None:
    done = cli("demo", "--json", "--steps", "3", "--examples", "4")
    assert done.returncode == 0, done.stderr
    [line] = done.stdout.splitlines()
    found = json.loads(line)
    assert found.pop("seconds") > 0
    assert found == {
        "before": {"accuracy": 0.75, "parse_rate": 1.0, "n": 4},
        "after": {"accuracy": 0.75, "parse_rate": 1.0, "n": 4},
        "run": "movie-snippets-smollm2-135m-ppo-01",
        "export": "/exports/x",
    }
    run = open_run(found["run"])
    assert "max_steps: 3" in run.recipe_path.read_text()
    [before] = [other for other in list_runs() if read_job(other).kind == "evaluate"]
    [after] = list_runs(run.eval_dir)
    first, second = read_job(before).arguments, read_job(after).arguments
    assert (first["model"], first["run"]) == ("smollm2-135m", None)
    assert (second["model"], second["run"], second["checkpoint"]) == (None, run.name, "step-3")
    for key in ("task", "split", "examples", "seed", "greedy", "samples", "shots", "data"):
        assert first[key] == second[key]
    assert (first["split"], first["seed"], first["greedy"]) == ("test", 1, False)
    [export] = list_runs(run.export_dir)
    assert read_job(export).arguments == {"run": run.name, "to": None}
    assert (paths.recipes_dir() / "demo.yaml").is_file()


def test_the_demo_for_people(cli: Cli) -> None:
    done = cli("demo", "--steps", "3")
    assert done.returncode == 0, done.stderr
    for words in ("before", "after", "0.750", "0.500 to 1.000", "/exports/x", "nlu-rl runs show movie-snippets"):
        assert words in done.stdout
    for words in ("1 of 4", "2 of 4", "3 of 4", "4 of 4"):
        assert words in done.stderr
