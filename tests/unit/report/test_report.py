"""Reports of runs: what is read, seeds together, and three files that agree."""

import csv
import json
import re
from pathlib import Path
from typing import Any

import pytest

from nlu_rl import paths
from nlu_rl.cli.main import run_cli
from nlu_rl.errors import RunError
from nlu_rl.recipe import parse_recipe
from nlu_rl.report.document import Document, report_document, write_document
from nlu_rl.report.records import collect
from nlu_rl.report.seeds import spreads
from nlu_rl.report.tables import Table, csv_text, markdown
from nlu_rl.runs.jobs import Job
from nlu_rl.runs.layout import RunDirectory, create_run
from nlu_rl.runs.reporter import Reporter

BALANCE = {"given": {"negative": 30, "positive": 9, "unparsed": 1}, "right": {"negative": 20, "positive": 20}}


def evaluation(root: Path, accuracy: float, seed: int = 1, **asked: Any) -> RunDirectory:
    """Make a finished evaluation."""
    arguments = {"run": None, "model": "smollm2-135m", "task": "sst2", "split": "validation", "data": None, **asked}
    run = create_run(root, "eval-sst2", Job("evaluate", {**arguments, "seed": seed}))
    with Reporter(run) as reporter:
        reporter.result = {
            "task": "sst2",
            "metric": "accuracy",
            "n": 40,
            "seed": seed,
            "shots": asked.get("shots", 0),
            "scores": {"accuracy": accuracy, "f1": 0.5},
            "intervals": {"accuracy": [accuracy - 0.1, accuracy + 0.1], "f1": [0.4, 0.6]},
            "parse_rate": 0.975,
            "parse_rate_lenient": 1.0,
            "seconds_per_row": 0.0123,
            "balance": BALANCE,
        }
    return run


def training(seed: int, accuracy: float, method: str = "ppo") -> RunDirectory:
    """Make a finished training run with rising rewards and one evaluation."""
    recipe = parse_recipe(f"{{model: smollm2-135m, tasks: [sst2], method: {method}, seed: {seed}}}")
    run = create_run(paths.runs_dir(), f"sst2-{method}", Job("train"), recipe_yaml=recipe.to_yaml())
    with Reporter(run) as reporter:
        for step in range(1, 31):
            quantity = {"reward": step / 30} if method != "sft" else {"loss": 1 / step}
            reporter.step(step, {**quantity, "step_seconds": 2.0}, total=30)
    evaluation(run.eval_dir, accuracy, seed, run=run.name, model=None, checkpoint="step-30")
    return run


def test_runs_bring_their_evaluations_and_curves(home: Path) -> None:
    run = training(1, 0.8)
    lone = evaluation(paths.runs_dir(), 0.5)
    few = evaluation(paths.runs_dir(), 0.6, shots=3)
    found = collect([run.name, lone.name, few.name, lone.name])
    assert [(r.method, r.model, r.result["scores"]["accuracy"]) for r in found.records] == [
        ("PPO-ST", "smollm2-135m", 0.8),
        ("zero-shot", "smollm2-135m", 0.5),
        ("3-shot", "smollm2-135m", 0.6),
    ]
    [curve] = found.curves
    assert (curve.quantity, len(curve.points), curve.step_seconds) == ("reward", 30, 2.0)


def test_seeds_of_the_same_recipe_come_together_and_nothing_else(home: Path) -> None:
    names = [training(seed, accuracy).name for seed, accuracy in ((1, 0.7), (2, 0.8), (3, 0.9))]
    names += [training(1, 0.5, "sft").name, evaluation(paths.runs_dir(), 0.4).name]
    [spread] = spreads(collect(names).records)
    assert (spread.method, spread.seeds, spread.n) == ("PPO-ST", (1, 2, 3), 40)
    assert spread.mean == pytest.approx(0.8)
    assert spread.deviation == pytest.approx(0.1)
    assert (spread.low, spread.high) == (0.7, 0.9)


