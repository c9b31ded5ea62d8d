"""Charts against positions computed by hand."""

import re

import pytest

from components.reporting.bars import interval_bar, share_bar
from components.reporting.charts import curves, reliability, roc
from components.reporting.svg import Scale, tag, ticks


def test_scale_maps_linearly_and_holds_what_lies_outside() -> None:
    scale = Scale(0, 10, 100, 200)
    assert [scale(v) for v in (-5, 0, 2.5, 10, 11)] == [100, 100, 125, 200, 200]
    assert Scale(0, 1, 50, 0)(0.25) == 37.5
    assert Scale(3, 3, 0, 10)(3) == 0


@pytest.mark.parametrize(
    ("low", "high", "expected"),
    [
        (0, 1, [0, 0.5, 1]),
        (1, 8, [2, 4, 6, 8]),
        (0.81, 0.9, [0.82, 0.84, 0.86, 0.88, 0.9]),
        (5, 5, [5]),
    ],
)
def test_ticks_are_round(low: float, high: float, expected: list[float]) -> None:
    assert ticks(low, high) == expected


def test_words_in_an_element_are_escaped() -> None:
    assert tag("text", "<b>&", class_='a"b') == '<text class="a&#34;b">&lt;b&gt;&amp;</text>'


def test_interval_bar_tints_the_allowed_side() -> None:
    """Values 0.8 (bound) to 0.9; pad 0.018; so the bound lies at 4 + 212 · 0.018/0.136 = 32.06."""
    upwards = interval_bar(0.85, 0.88, 0.9, bound=0.8)
    downwards = interval_bar(0.85, 0.88, 0.9, bound=0.8, upwards=False)
    assert 'x1="32.06"' in upwards
    assert '<rect x="32.06" y="3" width="187.94"' in upwards
    assert '<rect x="0" y="3" width="32.06"' in downwards


def test_interval_bar_without_bound_or_width_still_draws() -> None:
    assert "bound" not in interval_bar(0.5, 0.5, 0.5)


def test_share_bar_holds_its_share() -> None:
    assert 'width="110"' in share_bar(0.5)
    assert 'width="220"' in share_bar(1.7)


def test_curves_draw_one_line_a_series_that_has_points() -> None:
    drawn = curves({"a": [(1, 0.5), (2, 0.25)], "b": [], "c": [(1, 0.4), (2, 0.3)]}, "epoch", "loss")
    assert len(re.findall("<polyline", drawn)) == 2
    assert curves({"a": []}, "epoch", "loss") == ""


def test_reliability_and_roc_are_empty_without_points() -> None:
    assert reliability([], [], "x", "y") == ""
    assert roc([], "x", "y") == ""
    assert len(re.findall("<circle", reliability([(0.6, 0.5), (0.9, 0.8)], [1, 4], "x", "y"))) == 2
    assert "<polygon" in roc([(0, 0), (0.1, 0.8), (1, 1)], "x", "y")


def test_an_axis_of_epochs_has_whole_numbers_only() -> None:
    drawn = str(curves({"training": [(1.0, 0.7), (2.0, 0.5)]}, "epoch", "loss"))
    below = re.findall(r'text-anchor="middle" class="label">([\d.]+)<', drawn)
    assert below == ["1", "2"]
