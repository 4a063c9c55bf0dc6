"""Rademacher bounds against Monte-Carlo on classes whose suprema are closed forms."""

import math
from dataclasses import replace

import numpy as np
import pytest

from isorobust.law import generalisation
from isorobust.law.setting import Setting


def test_constants_attain_the_first_term(rng: np.random.Generator) -> None:
    """{-1, 1} on each of K components: E |mean of signs| = sqrt(2 / pi) of the term."""
    n, repeats = 60, 20_000
    signs = rng.choice([-1.0, 1.0], (repeats, n))
    for k in (1, 4):
        parts = np.abs(signs.reshape(repeats, k, n // k).sum(axis=2))
        seen = float(parts.sum(axis=1).mean()) / n
        bound = generalisation.rademacher(n, 9, 2 * math.log(2), 0.0, 1.0, k)
        assert 0.75 * bound <= seen <= bound


@pytest.mark.parametrize("limit", [0.5, 2.0])
def test_coordinates_attain_the_second_term(
    rng: np.random.Generator, limit: float
) -> None:
    """+-L x_j, j = 1 ... d, on N(0, I/d): a maximum of 2 d Gaussians, c = 1."""
    n, d, repeats = 50, 400, 200
    x = rng.standard_normal((repeats, n, d)) / math.sqrt(d)
    signs = rng.choice([-1.0, 1.0], (repeats, 1, n))
    seen = limit * float(np.abs(signs @ x).max(axis=2).mean()) / n
    bound = generalisation.rademacher(n, d, math.log(d), limit, 1.0)
    bound -= 1 / math.sqrt(n)
    assert 0.8 * bound <= seen <= bound


def test_small_finite_classes_by_monte_carlo(rng: np.random.Generator) -> None:
    """Clipped linear functions and constants, of any offsets."""
    n, d, repeats = 25, 3, 3000
    for size in (1, 4, 16):
        w = rng.standard_normal((size, d))
        b = rng.uniform(-1, 1, size)
        limit = float(np.linalg.norm(w, axis=1).max())
        x = rng.standard_normal((repeats, n, d)) / math.sqrt(d)
        f = np.clip(x @ w.T + b, -1, 1)
        signs = rng.choice([-1.0, 1.0], (repeats, n))
        seen = np.einsum("rn,rnf->rf", signs, f).max(axis=1).mean() / n
        bound = generalisation.rademacher(n, d, math.log(size), limit, 1.0)
        assert seen <= bound


def test_the_gap_is_theory_s_formula() -> None:
    """theory 5 (e), with its ln 2 and its cover written out."""
    n, d, p, c, limit, eta = 4000, 30, 500, 1.1, 3.0, 0.01
    cover = p * math.log(1 + 2 * 8 * 11.0 / eta)
    expected = 8 * (
        1 / math.sqrt(n)
        + limit * math.sqrt(2 * c * (cover + math.log(2)) / (n * d))
        + eta
    ) + 4 * math.sqrt(math.log(2 / 0.05) / (2 * n))
    found = generalisation.gap(n, d, cover, limit, c, eta=eta, delta=0.05)
    assert found == pytest.approx(expected)


def test_gaps_of_a_finite_class_stay_below(rng: np.random.Generator) -> None:
    """Fits chosen from 32 clipped linear functions; the true error by a large sample.

    Not vacuous: the bound is below 4, the largest gap of functions within [-1, 1].
    """
    n, d, size = 600, 40, 32
    w = rng.standard_normal((size, d)) / 4
    limit = float(np.linalg.norm(w, axis=1).max())
    many = rng.standard_normal((20_000, d)) / math.sqrt(d)
    truth = 1 + np.mean(np.clip(many @ w.T, -1, 1) ** 2, axis=0)  # y = +-1 apart from x
    bound = generalisation.gap(n, d, math.log(size), limit, 1.0, delta=0.05)
    assert bound < 4
    for _ in range(60):
        x = rng.standard_normal((n, d)) / math.sqrt(d)
        y = rng.choice([-1.0, 1.0], n)
        mse = np.mean((np.clip(x @ w.T, -1, 1) - y[:, None]) ** 2, axis=0)
        best = int(mse.argmin())
        assert truth[best] - mse[best] <= bound


def test_a_setting_s_gap_is_the_best_over_eta(setting: Setting) -> None:
    s = replace(setting, n=10**7, p=50)
    found = generalisation.gap_bound(s, 3.0)
    reach = 2 * 8 * math.sqrt(2 * 64 + 1)
    by_hand = min(
        generalisation.gap(
            s.n, s.d, s.p * math.log(1 + reach / eta), 4.0, s.c, eta=eta,
            delta=0.01 / (2 * 64 * 64),
        )
        for eta in np.geomspace(1e-6, 1, 400)
    )  # fmt: skip
    assert found == pytest.approx(by_hand, rel=0.01) and found >= by_hand * (1 - 1e-9)
    assert generalisation.gap_bound(s, 4.0) == found  # powers of two


def test_test_points_are_paid_for_from_the_same_delta(setting: Setting) -> None:
    """Chances of each part to fail, read off the bound by Hoeffding: delta in all."""
    s, m = replace(setting, n=10**7, p=50, delta=0.04), 1000
    # L = 4 exactly: with delta halved, what is left for the class is its share
    alone = generalisation.gap_bound(replace(s, delta=0.02), 4.0)
    tested = generalisation.gap_bound(s, 4.0, test_points=m) - alone
    chance = math.exp(-2 * m * (tested / 4) ** 2)  # of a mean of m losses in [0, 4]
    assert 0.02 + 0.01 + chance == pytest.approx(0.04)  # radius, class, test


@pytest.mark.parametrize(
    "change", [{"c": None}, {"rho": None}, {"outputs": 3}, {"label_bound": 2.0}]
)
def test_the_gap_keeps_silent(setting: Setting, change: dict) -> None:
    assert generalisation.gap_bound(replace(setting, **change), 1.0) is None


def test_the_gap_grows_with_smoothness_and_size(setting: Setting) -> None:
    """L sqrt(p / (n d)) is what moves it."""
    values = [
        generalisation.gap_bound(replace(setting, **change), limit)
        for change, limit in (({}, 2.0), ({}, 4.0), ({"p": 9000}, 4.0))
    ]
    assert values == sorted(values)
    assert generalisation.gap_bound(setting, 0.0) < 1.0
