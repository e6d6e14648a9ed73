"""Mean and spread over seeds, by hand; and which runs belong together."""

import pytest

from nlu_rl.recipe import parse_recipe
from nlu_rl.report.score_spread import but_for_seed, metric_spreads, spread


def test_spread_by_hand() -> None:
    found = spread([0.8, 0.9, 1.0])
    assert (found.mean, found.deviation, found.low, found.high, found.n) == (
        pytest.approx(0.9),
        pytest.approx(0.1),
        0.8,
        1.0,
        3,
    )
    assert spread([0.5]).deviation is None


def test_metrics_that_all_have() -> None:
    found = metric_spreads([{"accuracy": 0.5, "f1": 0.4}, {"accuracy": 0.7}])
    assert found.keys() == {"accuracy"}
    assert found["accuracy"].mean == pytest.approx(0.6)


def test_runs_of_one_recipe() -> None:
    text = "{model: m, tasks: [sst2], method: ppo}"
    changes = {"a": ["seed=1"], "b": ["seed=2", "train.micro_batch_tokens=512"], "c": ["seed=2", "train.batch=8"]}
    found = {name: but_for_seed(parse_recipe(text, change).model_dump()) for name, change in changes.items()}
    assert found["a"] == found["b"] != found["c"]
    assert but_for_seed({"model": "m", "seed": 1}) == but_for_seed({"seed": 2, "model": "m"})
