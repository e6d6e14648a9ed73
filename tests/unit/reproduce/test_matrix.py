"""What a table takes: its cells, trainings, budgets, recipes, and the paper's rows beside it."""

import pytest

from nlu_rl.errors import RecipeError
from nlu_rl.report.records import Record
from nlu_rl.reproduce.budget import Budget, parse_budget
from nlu_rl.reproduce.matrix import (
    METHODS,
    TABLES,
    Cell,
    Training,
    choose_methods,
    choose_tasks,
    plan_cells,
    trainings,
)
from nlu_rl.reproduce.paper import PAPER, paper_rows
from nlu_rl.reproduce.recipes import planned_recipe
from nlu_rl.reproduce.results import columns_of, result_table
from nlu_rl.tasks.registry import task_names

BOTH = ["sst2", "rte"]


@pytest.mark.parametrize("table", TABLES)
def test_every_table_names_tasks_and_methods_that_exist(table: str) -> None:
    known = {*task_names(), "wikitext2"}
    assert set(TABLES[table].tasks) <= known
    assert set(TABLES[table].methods) <= set(METHODS)
    for figures in PAPER[table].values():
        assert set(figures) - {"average"} <= set(TABLES[table].tasks)


def test_cells_of_all_methods() -> None:
    cells = plan_cells(METHODS, BOTH, shots="3", trainable=BOTH, encodable=BOTH)
    assert len(cells) == len(METHODS) * 2
    assert [cell.shots for cell in cells if cell.row == "few-shot"] == ["3", "3"]
    made = trainings(cells)
    assert Training("ppo", ("sst2", "rte"), 1) in made
    assert len(made) == 4 * 2 + 2, "a mix is trained once for all its tasks"


def test_what_has_no_training_rows_is_only_asked_and_transfer_uses_the_paper_s_task() -> None:
    cells = plan_cells(METHODS, ["qnli", "emotion", "ax"], trainable=["sst2"], encodable=["qnli"])
    assert {(cell.row, cell.task) for cell in cells if cell.task == "qnli"} == {("zero-shot", "qnli")}
    ppo = [cell for cell in cells if cell.row == "PPO-ST"]
    assert [(cell.task, cell.training) for cell in ppo] == [("emotion", Training("ppo", ("sst2",), 1))]
    assert not [cell for cell in cells if cell.row in ("PPO-MT", "encoder")]


def test_seeds_and_further_subjects() -> None:
    cells = plan_cells(["SFT-ST"], ["sst2"], seeds=[1, 2], trainable=["sst2"], encodable=[], also=["openai:gpt-4o"])
    assert [training.seed for training in trainings(cells)] == [1, 2]
    assert cells[-1] == Cell("openai:gpt-4o", "sst2", 2, subject="openai:gpt-4o")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        (None, Budget()),
        ("20min", Budget(minutes=20)),
        ("1.5h", Budget(minutes=90)),
        ("60steps", Budget(steps=60)),
        ("1 step", Budget(steps=1)),
        ("20 minutes, 60 steps", Budget(20, 60)),
    ],
)
def test_budgets(text: str | None, expected: Budget) -> None:
    assert parse_budget(text) == expected


@pytest.mark.parametrize("text", ["20", "0min", "fast", "1.5steps", "-3min", "20min,,60steps"])
def test_what_is_no_budget(text: str) -> None:
    with pytest.raises(RecipeError):
        parse_budget(text)


def test_unknown_tables_and_methods() -> None:
    with pytest.raises(RecipeError, match="Did you mean 'superglue'"):
        choose_tasks("supergleu", [])
    with pytest.raises(RecipeError, match="Unknown method 'ppo'"):
        choose_methods("glue", ["ppo"])
    assert choose_methods("glue", ["ppo-st", "Zero-Shot"]) == ["zero-shot", "PPO-ST"]
    assert choose_tasks("glue", ["sst2", "copa", "sst2"]) == ["sst2", "copa"]


@pytest.mark.parametrize("method", ["sft", "ppo", "grpo"])
@pytest.mark.parametrize(("model", "rate"), [("smollm2-135m", 1e-4), ("llama-2-7b", 9e-6)])
def test_recipes_are_the_shipped_ones_of_the_models_size(method: str, model: str, rate: float, home: object) -> None:
    recipe = planned_recipe(model, Training(method, ("rte",), 7), Budget(steps=5), ["train.batch=16"])
    assert (recipe.model, recipe.tasks, recipe.method, recipe.seed) == (model, ["rte"], method, 7)
    assert (recipe.train.max_steps, recipe.train.save_every, recipe.train.batch) == (5, 5, 16)
    assert recipe.evaluate.every is None
    assert not recipe.evaluate.before
    assert recipe.train.learning_rate >= rate if model == "smollm2-135m" else recipe.train.learning_rate == rate
    with pytest.raises(RecipeError, match="btach"):
        planned_recipe(model, Training(method, ("rte",), 7), Budget(), ["train.btach=16"])


