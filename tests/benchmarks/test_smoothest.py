"""The smoothest function that fits: cases that can be done in one's head."""

import numpy as np
import pytest
from smoothest import smoothest


def test_a_pair_pays_for_its_distance() -> None:
    """f = +-(1 - m) leaves m^2 = .04: a rise of 1.6 over a distance of 2."""
    x = np.array([[0.0, 1.0], [0.0, -1.0]])
    found = smoothest(x, np.array([1.0, -1.0]), 0.04)
    assert found == pytest.approx(0.8, rel=6e-3) and found <= 0.8


def test_the_nearest_pairs_may_be_given_up() -> None:
    """One of 10 points sits among the others' labels: an MSE of .4 leaves it alone."""
    x = np.arange(10.0)[:, None]
    y = np.where(np.arange(10) == 4, -1.0, 1.0)
    assert smoothest(x, y, 0.4) < 0.21 < 1.0 < smoothest(x, y, 1e-3)
