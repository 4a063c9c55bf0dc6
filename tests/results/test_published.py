"""The published points: all there, and their line by another road."""

import numpy as np
import pytest
from scipy.stats import linregress

from isorobust.results import published


def test_the_line_is_least_squares_of_the_points() -> None:
    points = published.figure_2()
    assert points.shape == (906, 2) and np.isfinite(points).all()
    assert points[:, 0].min() > 0.7 and points[:, 0].max() < 10.1
    assert (points[:, 1] / points[:, 0]).min() == pytest.approx(1.63, abs=0.005)
    fit = linregress(*points.T)
    assert fit.intercept == pytest.approx(published.INTERCEPT, abs=0.005)
    assert fit.slope == pytest.approx(published.SLOPE, abs=0.005)
    assert fit.rvalue**2 == pytest.approx(published.R2, abs=0.0005)


def test_figure_3_grows_with_the_root_of_d() -> None:
    """The digitised exponent for d >= 600 is .497; of the few points kept here near."""
    d, y = np.array([pair for pair in published.FIGURE_3_FEW if pair[0] >= 500]).T
    assert linregress(np.log(d), np.log(y)).slope == pytest.approx(0.497, abs=0.05)
    d, y = np.array([pair for pair in published.FIGURE_3_MANY if pair[0] >= 100]).T
    assert linregress(np.log(d), np.log(y)).slope < 0.15


def test_columns_beside_a_record() -> None:
    row = {"width": 25, "n": 400, "depth": 2, "lower_random": 9.0}
    found = published.beside(row)
    assert found["sqrt_n_over_k"] == 4 and found["published_line"] == 3.38 + 5.6
    assert found["random_over_published"] == pytest.approx(9 / 8.98)
    assert "random_over_published" not in published.beside(row | {"lower_random": None})
    for other in ({"depth": 3}, {"outputs": 10}, {"width": None}):
        assert published.beside(row | other) == {}
