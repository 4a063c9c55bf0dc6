"""The printed theorems: their formulas, their hypotheses, theory's numbers."""

import math
from dataclasses import replace

import numpy as np
import pytest

from isorobust.law import sensitivity, theorem
from isorobust.law.setting import Setting


def test_theorem3_is_as_printed(setting: Setting) -> None:
    s = setting
    cover = s.p * math.log(60 * 16 * math.sqrt(2 * 64 + 1) / 0.9) + math.log(400)
    expected = 0.9 / 512 / math.sqrt(s.c) * math.sqrt(s.n * s.d / cover)
    assert theorem.literal_floor(s) == pytest.approx(expected)
    plain = theorem.theorem3(
        s.n, s.d, s.p, 0.9, c=s.c, diameter=16.0,
        log_j=sensitivity.two_layer(8.0, 1.0), delta=0.01,
    )  # fmt: skip
    assert plain == pytest.approx(expected)


def test_theorem3_scales_as_it_says() -> None:
    """x -> 2 x (c -> 4 c) halves it; 4 n, 4 d double it; it falls with all else."""
    args = {"c": 1.0, "diameter": 5.0, "log_j": 3.0, "delta": 0.01}
    one = theorem.theorem3(1000, 50, 300, 0.5, **args)
    assert one is not None
    assert theorem.theorem3(4000, 50, 300, 0.5, **args) == pytest.approx(2 * one)
    assert theorem.theorem3(1000, 200, 300, 0.5, **args) == pytest.approx(2 * one)
    assert theorem.theorem3(1000, 50, 300, 0.5, **args | {"c": 4.0}) == pytest.approx(
        one / 2
    )
    for name, value in (("diameter", 6.0), ("log_j", 4.0), ("delta", 1e-3)):
        assert theorem.theorem3(1000, 50, 300, 0.5, **args | {name: value}) < one
    for epsilon in (0.0, -1.0, 1.01):
        assert theorem.theorem3(1000, 50, 300, epsilon, **args) is None
    assert theorem.theorem3(9, 9, 9, 1.0, diameter=1e-9, log_j=0.0) is None


def test_theorem3_hypothesis(setting: Setting) -> None:
    s = setting
    assert not theorem.literal_applies(s)
    enough = math.ceil(8**4 * math.log(800) / 0.81)
    assert theorem.literal_applies(replace(s, n=enough))
    assert not theorem.literal_applies(replace(s, n=enough - 1))
    assert not theorem.literal_applies(replace(s, n=enough, components=2))
    assert not theorem.literal_applies(replace(s, n=enough, c=None))
    assert theorem.theorem3_points(0.9) == enough


@pytest.mark.parametrize(
    "change", [{"mse": 1.2}, {"c": None}, {"radius": None}, {"rho": None}]
)
def test_the_literal_floor_keeps_silent(setting: Setting, change: dict) -> None:
    assert theorem.literal_floor(replace(setting, **change)) is None


def test_theory_quotes_the_same_numbers() -> None:
    """theory 0, 2.2, 2.8: 17 950 points; MNIST's 2.7e5; .0034 and .14."""
    assert theorem.theorem3_points(1.0, 1, 0.1) == pytest.approx(17_950, abs=1)
    mnist = theorem.theorem3_points(1.0, 10, 0.1)
    assert mnist == pytest.approx(2.7e5, rel=0.02) and mnist > 60_000
    for n, d, k, ratio, floor, rho in (
        (1000, 200, 25, 6.3, 0.0034, 32.0),
        (10**6, 100, 10, 313, 0.14, 1024.0),
    ):
        p = k * (d + 2) + 1
        assert theorem.law_ratio(n, d, p) == pytest.approx(ratio, rel=0.01)
        # rho isn't told there: a power of two that fits, and the next ones don't change
        log_j = sensitivity.two_layer(rho, 1.0)
        found = theorem.theorem3(n, d, p, 1.0, diameter=2 * rho, log_j=log_j)
        assert found == pytest.approx(floor, rel=0.07)


