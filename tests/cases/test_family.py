"""Solved families as rows: the trained networks' data, floors, and bad choices."""

import json

import numpy as np
import pytest

from isorobust.cases import Family
from isorobust.data import BalancedSigns, Classes, Digits, Flipped, Gaussian, Sphere
from isorobust.data.dataset import draw
from isorobust.door import BadInput, validate
from isorobust.experiment import Cell, Experiment, Trial
from isorobust.models import MLP
from isorobust.models.interpolants import McShane, MinNorm, Solution
from isorobust.results.rules import Summary
from isorobust.training import Adam

CASE = Family(Sphere(), BalancedSigns(), MinNorm(24), 12, 32)


def test_the_data_are_those_of_a_trained_network() -> None:
    class Spy(MinNorm):
        """Remembers what it was given."""

        def solve(self, x, y, radius, rng):  # type: ignore[no-untyped-def]
            seen.append((x, y, radius))
            return super().solve(x, y, radius, rng)

    seen: list = []
    Family(Sphere(), BalancedSigns(), Spy(24), 12, 32).rows(3, 0.01)
    ((x, y, radius),) = seen
    cell = Cell(Sphere(), BalancedSigns(), MLP(width=4), 12, 32, Adam())
    for seed in range(3):
        data = draw(Trial(cell, seed))
        assert np.array_equal(x[seed], data.x) and np.array_equal(y[seed], data.y)
    assert radius == 1.0


def test_rows_stand_alone() -> None:
    rows = CASE.rows(3, 0.01)
    assert [row["seed"] for row in rows] == [0, 1, 2]
    for row in rows:
        assert json.loads(json.dumps(row, allow_nan=False)) == row
        assert set(CASE.shown) <= set(row)
        assert row["family"] == "MinNorm" and row["cell"] == CASE.uid
        assert (row["n"], row["d"], row["m"], row["p"]) == (12, 32, 24, 24)
        assert row["exact"] == row["lower"] == row["upper"]
        assert row["reached"] and row["epsilon"] == pytest.approx(1)
        assert row["violated"] is False and row["upper_over_floor"] >= 1
        names = ("data", "rank", "sharp", "noise", "quantised")
        assert row["floor"] == max(row[f"floor_{name}"] or 0 for name in names)
        assert row["floor"] == row[f"floor_{row['floor_name']}"]
    assert rows == CASE.rows(3, 0.01)


def test_a_bracket_below_a_floor_is_flagged() -> None:
    class Liar(MinNorm):
        """Says a tenth of its constant."""

        def solve(self, x, y, radius, rng):  # type: ignore[no-untyped-def]
            found = super().solve(x, y, radius, rng)
            tenth = found.lower / 10
            return Solution(found.p, found.mse, tenth, tenth, rank=self.m)

    rows = Family(Sphere(), BalancedSigns(), Liar(24), 12, 32).rows(4, 0.01)
    assert all(row["violated"] for row in rows)


def test_the_sphere_is_not_held_against_chords() -> None:
    """The data floor is about chords, which exceed the geodesic constant."""

    class Geodesic(MinNorm):
        """Says that its bracket is one of the sphere."""

        def solve(self, x, y, radius, rng):  # type: ignore[no-untyped-def]
            found = super().solve(x, y, radius, rng)
            return Solution(found.p, found.mse, found.lower, found.upper, "sphere")

    (row,) = Family(Sphere(), BalancedSigns(), Geodesic(24), 12, 32).rows(1, 0.01)
    assert row["floor_data"] and row["floor"] is None and row["violated"] is None


@pytest.mark.parametrize(
    ("case", "said"),
    [
        (Family(Sphere(), BalancedSigns(), MinNorm(40), 12, 32), "family.m = 40"),
        (Family(Sphere(), BalancedSigns(), MinNorm(0), 12, 32), "family.m = 0"),
        (Family(Sphere(), Flipped(), MinNorm(24), 12, 32), "comes without labels"),
        (Family(Digits(), Flipped(), MinNorm(24), 12, 32), "the data has d = 64"),
        (Family(Gaussian(), Classes(), MinNorm(24), 12, 32), "one real output"),
        (Family(Gaussian, BalancedSigns(), MinNorm(24), 12, 32), "write Gaussian"),
        (Family(MLP(), BalancedSigns(), MinNorm(24), 12, 32), "MLP: has no draw"),
        (Family(Sphere(), Gaussian(), MinNorm(24), 12, 32), "Gaussian: has no label"),
        (Family(Sphere(), BalancedSigns(), MLP(), 12, 32), "MLP: has no solve"),
        (MinNorm(24), "cases[0] = MinNorm: has no kind, block"),
    ],
)
def test_bad_cases(case: object, said: str) -> None:
    with pytest.raises(BadInput) as caught:
        validate(Experiment("T", 1, cases=(case,)), "configs/x.py")
    assert said in str(caught.value) and "configs/x.py" in str(caught.value)


def test_attaining_a_floor_is_no_violation() -> None:
    """McShane's function on all of d is the data floor of two points, to an ulp."""
    rows = Family(Sphere(), BalancedSigns(), McShane(16), 2, 16).rows(60, 0.01)
    assert not any(row["violated"] for row in rows)
    assert min(row["upper_over_floor"] for row in rows) < 1  # roundoff, seen


def test_a_statistic_is_no_rule() -> None:
    with pytest.raises(
        BadInput, match=r"rules\[0\] = Summary: has no claim, statistic"
    ):
        validate(Experiment("T", 1, cases=(CASE,), rules=(Summary("x"),)), "x.py")


def test_digits_have_a_radius_and_no_sharp_floor() -> None:
    case = Family(Digits(), Flipped(0.1), MinNorm(40), 30, 64)
    validate(case, "case")
    (row,) = case.rows(1, 0.01)
    assert row["floor_sharp"] is None and row["floor_data"] is not None
