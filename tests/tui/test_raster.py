"""Curves as characters: hand-drawn cases."""

import pytest

from nlu_rl.tui import format
from nlu_rl.tui.widgets.raster import Bounds, Curve, bounds_of, drawable, log_scaled, raster


def drawn(curves: list[Curve], width: int, height: int, *, plain: bool = False) -> list[str]:
    bounds = bounds_of(curves)
    assert bounds is not None
    return ["".join(mark for mark, _ in row) for row in raster(curves, width, height, bounds, plain=plain)]


def test_a_rising_line() -> None:
    assert drawn([Curve("a", [(0, 0.0), (1, 1.0)], "good")], 4, 2) == ["  ⡠⠊", "⡠⠊  "]


def test_ascii_where_there_is_no_unicode() -> None:
    rows = drawn([Curve("a", [(0, 0.0), (1, 1.0)], "good")], 4, 2, plain=True)
    assert rows == ["  **", "**  "]


def test_strokes_tell_curves_apart_without_colour() -> None:
    flat = [(0.0, 1.0), (9.0, 1.0)]
    bounds = Bounds(0, 9, 0, 2)
    rows = [
        "".join(mark for mark, _ in raster([Curve("a", flat, "good", stroke)], 8, 3, bounds)[1])
        for stroke in ("solid", "dashed", "dots")
    ]
    assert len(set(rows)) == 3


def test_a_constant_and_a_single_point_are_shown() -> None:
    assert any(mark != " " for row in drawn([Curve("a", [(1, 0.5)], "good")], 5, 3) for mark in row)
    assert any(mark != " " for row in drawn([Curve("a", [(1, 0.0), (2, 0.0)], "good")], 5, 3) for mark in row)
    assert bounds_of([]) is None


@pytest.mark.parametrize(
    ("value", "low", "high"), [(0.0, 0.0, 1.0), (1e-5, 0.0, 2e-5), (-2e-4, -4e-4, 0.0), (0.5, 0.475, 0.525)]
)
def test_an_axis_around_one_value_has_labels_for_people(value: float, low: float, high: float) -> None:
    bounds = bounds_of([Curve("a", [(1, value), (2, value)], "good")])
    assert bounds is not None
    assert (bounds.low, bounds.high) == (pytest.approx(low), pytest.approx(high))


def test_the_logarithm_leaves_out_what_has_none() -> None:
    assert log_scaled(Curve("a", [(1, 100.0), (2, 0.0)], "good")).points == [(1, 2.0)]


def test_numbers_for_people() -> None:
    assert [format.age(s) for s in (5, 130, 7300, 200_000)] == ["5s", "2m", "2h", "2d"]
    assert [format.clock(s) for s in (None, 65, 7500)] == ["–", "1:05", "2:05:00"]
    assert [format.score(v) for v in (None, 0.913, 1.0, -0.043)] == ["–", ".913", "1.00", "-.043"]
    assert [format.signed(v) for v in (1.0, -0.5, -0.001)] == ["+1.00", "-0.50", "+0.00"]
    assert [format.short(v) for v in (0.933, 12.44, 1.2e-5, 0)] == ["0.933", "12.4", "1e-05", "0.000"]
    assert format.spark([0.0, 0.5, 1.0]) == "▁▅█"
    assert format.cut("a long  line", 6) == "a lon…"


def test_points_that_are_no_numbers_are_left_out() -> None:
    whole = Curve("a", [(0, 0.0), (1, 1.0)], "good")
    assert drawable(whole) is whole
    points = [(0, 0.0), (1, float("nan")), (2, float("inf")), (3, 1.0)]
    assert drawable(Curve("a", points, "good")).points == [(0, 0.0), (3, 1.0)]


def test_marks_tell_curves_apart_that_share_a_stroke() -> None:
    flat = [(0.0, 1.0), (9.0, 1.0)]
    curves = [Curve(letter, flat, "good", mark=letter) for letter in "AB"]
    rows = drawn(curves, 8, 3)
    assert any(row.endswith("BA") for row in rows), "the second is moved along its curve"
    assert drawn([Curve("a", [(0.0, 1.0)], "good", mark="x")] * 2, 1, 2).count("x") == 1
