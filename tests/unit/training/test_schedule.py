"""Warm-up and cosine against the paper's description."""

from itertools import pairwise

import pytest

from nlu_rl.training.schedule import learning_rate_scale


def test_ten_per_cent_warm_up_then_cosine_to_a_tenth() -> None:
    scales = [learning_rate_scale(step, 100, 0.1, 0.1) for step in range(100)]
    assert scales[:10] == pytest.approx([0.1 * (i + 1) for i in range(10)])
    assert scales[10] == pytest.approx(1.0)
    assert scales[-1] == pytest.approx(0.1)
    assert all(later <= earlier for earlier, later in pairwise(scales[10:]))
    middle = (scales[54] + scales[55]) / 2
    assert middle == pytest.approx(0.55, abs=0.01)


@pytest.mark.parametrize("total", [1, 2, 3, 7])
@pytest.mark.parametrize("warmup", [0.0, 0.1, 1.0])
def test_short_runs_are_defined(total: int, warmup: float) -> None:
    for step in range(total + 1):
        assert 0 < learning_rate_scale(step, total, warmup, 0.1) <= 1
