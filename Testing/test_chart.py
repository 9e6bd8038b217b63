"""Charts put values where their axes say."""

from __future__ import annotations

import numpy as np
import pytest
from KeypointRegistrationLib.files.series.chart import Chart, blank, ticks, value_range


@pytest.fixture
def chart() -> Chart:
    return Chart(blank(120, 220), 10, 10, 210, 110, (0.0, 100.0), (-10.0, 10.0))


def test_a_value_stands_at_its_time_and_height(chart: Chart) -> None:
    assert np.allclose(chart.place([0, 50, 100], [-10, 0, 10]), [(10, 110), (110, 60), (210, 10)])


def test_a_curve_breaks_where_a_value_is_missing(chart: Chart) -> None:
    before = chart.picture.copy()
    chart.draw_curve([0, 25, 50, 75, 100], [0, 0, np.nan, 0, np.nan], (1, 1, 1))
    changed = np.abs(chart.picture - before).max(axis=(0, 2)) > 0.1
    assert changed[15:55].all() and not changed[65:155].any()
    assert changed[160] and not changed[170:].any()  # a value alone is a dot


def test_a_pale_curve_is_no_stronger_where_its_lines_meet(chart: Chart) -> None:
    before = chart.picture.copy()
    chart.draw_curve([0, 25, 50, 75, 100], [0] * 5, (1, 1, 1), opacity=0.5, width=4.0)
    line = (chart.picture - before)[60, 12:208]
    assert np.allclose(line, line[0], atol=0.02) and line.min() > 0.3


def test_a_band_tints_its_time_and_never_vanishes(chart: Chart) -> None:
    before = chart.picture.copy()
    chart.draw_band(25, 50, (1, 0, 0), 0.5)
    chart.draw_band(75, 75, (1, 0, 0), 0.5)
    changed = np.abs(chart.picture - before).max(axis=2) > 0.1
    assert changed[60, 61:109].all() and not changed[60, 112:158].any() and changed[60, 158:163].any()
    assert not changed[:9].any() and not changed[112:].any()


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [(0, 10, [0, 2, 4, 6, 8, 10]), (-1.2, 1.2, [-1, -0.5, 0, 0.5, 1]), (3, 3.4, [3, 3.1, 3.2, 3.3, 3.4])],
)
def test_ticks_are_round_numbers_in_the_range(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high, 5) == pytest.approx(expected)


def test_the_range_holds_all_values_and_zero_with_room() -> None:
    low, high = value_range([np.array([1.0, np.nan, 5.0]), np.array([-2.0])], 1.0)
    assert low < -2 and high > 5
    assert value_range([np.array([np.nan])], 2.0)[1] >= 2.0