def record(row: str, task: str, scores: dict[str, float], seed: int = 1) -> tuple[Cell, Record]:
    intervals = {name: [value - 0.05, value + 0.05] for name, value in scores.items()}
    result = {"task": task, "metric": next(iter(scores)), "scores": scores, "intervals": intervals, "n": 100}
    return Cell(row, task, seed), Record(f"{row}-{task}", row, "m", row, result, seed)


def test_the_table_has_intervals_averages_and_the_papers_rows() -> None:
    columns = columns_of("glue", ["boolq", "sst2", "cola"])
    assert [column[0][0] for column in columns] == ["sst2", "cola", "boolq"]
    found = dict([record("zero-shot", "sst2", {"accuracy": 0.757}), record("zero-shot", "boolq", {"accuracy": 0.5})])
    table = result_table("glue", "m", ["zero-shot", "PPO-ST"], columns, found)
    rows = {row[0]: row[1:] for row in table.rows}
    assert table.columns[1:4] == ("sst2 (accuracy)", "cola (matthews)", "boolq (accuracy)")
    assert rows["zero-shot"] == ("75.7 [70.7, 80.7]", "-", "50.0 [45.0, 55.0]", "-")
    assert rows["PPO-ST"] == ("-",) * 4
    assert rows["paper: zero-shot"] == ("75.7", "18.6", "75.8", "-")
    assert rows["paper: PPO-ST"][:3] == ("96.4", "59.9", "85.9")
    assert rows["paper: BERT-large++"][2] == "79.0"


def test_two_metrics_several_seeds_a_perplexity_and_the_averages() -> None:
    squad = result_table(
        "squad",
        "m",
        ["SFT-ST"],
        columns_of("squad", ["squad"]),
        dict([record("SFT-ST", "squad", {"em": 0.5, "f1": 0.6})]),
    )
    assert squad.rows[0] == ("SFT-ST", "50.0 [45.0, 55.0] / 60.0 [55.0, 65.0]")
    assert ("paper: PPO-ST", "65.74/81.82") in squad.rows
    text = result_table(
        "perplexity",
        "m",
        ["zero-shot"],
        columns_of("perplexity", ["wikitext2"]),
        dict([record("zero-shot", "wikitext2", {"perplexity": 21.5})]),
    )
    assert text.rows[0] == ("zero-shot", "21.50 [21.45, 21.55]")
    seeds = dict(record("PPO-ST", "sst2", {"accuracy": value}, seed) for seed, value in ((1, 0.8), (2, 0.9)))
    several = result_table("algorithms", "m", ["PPO-ST"], columns_of("algorithms", ["sst2"]), seeds)
    assert several.rows[0][1] == "85.0 ± 7.1"
    names = TABLES["transfer"].tasks
    whole = dict(record("PPO-ST", task, {"accuracy": 0.5}) for task in names)
    transfer = result_table("transfer", "m", ["PPO-ST"], columns_of("transfer", names), whole)
    assert transfer.rows[0][-2:] == ("50.0 [45.0, 55.0]", "50.0")
    assert next(row for row in transfer.rows if row[0] == "paper: GPT-4o")[-1] == "66.9"
    whole |= dict([record("PPO-ST", "sst2", {"accuracy": 0.9})])
    mixed = result_table("transfer", "m", ["PPO-ST"], columns_of("transfer", ["emotion", "sst2"]), whole)
    assert (mixed.columns[-1], mixed.rows[0][-1]) == ("mean of these", "70.0")


def test_the_papers_average_stands_only_beside_the_whole_table() -> None:
    assert "average" not in paper_rows("glue", ["sst2"])["PPO-ST"]
    assert paper_rows("glue", TABLES["glue"].tasks)["PPO-ST"]["average"] == "84.8"


def test_the_span_of_an_estimate_grows_with_other_work(monkeypatch: pytest.MonkeyPatch) -> None:
    from nlu_rl.reproduce import cost

    monkeypatch.setattr(cost, "_cores_here", lambda: 2)
    monkeypatch.setattr(cost.os, "getloadavg", lambda: (0.5, 0.0, 0.0))
    assert cost.span(60) == (30, 120)
    monkeypatch.setattr(cost.os, "getloadavg", lambda: (6.0, 0.0, 0.0))
    assert cost.span(60) == (30, 360)
    monkeypatch.setenv("OMP_NUM_THREADS", "1")
    assert cost.cores() == 1
    monkeypatch.setenv("OMP_NUM_THREADS", "8")
    assert cost.cores() == 2
