"""Published numbers, recomputed from the points they were read off."""

import configparser
from pathlib import Path

import numpy as np
import pytest

from isorobust.results import published
from isorobust.results.published import beside


def test_the_line_is_least_squares_through_the_points() -> None:
    x, y = published.figure_2().T
    assert len(x) == 906
    slope = np.cov(x, y)[0, 1] / np.var(x, ddof=1)
    assert round(slope, 2) == published.SLOPE
    assert round(y.mean() - slope * x.mean(), 2) == published.INTERCEPT
    assert round(np.corrcoef(x, y)[0, 1] ** 2, 3) == published.R2
    assert (y / x).min() == pytest.approx(1.63, abs=0.01)


def test_figure_3_grows_only_with_few_neurons() -> None:
    few, many = (np.array(p).T for p in
                 (published.FIGURE_3_FEW, published.FIGURE_3_MANY))  # fmt: skip
    late = [np.polyfit(*np.log(part[:, part[0] >= 500]), 1)[0] for part in (few, many)]
    assert 0.4 < late[0] < 0.55 and late[1] < 0.2


def test_a_row_stands_beside_the_line() -> None:
    row = {"n": 400, "width": 100, "depth": 2, "outputs": 1, "lower_random": 12.36}
    assert beside(row) == {
        "sqrt_n_over_k": 2.0,
        "published_line": pytest.approx(6.18),
        "random_over_published": pytest.approx(2.0),
    }
    assert set(beside(row | {"lower_random": None})) == {
        "sqrt_n_over_k", "published_line"
    }  # fmt: skip
    for change in ({"depth": 3}, {"outputs": 10}, {"width": None}):
        assert beside(row | change) == {}


def test_the_points_are_packaged() -> None:
    setup = configparser.ConfigParser()
    setup.read(Path(__file__).parents[2] / "setup.cfg")
    assert setup["options.package_data"]["isorobust.results"] == "*.csv"
