"""The sandwich's lines, from rows whose answer is mental arithmetic."""

from dataclasses import replace
from typing import Any

import pytest

from isorobust.results.sandwich import sandwich

DATA = {"distribution": "Sphere()", "target": "BalancedSigns()"}


def network(p: int, recipe: str, seed: int, upper: float, **more: Any) -> dict:
    sizes = {"n": 10, "d": 4, "p": p, "law_ratio": (40 / p) ** 0.5, "seed": seed}
    sizes |= {"target_mse": 0.1}
    said = {"recipe": f"{recipe}(steps=5)", "upper": upper, "reached": True}
    return {**DATA, **sizes, **said, "floor_sharp": 0.5} | more


def mcshane(m: int, seed: int, exact: float, mse: float = 0.1 + 1e-17) -> dict:
    block = f"McShane(left={mse}); Sphere(); BalancedSigns()"
    row = {"kind": "family", "family": "McShane", "block": block, "m": m, "seed": seed}
    sizes = {"n": 10, "d": 4, "p": 10 * (m + 1)}
    sizes |= {"train_mse": mse}
    return row | sizes | {"exact": exact, "floor_sharp": 0.8 + seed / 10}


def test_best_recipe_and_best_projection_that_p_can_pay_for() -> None:
    rows = [
        network(35, "Adam", 0, 9.0),
        network(35, "Adam", 1, 4.0),  # geometric mean 6
        network(35, "Path", 0, 2.0, floor_sharp=0.7),
        network(35, "Path", 1, 8.0),  # geometric mean 4
        network(35, "Path", 2, 0.1, reached=False, floor_sharp=9.0),  # no fit
        *(mcshane(1, seed, 16.0) for seed in range(2)),
        mcshane(2, 0, 4.0),
        mcshane(2, 1, 9.0),  # p = 30: geometric mean 6
        *(mcshane(3, seed, 1.0) for seed in range(2)),  # p = 40 > 35
    ]
    (line,) = sandwich(rows)
    assert (line.n, line.d, line.p, line.networks, line.fitted) == (10, 4, 35, 5, 4)
    assert line.trained == pytest.approx(4) and line.recipe == "Path"
    assert line.mcshane == pytest.approx(6) and line.m == 2
    assert line.smaller == "trained" and line.holds is True
    assert (line.floor, line.mcshane_floor) == (0.7, 0.9)


def test_what_is_not_there_is_none() -> None:
    few = network(15, "Adam", 0, 3.0)  # p < 2 n: no projection is that small
    none = network(45, "Adam", 0, 1.0, reached=False)
    silent = network(60, "Adam", 0, 5.0, floor_sharp=None)
    elsewhere = network(60, "Adam", 0, 5.0, distribution="Gaussian()")
    lines = sandwich([few, none, silent, elsewhere, mcshane(3, 0, 2.0)])
    first, second, third, fourth = lines
    assert first.trained == pytest.approx(3.0)
    assert first.mcshane is first.m is first.smaller is None
    assert (second.trained, second.fitted) == (None, 0)
    assert second.mcshane == pytest.approx(2.0) and second.m == 3
    assert (third.floor, third.holds, third.smaller) == (None, True, "McShane")
    assert (fourth.data, fourth.mcshane) == ("Gaussian(); BalancedSigns()", None)


def test_a_floor_above_one_of_them_is_seen() -> None:
    rows = [network(35, "Adam", 0, 3.0, floor_sharp=3.2), mcshane(1, 0, 2.0)]
    (line,) = sandwich(rows)
    assert line.holds is False
    assert replace(line, trained=3.5).holds is True
    assert replace(line, trained=3.5, mcshane_floor=2.1).holds is False
    assert replace(line, floor=None, mcshane_floor=None).holds is None


def test_fits_are_compared_at_one_target() -> None:
    rows = [network(35, "Adam", 0, 3.0), network(35, "Adam", 0, 2.0, target_mse=0.5)]
    rows += [mcshane(1, 0, 4.0, 0.0), mcshane(1, 0, 2.5, 0.1), mcshane(1, 0, 1.0, 0.5)]
    first, second = sandwich(rows)
    assert (first.target_mse, second.target_mse) == (0.1, 0.5)
    assert first.mcshane == pytest.approx(2.5) and first.trained == pytest.approx(3)
    assert second.mcshane == pytest.approx(1) and second.trained == pytest.approx(2)


def test_other_rows_are_passed_over() -> None:
    other = {"kind": "family", "family": "MinNorm", "block": "MinNorm(); a; b"}
    assert sandwich([network(35, "Adam", 0, 3.0), other]) == ()
    assert sandwich([mcshane(1, 0, 2.0)]) == ()
    kind = network(35, "Adam", 0, 3.0) | {"kind": "network"}
    assert len(sandwich([kind, mcshane(1, 0, 2.0)])) == 1
