"""Numbers as people read them."""

import pytest

from nlu_rl.cli.format import amount, duration, number, size


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (None, "-"),
        (0, "0 s"),
        (-3600, "0 s"),
        (59.4, "59 s"),
        (59.6, "1 min 00 s"),
        (425, "7 min 05 s"),
        (12000, "3 h 20 min"),
    ],
)
def test_duration(seconds: float | None, text: str) -> None:
    assert duration(seconds) == text


@pytest.mark.parametrize(("count", "text"), [(0, "0 B"), (999, "999 B"), (1500, "1.5 kB"), (3.2e12, "3200.0 GB")])
def test_size(count: float, text: str) -> None:
    assert size(count) == text


@pytest.mark.parametrize(("value", "text"), [(None, "-"), (0.0, "0.000"), (0.81234, "0.812"), (-0.00001, "-1.0e-05")])
def test_number(value: float | None, text: str) -> None:
    assert number(value) == text


def test_amount_shows_sizes_for_files_only() -> None:
    assert amount("fetching the model", 1_500_000, 92_870_905) == "1.5 MB / 92.9 MB"
    assert amount("validation", 3, 10) == "3 / 10"
    assert amount("baseline", 3, None) == "3"