def test_theorem2_is_as_printed() -> None:
    n, d, log_f, epsilon, k = 5000, 40, 30.0, 0.9, 2
    below = 8 * math.exp(-n * 0.81 / 512 / 2)
    for base, power, limit in ((8, 4096, 0.9), (9, 6561, 0.71)):  # neither term hides
        exponent = 0.81 * n * d / (power * 1.5 * limit**2)
        expected = below + 2 * math.exp(log_f - exponent)
        found = theorem.theorem2_probability(
            n, d, log_f, limit, epsilon, c=1.5, components=k, base=base
        )
        assert found == pytest.approx(min(1.0, expected))
    assert theorem.theorem2_probability(10, 4, 5.0, 9.0, 0.5) == 1.0


def test_theorem2_floor_inverts_its_probability() -> None:
    for base in (theorem.PRINTED, theorem.CORRECTED):
        floor = theorem.theorem2(
            9000, 40, 30.0, 0.8, c=1.5, components=2, delta=0.05, base=base
        )
        assert floor is not None
        chance = theorem.theorem2_probability(
            9000, 40, 30.0, floor, 0.8, c=1.5, components=2, base=base
        )
        assert chance == pytest.approx(0.05)
    printed = theorem.theorem2(9000, 40, 30.0, 0.8, base=theorem.PRINTED)
    assert printed / theorem.theorem2(9000, 40, 30.0, 0.8) == pytest.approx(81 / 64)
    assert theorem.theorem2(9000, 40, 30.0, 0.8) == pytest.approx(
        0.8 / 81 * math.sqrt(9000 * 40 / (30 + math.log(2 / 0.01))), rel=1e-3
    )
    assert theorem.theorem2(100, 40, 30.0, 0.8) is None  # n is too small
    assert theorem.theorem2(9000, 40, 30.0, 0.0) is None


def test_which_constant_of_theorem2_its_own_steps_give() -> None:
    """C-sub-Gaussian: P(|X| >= t) <= 2 exp(-t^2 / C); a mean of n: 18 C / n.

    sqrt(d/c) (f - Ef) / L is 2-sub-Gaussian by Definition 1.1, times |z| <= 2: 8;
    (1/n) sum z (f - Ef) >= eps / 6 then has exponent n d (eps / 6)^2 / (18 * 8 c L^2).
    """
    own = 36 * 18 * (2 * 2**2)
    assert own == 5184
    assert theorem.PRINTED**4 < own <= theorem.CORRECTED**4


def test_the_finite_law_is_never_passed_by_a_tiny_class(
    rng: np.random.Generator,
) -> None:
    """Where it speaks: one linear f at n = 5000 and its floor, 200 data sets."""
    n, d, epsilon = 5000, 2, 0.9
    floor = theorem.theorem2(n, d, 0.0, epsilon, delta=0.05)
    assert floor is not None
    y = np.resize([1.0, -1.0], n)
    fits = 0
    for _ in range(200):
        x = rng.standard_normal(n) / math.sqrt(d)
        fits += np.mean((floor * x - y) ** 2) <= 1 - epsilon
    assert fits <= 0.05 * 200


def test_depth_and_norms_enter_as_printed() -> None:
    """(3.1), (3.2) are what log J leaves of theorem 3 where p is large."""
    n, d, p = 10**6, 100, 10**4
    assert theorem.depth_ratio(n, d, p, 4) == theorem.law_ratio(n, d, p) / 2
    assert theorem.norms_ratio(n, d, p, 9.0) == theorem.law_ratio(n, d, p) / 3
    found = [
        theorem.theorem3(n, d, p, 1.0, log_j=sensitivity.deep(p, depth, 2.0, 1.0))
        for depth in (100, 400)
    ]
    assert found[0] / found[1] == pytest.approx(2, rel=0.01)
