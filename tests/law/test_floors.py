"""Floors against other roads: brute force, Monte-Carlo, limits, units, exact fits."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from isorobust.data import BalancedSigns, Gaussian, Sphere
from isorobust.law import floors, law_ratio
from isorobust.law.setting import Setting, matching, pair_numbers
from isorobust.law.theorem import literal_applies, literal_floor


def test_the_sharp_floor_is_its_formula(setting: Setting) -> None:
    """Recomputed with plain loops: the largest value over a finer grid of eta."""
    s, rho = setting, 8.0
    correlation = 1 - math.sqrt(1 - 0.9)
    sensitivity = math.sqrt(2 * rho**2 + 1)
    best = 0.0
    for i in range(1, 1000):
        eta = correlation * i / 1000
        cover = s.p * math.log(1 + 2 * rho * sensitivity / eta) + math.log(
            2 * 6400 / 0.01
        )
        best = max(best, (correlation - eta) * math.sqrt(s.n * s.d / (2 * s.c * cover)))
    value = floors.sharp(s).value
    assert value is not None
    assert value <= best * (1 + 1e-12) and value == pytest.approx(best, rel=1e-3)
    assert floors.sharp(s).domain == "sphere"


def test_theory_quotes_the_same_floors() -> None:
    """theory 2.2, 2.5: (n, d, k) = (1000, 200, 25), sqrt(nd/p) 6.3, literal .0034."""
    n, d, k = 1000, 200, 25
    p = k * (d + 2) + 1
    rng = np.random.default_rng(0)
    x = Sphere().draw(rng, n, d).x
    y = BalancedSigns().label(rng, Sphere().draw(rng, n, d))
    gap, eigenvalues = pair_numbers(x, y)
    s = Setting(
        n=n, d=d, p=p, width=k, depth=2, slope=1.0, mse=0.0, noise_variance=1.0,
        signs=True, independent=True, imbalance=0.0, components=1, c=1.0, radius=1.0,
        on_sphere=False, rho=16.0, largest=1.0, label_gap=gap,
        pair_square=eigenvalues.sum(), pair_top=eigenvalues[:k].sum(), delta=0.01,
    )  # fmt: skip
    assert law_ratio(n, d, p) == pytest.approx(6.3, abs=0.05)
    # 1.24 there, for a rho that isn't stated: it enters the logarithm
    assert floors.sharp(s).value == pytest.approx(1.24, rel=0.15)
    assert literal_floor(s) == pytest.approx(0.0034, rel=0.15)  # as above
    # the asymptotic forms there are for random pairs; least-cost ones give more
    assert math.sqrt(2) <= floors.data(s).value <= 1.2 * math.sqrt(2)
    assert floors.rank(s).value >= 0.95 * math.sqrt(2 * d / k) / (
        1 + math.sqrt(2 * d / n)
    )


def test_literal_theorem(setting: Setting) -> None:
    s = setting
    cover = s.p * math.log(60 * 16 * math.sqrt(2 * 64 + 1) / 0.9) + math.log(400)
    expected = 0.9 / 512 / math.sqrt(s.c) * math.sqrt(s.n * s.d / cover)
    assert literal_floor(s) == pytest.approx(expected)
    assert not literal_applies(s)
    enough = math.ceil(8**4 * math.log(800) / 0.81)
    assert literal_applies(replace(s, n=enough))
    assert not literal_applies(replace(s, n=enough - 1))
    assert not literal_applies(replace(s, n=enough, components=2))
    assert literal_floor(replace(s, mse=1.2)) is None
    assert literal_floor(replace(s, c=None)) is None


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"signs": False}, "labels are not all +-1"),
        ({"independent": False}, "labels depend on x"),
        ({"c": None}, "unknown"),
        ({"radius": None}, "unknown"),
        ({"mse": 1.0}, "not below the noise"),
        ({"imbalance": 0.9}, "not below the noise"),
    ],
)
def test_the_sharp_floor_keeps_silent(
    setting: Setting, change: dict, reason: str
) -> None:
    floor = floors.sharp(replace(setting, **change))
    assert floor.value is None and reason in (floor.reason or "")


@pytest.mark.parametrize(
    ("change", "up"),
    [
        ({"n": 2048}, True),
        ({"p": 4000}, False),
        ({"c": 4.0}, False),
        ({"mse": 0.5}, False),
        ({"rho": 100.0}, False),
        ({"delta": 1e-6}, False),
        ({"imbalance": 0.1}, False),
        ({"depth": 4}, False),
    ],
)
def test_the_sharp_floor_moves_the_right_way(
    setting: Setting, change: dict, up: bool
) -> None:
    before, after = (
        floors.sharp(setting).value,
        floors.sharp(replace(setting, **change)).value,
    )
    assert before is not None and after is not None
    assert (after > before) == up and after != before


def test_units(setting: Setting) -> None:
    """x -> s x divides every floor by s (c -> s^2 c, R -> s R, first weights / s)."""
    scale = 4.0
    moved = replace(setting, c=setting.c * scale**2, pair_square=scale**2 * 900.0)
    assert floors.sharp(moved).value == pytest.approx(
        floors.sharp(setting).value / scale
    )
    assert floors.data(moved).value == pytest.approx(floors.data(setting).value / scale)
    # y -> t y multiplies the data floor by t
    tall = replace(setting, label_gap=90.0, mse=0.4)
    assert floors.data(tall).value == pytest.approx(2 * floors.data(setting).value)


def test_sharp_exponents_without_the_cover(setting: Setting) -> None:
    """At fixed log(1 + 2 rho J / eta) the floor is sqrt(nd/p) to leading order."""
    four = replace(setting, n=4 * setting.n)
    assert floors.sharp(four).value == pytest.approx(2 * floors.sharp(setting).value)
    few = replace(setting, p=setting.p // 4)
    assert floors.sharp(few).value == pytest.approx(
        2 * floors.sharp(setting).value, rel=0.02
    )


def test_matching_is_the_cheapest_by_brute_force(rng: np.random.Generator) -> None:
    x, y = rng.standard_normal((8, 3)), np.array([1.0, -1] * 4)
    i, j = matching(x, y)
    cost = np.sum((x[i] - x[j]) ** 2)
    high, low = x[y > 0], x[y < 0]
    best = min(
        np.sum((high - low[list(order)]) ** 2)
        for order in itertools.permutations(range(4))
    )
    assert cost == pytest.approx(best)
    assert (
        sorted([*i, *j]) == list(range(8)) and np.all(y[i] == 1) and np.all(y[j] == -1)
    )


def test_matching_of_other_labels(rng: np.random.Generator) -> None:
    x, y = rng.standard_normal((9, 3)), np.linspace(-1, 1, 9)
    i, j = matching(x, y)
    assert len(i) == 4 and y[i].min() > y[j].max()
    few = np.array([1.0, 1, 1, -1])
    assert [len(part) for part in matching(x[:4], few)] == [1, 1]


@pytest.mark.parametrize("seed", range(5))
def test_data_and_rank_floors_hold_for_linear_fits(seed: int) -> None:
    """Least squares on r directions has an exact constant |w|: never below a floor."""
    rng = np.random.default_rng(seed)
    n, d, r = 60, 20, int(rng.integers(1, 20))
    x, y = rng.standard_normal((n, d)) / np.sqrt(d), rng.choice([-1.0, 1.0], n)
    project = np.linalg.qr(rng.standard_normal((d, r)))[0]
    w = project @ np.linalg.lstsq(x @ project, y)[0]
    gap, eigenvalues = pair_numbers(x, y)
    mse = float(np.mean((x @ w - y) ** 2))
    for square in (eigenvalues.sum(), eigenvalues[:r].sum()):
        left = gap - math.sqrt(2 * n * mse)
        assert max(left, 0) / math.sqrt(square) <= np.linalg.norm(w)


def test_the_data_floor_is_attained() -> None:
    """Clusters at +-e/2 with labels +-1: f = 2 x_1 fits; its constant is the floor."""
    x = np.zeros((6, 2))
    x[:, 0] = [0.5, -0.5] * 3
    gap, eigenvalues = pair_numbers(x, np.array([1.0, -1] * 3))
    assert gap / math.sqrt(eigenvalues.sum()) == pytest.approx(2)
    assert gap / math.sqrt(eigenvalues[0]) == pytest.approx(2)


def test_loose_fits_leave_the_data_floor_silent(setting: Setting) -> None:
    """theory 2.5: an MSE of .756 at (512, 16) violates no floor of an exact fit."""
    loose = replace(setting, mse=0.999999, label_gap=2 * math.sqrt(512))
    assert floors.data(loose).value < 1e-3
    assert floors.data(replace(loose, mse=1.01)).value is None
    assert floors.rank(replace(loose, mse=1.01)).reason == (
        "the fit is too loose for any pair of labels"
    )


def test_one_function_violates_with_its_probability(rng: np.random.Generator) -> None:
    """Monte-Carlo: P((1/n) sum y f >= t) <= exp(-n d t^2 / (2 c L^2)).

    f = the first coordinate (L = 1) on N(0, I/d), where c = 1 is attained.
    """
    n, d, repeats = 20, 4, 200_000
    x = Gaussian().draw(rng, repeats * n, d).x[:, 0].reshape(repeats, n)
    y = np.where(np.arange(n) % 2 == 0, 1.0, -1.0)
    correlation = x @ y / n
    for t in (0.05, 0.1, 0.2, 0.3):
        bound = math.exp(-n * d * t**2 / 2)
        seen = np.mean(correlation >= t)
        assert seen <= bound + 3 / math.sqrt(repeats)
        assert seen >= bound**2.5 / 20  # the exponent is right: not a vacuous bound


def test_sensitivity_bounds_what_it_says(rng: np.random.Generator) -> None:
    """|f_w(x) - f_v(x)| <= J |w - v| for two-layer networks within the ball."""
    d, k, radius = 5, 7, 1.3
    for _ in range(200):
        w, v = (rng.standard_normal(k * (d + 2) + 1) for _ in range(2))
        rho = max(np.linalg.norm(w), np.linalg.norm(v))
        x = rng.standard_normal(d)
        x *= radius / np.linalg.norm(x)

        def f(w: np.ndarray, x: np.ndarray = x) -> float:
            rows, b, a = (
                w[: k * d].reshape(k, d),
                w[k * d : k * (d + 1)],
                w[-k - 1 : -1],
            )
            return float(a @ np.maximum(rows @ x + b, 0) + w[-1])

        bound = math.sqrt((radius**2 + 1) * rho**2 + 1) * np.linalg.norm(w - v)
        assert abs(f(w) - f(v)) <= bound


def test_classes_are_named_before_their_networks(setting: Setting) -> None:
    """rho is rounded up to a power of two, the box to a power of two >= 1."""
    assert setting.ball == 8 and replace(setting, rho=8.0).ball == 8
    assert replace(setting, rho=8.1).ball == 16 and replace(setting, rho=0.1).ball == 1
    deep = replace(setting, depth=3, largest=2.5)
    assert deep.box == 4 and deep.ball == 4 * math.sqrt(deep.p)
    assert deep.log_sensitivity == pytest.approx(3 * math.log(4 * deep.p))


def test_the_law_is_silent_about_classes(setting: Setting) -> None:
    for name in floors.__all__:
        floor = getattr(floors, name)(replace(setting, outputs=10))
        assert floor.value is None and "classes" in (floor.reason or "")
