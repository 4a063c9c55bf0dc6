"""Columns of radii, by hand; and the statistic that ranks cells."""

import numpy as np
import pytest
from scipy.stats import rankdata

from isorobust.results import radius
from isorobust.results.ranks import Spearman
from isorobust.results.rules import Rule, from_json, to_json


def test_columns_by_hand() -> None:
    found = {"sizes": [1.0, 2.0, 3.0, 9.0], "radii": [0.5, 1.5, 0.75, None]}
    assert radius.columns(found, 4.0) == {
        "radius_points": 4,
        "radius_missed": 1,
        "radius_least": 0.5,
        "radius_median": 0.75,
        "certified_median": 0.5,
        "radius_over_certified_least": 1.0,
        "radius_over_certified_median": 2.0,
        "radius_over_certified_p95": pytest.approx(2.9),
    }


@pytest.mark.parametrize("upper", [None, 2.0])
def test_columns_of_nothing(upper: float | None) -> None:
    row = radius.columns({"rd": None, "reason": "several outputs"}, upper)
    assert row.pop("radius_points") == row.pop("radius_missed") == 0
    assert set(row.values()) == {None}


def test_ranks_are_of_cells_that_fitted(rng: np.random.Generator) -> None:
    level, ways = rng.permutation(8) + 1.0, rng.permutation(8) + 1.0
    rows = [
        {"cell": str(i), "reached": True, "a": level[i] * skew, "b": ways[i], "d": 1}
        for i in range(8)
        for skew in (0.9, 1 / 0.9)
    ]
    rows += [{"cell": "0", "reached": False, "a": 1e9, "b": 1.0, "d": 1}]
    found = Spearman("a", "b", ("d = 1",)).of(rows, rng)
    apart = rankdata(level) - rankdata(ways)
    assert found.value == pytest.approx(1 - 6 * np.sum(apart**2) / (8 * 63))
    assert (found.rows, found.excluded) == (16, 1)
    assert Spearman("a", "b").of(rows[:8], rng).value is None  # 4 cells
    constant = [row | {"b": 1.0} for row in rows]
    assert "constant" in str(Spearman("a", "b").of(constant, rng).reason)
    rule = Rule("alike", Spearman("a", "b", ("d = 1",)), (0.8, 1.0))
    assert from_json(to_json(rule)) == rule