def test_an_encoder_says_what_it_was_trained_on_first(home: Path) -> None:
    names = []
    for first in (None, "mnli"):
        run = create_run(
            paths.runs_dir(), "rte-bert", Job("encoder", {"model": "bert", "intermediate": first, "seed": 1})
        )
        evaluation(run.eval_dir, 0.6, run=run.name, model=None)
        names.append(run.name)
        with Reporter(run) as reporter:
            reporter.result = {}
    assert [record.method for record in collect(names).records] == ["encoder", "encoder after mnli"]


def test_the_three_files(home: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    names = [training(1, 0.7).name, training(2, 0.8).name, training(1, 0.5, "sft").name]
    assert run_cli(["report", *names, "--to", str(tmp_path / "out"), "--json"]) == 0
    result = json.loads(capsys.readouterr().out)
    assert (result["evaluations"], result["runs"]) == (3, 3)
    text = Path(result["md"]).read_text(encoding="utf-8")
    for cell in ("0.700", "0.600 to 0.800", "0.975", "1.000", "0.0123", "negative 30 (20)", "unparsed 1", "0.750"):
        assert cell in text, cell
    rows = list(csv.DictReader(Path(result["csv"]).read_text(encoding="utf-8").splitlines()))
    assert len(rows) == 3
    found = {float(row["score"]): (float(row["95 % interval low"]), float(row["95 % interval high"])) for row in rows}
    assert found[0.7] == (0.6, 0.8)
    trained = list(csv.DictReader(Path(result["training.csv"]).read_text(encoding="utf-8").splitlines()))
    assert len(trained) == 3
    assert "over-seeds.csv" in result
    page = Path(result["html"]).read_text(encoding="utf-8")
    assert page.count("<svg") == 2, "rewards, and the loss of the supervised run"
    assert not re.search(r'(?:src|href)="(?!#)', page), "nothing is loaded from beside it or elsewhere"
    assert "<script" not in page
    assert len(page) < 400_000


def test_texts_are_escaped(home: Path, tmp_path: Path) -> None:
    table = Table("A <b>table</b>", ("a|b", "c"), (("x|y\nz", "<script>alert(1)</script>"),))
    assert "| x\\|y z | <script>" in markdown(table)
    assert csv_text(table).splitlines()[0] == "a|b,c"
    page = Document("t", [table]).html()
    assert "<script>" not in page
    assert "&lt;script&gt;" in page


def test_runs_with_nothing_to_show_are_named(home: Path, tmp_path: Path) -> None:
    empty = create_run(paths.runs_dir(), "empty", Job("train"), recipe_yaml="{}", exact=True)
    with pytest.raises(RunError, match="nothing to report yet: empty"):
        collect([empty.name])
    document = report_document(collect([empty.name, evaluation(paths.runs_dir(), 0.5).name]))
    assert "empty" in document.markdown()
    (tmp_path / "file").write_text("x")
    with pytest.raises(RunError, match="is a file"):
        write_document(document, tmp_path / "file")


def test_unknown_runs_exit_2(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run_cli(["report", "nothing"]) == 2
    assert "no run 'nothing'" in capsys.readouterr().err


def test_a_cell_with_an_interval_is_three_numbers_for_programs() -> None:
    cells = (("PPO", "45.0 [35.0, 55.0]", "-"), ("paper: PPO", "93.5", "0.1 to -0.2"))
    lines = csv_text(Table("t", ("method", "sst2", "range"), cells)).splitlines()
    assert lines == [
        "method,sst2,sst2 low,sst2 high,range low,range high",
        "PPO,45.0,35.0,55.0,,",
        "paper: PPO,93.5,,,0.1,-0.2",
    ]


def test_a_mean_over_seeds_and_its_deviation_are_two_numbers_for_programs() -> None:
    cells = (("PPO", "58.3 ± 0.5", "1.0 ± 0.2"), ("SFT", "45.0 [35.0, 55.0]", "-"), ("paper", "93.5", "2.0"))
    lines = csv_text(Table("t", ("method", "sst2", "cola"), cells)).splitlines()
    assert lines == [
        "method,sst2,sst2 deviation,sst2 low,sst2 high,cola,cola deviation",
        "PPO,58.3,0.5,,,1.0,0.2",
        "SFT,45.0,,35.0,55.0,,",
        "paper,93.5,,,,2.0,",
    ]
