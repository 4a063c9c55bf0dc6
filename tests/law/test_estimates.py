"""Estimates on data whose sigma^2 and d_eff are known."""

import numpy as np
import pytest

from isorobust.law.estimates import (
    Estimate,
    coded,
    effective_dimension,
    noise_variance,
)

N = 1500


def sphere(rng: np.random.Generator, m: int, n: int = N) -> np.ndarray:
    x = rng.standard_normal((n, m))
    return x / np.linalg.norm(x, axis=1, keepdims=True)


def within(value: float, range_: Estimate, slack: float = 1.0) -> bool:
    return range_.low / slack <= value <= range_.high * slack


ALONE = np.zeros(N)


@pytest.mark.parametrize("m", [5, 12, 32])
def test_a_sphere_has_m_minus_1(m: int, rng: np.random.Generator) -> None:
    found = effective_dimension(sphere(rng, m), ALONE, rng)
    assert within(m - 1, found)
    for way in found.ways[:2]:
        assert way.value == pytest.approx(m - 1, rel=0.3)


def test_an_embedding_changes_nothing(rng: np.random.Generator) -> None:
    """S^7 in R^50 has the d_eff of S^7; so has any scale and shift of it."""
    x = sphere(rng, 8)
    basis, _ = np.linalg.qr(rng.standard_normal((50, 8)))
    one, two = (
        effective_dimension(points, ALONE, np.random.Generator(np.random.Philox(key=3)))
        for points in (x, 5.0 * x @ basis.T + 2.0)
    )
    assert within(7, one) and within(7, two)
    for a, b in zip(one.ways[2:], two.ways[2:], strict=True):
        assert a.value == pytest.approx(b.value, rel=0.15)
        assert a.value == pytest.approx(7, rel=0.25)


@pytest.mark.parametrize("rank", [3.0, 7.0, 20.0])
def test_a_gaussian_has_its_stable_rank(rank: float, rng: np.random.Generator) -> None:
    """N(0, S), tr S / l_max = rank: 60 equal small directions and one large."""
    scales = np.sqrt(np.r_[1.0, np.full(60, (rank - 1) / 60)])
    found = effective_dimension(rng.standard_normal((N, 61)) * scales, ALONE, rng)
    assert within(rank, found)
    assert found.ways[0].value == pytest.approx(rank, rel=0.15)


def test_components_are_told_apart(rng: np.random.Generator) -> None:
    """Four far Gaussians: as one law linear functions vary with the means; each alone
    has E|x - Ex|^2 / (spread^2 / d), with E|x - Ex|^2 = spread^2 + (3/4) distance^2."""
    classes = np.arange(N) % 4
    d, spread = 40, 0.5
    means = np.sqrt(1 - spread**2) * np.eye(d)[classes]
    x = means + rng.standard_normal((N, d)) * spread / np.sqrt(d)
    truth = (spread**2 + 0.75 * (1 - spread**2)) * d / spread**2
    known = effective_dimension(x, classes, rng)
    blind = effective_dimension(x, ALONE, rng)
    assert known.ways[0].value == pytest.approx(truth, rel=0.3)
    assert blind.high < 8 < known.ways[0].low


def test_a_random_radius_is_found_out(rng: np.random.Generator) -> None:
    """Its linear functions look Gaussian; |x| gives it away (scale mixtures: c ~ d)."""
    x = rng.standard_normal((N, 64)) / 8 * np.exp(0.5 * rng.standard_normal((N, 1)))
    found = effective_dimension(x, ALONE, rng)
    rank, bank = found.ways[:2]
    assert rank.value > 30 and bank.value < 5 and found.high < 8


@pytest.mark.parametrize("share", [0.0, 0.05, 0.15, 0.5])
def test_flipped_signs(share: float, rng: np.random.Generator) -> None:
    """Two far clusters, each of one sign but for flips: 4 share (1 - share)."""
    side = rng.choice([-1.0, 1.0], N)
    x = rng.standard_normal((N, 6)) + 8 * side[:, None]
    y = np.where(rng.random(N) < share, -side, side)
    found = noise_variance(x, y, rng)
    truth = 4 * share * (1 - share)
    assert found.low <= truth <= found.high + 1e-12
    assert found.ways[0].value == pytest.approx(truth, abs=0.12)
    assert ("in the range" in found.note) == (share == 0)


@pytest.mark.parametrize("sigma", [0.0, 0.5, 1.0])
def test_a_smooth_signal_is_not_taken_for_noise(
    sigma: float, rng: np.random.Generator
) -> None:
    x = sphere(rng, 5)
    y = (1 - sigma) * x[:, 0] + sigma * rng.choice([-1, 1], N)
    found = noise_variance(x, y, rng)
    assert found.low - 0.002 <= sigma**2 <= found.high
    assert found.high < sigma**2 * 1.2 + 0.02


def test_classes_of_two_are_signs(rng: np.random.Generator) -> None:
    classes = rng.integers(0, 2, N)
    x = rng.standard_normal((N, 4)) + 2 * classes[:, None]
    one, two = (
        noise_variance(x, y, np.random.Generator(np.random.Philox(key=3)))
        for y in (2.0 * classes - 1, coded(classes + 5))
    )
    assert one.low == pytest.approx(two.low) and one.high == pytest.approx(two.high)


def test_labels_of_repeated_points_are_noise(rng: np.random.Generator) -> None:
    """Every x stands ten times with fair signs: sigma^2 = 1, whatever is assumed."""
    x = np.repeat(10 * rng.standard_normal((150, 3)), 10, axis=0)
    found = noise_variance(x, rng.choice([-1.0, 1.0], N), rng)
    assert within(1.0, found) and found.low > 0.7
    assert effective_dimension(x, ALONE, rng).points == 150


def test_too_few_points(rng: np.random.Generator) -> None:
    few = sphere(rng, 5, 40)
    with pytest.raises(ValueError, match="40 different points"):
        noise_variance(few, np.ones(40), rng)
    with pytest.raises(ValueError, match="1 different points"):
        effective_dimension(np.ones((100, 3)), np.zeros(100), rng)


def test_the_same_data_gives_the_same_range(rng: np.random.Generator) -> None:
    x, y = sphere(rng, 6), rng.choice([-1.0, 1.0], N)
    a, b = (
        (noise_variance(x, y, g), effective_dimension(x, y, g))
        for g in (np.random.Generator(np.random.Philox(key=1)) for _ in range(2))
    )
    assert a == b
