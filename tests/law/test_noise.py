"""Finite classes and signals with noise: enumeration, Monte-Carlo, exact fits."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest
from scipy.special import ndtr

from isorobust.data import Flipped, Gaussian, Teacher
from isorobust.data.sample import Sample
from isorobust.law import floors, tails
from isorobust.law.setting import Setting, of_data


def test_the_quantised_floor_is_its_formula(setting: Setting) -> None:
    s = replace(setting, bits=4.0 * setting.p, imbalance=0.1, mse=0.19)
    share = 1 - math.sqrt(1 - 0.81) - 0.1
    size = 16.0**s.p if s.p < 200 else None
    assert size is None  # |F| itself overflows: that is why it comes in bits
    log = 4 * s.p * math.log(2) + math.log(100 / 0.01)
    expected = share * math.sqrt(s.n * s.d / (2 * s.c * log))
    assert floors.quantised(s).value == pytest.approx(expected)
    # as theory 2.5 (ii) has it: no J, no ball
    assert floors.quantised(replace(s, rho=None, radius=None)).value == expected


def test_every_quantised_class_counts(rng: np.random.Generator) -> None:
    """All w of 2 or 3 weights of b bits, f = w x: how often one is below its floor.

    P(some w has MSE <= 1 - eps and |w| <= L) by enumeration against |F| exp(-n d s^2 /
    (2 L^2)) at eps = .3, where both are far from 0 and 1.
    """
    n, epsilon, repeats, seen = 4, 0.3, 4000, []
    share = 1 - math.sqrt(1 - epsilon)
    y = np.array([1.0, -1, 1, -1])
    for p, b in ((1, 3), (2, 1), (2, 2), (3, 1), (3, 2)):
        levels = np.linspace(-0.9, 0.9, 2**b)
        w = np.array(list(itertools.product(levels, repeat=p)))
        assert len(w) == 2 ** (b * p)
        x = rng.standard_normal((repeats, n, p)) / math.sqrt(p)
        errors = np.mean((np.einsum("rnp,fp->rfn", x, w) - y) ** 2, axis=2)
        lipschitz = np.linalg.norm(w, axis=1)
        for limit in np.unique(lipschitz.round(12)):
            within = lipschitz <= limit + 1e-9
            chance = np.mean((errors[:, within] <= 1 - epsilon).any(axis=1))
            exponent = n * p * share**2 / (2 * limit**2)
            bound = min(1.0, within.sum() * math.exp(-exponent))
            assert chance <= bound + 3 / math.sqrt(repeats)
            seen.append(chance / bound)
    assert max(seen) > 0.15  # the bound is not vacuous there


def test_no_fit_of_a_finite_class_is_below_its_floor(
    setting: Setting, rng: np.random.Generator
) -> None:
    """The best w of a 6-bit class for its data set, 2000 data sets, delta = .05."""
    n, p, below, spoken = 6, 2, 0, 0
    levels = np.linspace(-8, 8, 8)
    w = np.array(list(itertools.product(levels, repeat=p)))
    lipschitz = np.linalg.norm(w, axis=1)
    s = replace(setting, n=n, d=p, c=1.0, bits=6.0, delta=0.05)
    for _ in range(2000):
        x = rng.standard_normal((n, p)) / math.sqrt(p)
        errors = np.mean((x @ w.T - np.resize([1.0, -1.0], n)[:, None]) ** 2, axis=0)
        best = int(errors.argmin())
        value = floors.quantised(replace(s, mse=float(errors[best]))).value
        spoken += value is not None
        below += value is not None and lipschitz[best] < value
    assert spoken > 300 and below <= 0.05 * 2000


def test_without_a_signal_the_noise_floor_is_the_sharp_one(setting: Setting) -> None:
    """g = 0, z = y, where eps and s(eps) both lie on their grids of .01."""
    for share in (0.1, 0.2, 0.5):
        # a hair below, so that rounding down finds the same step
        s = replace(setting, mse=(1 - share) ** 2 - 1e-12)
        assert floors.noise(s).value == pytest.approx(floors.sharp(s).value)
    exact = replace(setting, mse=0.0)
    assert floors.noise(exact).value == pytest.approx(floors.sharp(exact).value)


def test_the_noise_floor_is_its_formula(setting: Setting) -> None:
    """By plain loops over a finer grid of eta, theory 2.5 (iii)."""
    s = replace(
        setting, signs=False, independent=False, noise_square=0.25, noise_size=0.5,
        mse=0.09, noise_signal=0.0375, noise_imbalance=0.02, noise_variance=0.25,
    )  # fmt: skip
    t = 0.25 * (1 - math.sqrt(1 - 0.16 / 0.25)) + 0.0375 - 0.02  # .1175 = .47 * .25
    rho, j, best = 8.0, math.sqrt(2 * 64 + 1), 0.0
    for i in range(1, 2000):
        eta = t / 0.5 * i / 2000
        cover = s.p * math.log(1 + 2 * rho * j / eta) + math.log(2 * 6400 / 0.01)
        value = (t - eta * 0.5) / 0.5 * math.sqrt(s.n * s.d / (2 * s.c * cover))
        best = max(best, value)
    assert floors.noise(s).value == pytest.approx(best, rel=1e-3)
    assert floors.noise(s).value <= best * (1 + 1e-12)


def test_small_and_large_excess_of_noise(setting: Setting) -> None:
    """theory: ~ sigma sqrt(nd/p) for exact fits, ~ eps / (2 sigma) for small eps."""

    def value(sigma: float, mse: float) -> float:
        s = replace(
            setting, noise_square=sigma**2, noise_size=sigma, mse=mse, n=2**20,
            log_j=40.0,
        )  # fmt: skip
        found = floors.noise(s).value
        assert found is not None
        return found

    assert value(0.5, 0.0) / value(0.25, 0.0) == pytest.approx(2, rel=0.02)
    # eps = .04: t = eps / 2 to leading order, on the grid of .01 S
    share = (value(0.5, 0.21) / value(0.5, 0.0)) / (0.04 / 2 / 0.25)
    assert share == pytest.approx(1, rel=0.05)


def test_the_correlation_with_noise_is_certain(rng: np.random.Generator) -> None:
    """MSE = S - eps forces <f, z> >= S (1 - sqrt(1 - eps / S)) + <g, z>; attained."""
    n = 7
    for _ in range(2000):
        g, z, noise = rng.standard_normal((3, n))
        square = np.mean(z**2)
        f = g + rng.uniform(0, 2) * z + rng.uniform(0, 0.5) * noise
        share = 1 - np.mean((f - g - z) ** 2) / square
        if share > 0:
            t = square * (1 - math.sqrt(1 - share)) + np.mean(g * z)
            assert np.mean(f * z) >= t - 1e-12
        kept = rng.uniform(0, 1)
        f = g + kept * z
        share = 1 - np.mean((f - g - z) ** 2) / square
        t = square * (1 - math.sqrt(1 - share)) + np.mean(g * z)
        assert np.mean(f * z) == pytest.approx(t)


def test_one_linear_function_attains_the_noise_exponent(setting: Setting) -> None:
    """f = L x_1, z = +-sigma balanced: (1/n) sum z f is N(0, S L^2 / (n d)) exactly."""
    s = replace(
        setting, p=0, c=1.0, noise_square=0.25, noise_size=0.5, mse=0.01
    )  # fmt: skip
    t = 0.25 * 0.8
    value = floors.noise(s).value
    assert value is not None
    allowed = s.delta / (2 * 6400)
    seen = ndtr(-t * math.sqrt(s.n * s.d) / (0.5 * value))
    assert allowed**1.3 <= seen <= allowed


@pytest.mark.parametrize("sigma", [0.2, 0.5, 1.0])
def test_linear_fits_of_a_teacher_are_above_the_floor(
    setting: Setting, rng: np.random.Generator, sigma: float
) -> None:
    """Least-norm and ridge fits of y = g + z, constants exact: not one below."""
    n, d, target = 96, 200, Teacher(sigma)
    ratios = []
    for _ in range(10):
        sample = Gaussian().draw(rng, n, d)
        y = target.label(rng, sample)
        z = target.noise(sample, y)
        known = of_data(sample.x, y, sample.component, d, z)
        for ridge in (0.0, 0.1, 1.0):
            gram = sample.x @ sample.x.T + ridge * np.eye(n)
            w = sample.x.T @ np.linalg.solve(gram, y)
            length = float(np.linalg.norm(w))
            mse = float(np.mean((sample.x @ w - y) ** 2))
            radius = Gaussian().radius(n, d, 0.005)
            s = replace(
                setting, **known, p=d, c=1.0, radius=radius, mse=mse, rho=length,
                log_j=math.log(radius), noise_variance=sigma**2, noise_independent=True,
            )  # fmt: skip
            for spoken in (s, replace(s, noise_independent=False)):
                value = floors.noise(spoken).value
                if value is not None:
                    ratios.append(length / value)
    assert len(ratios) >= 20 and min(ratios) > 1


def test_noise_that_depends_on_x(setting: Setting) -> None:
    """Recomputed by loops, the exponent inverted by bisection."""
    s = replace(
        setting, signs=False, noise_independent=False, noise_square=0.5, mse=0.08,
        noise_imbalance=0.05, noise_signal=0.05, label_bound=1.0,
    )  # fmt: skip
    t = 0.5 * (1 - math.sqrt(0.16)) + 0.05 - 0.05
    rho, j, best = 8.0, math.sqrt(2 * 64 + 1), 0.0
    for i in range(1, 200):
        eta = t / 2 * i / 200
        cover = s.p * math.log(1 + 2 * rho * j / eta) + math.log(2 * 6400 / 0.01)
        low, high = 0.0, 1e6
        for _ in range(100):
            tau = (low + high) / 2
            enough = tails.bounded_exponent(np.array(tau)) > cover / s.n
            low, high = (low, tau) if enough else (tau, high)
        best = max(best, (t - 2 * eta) * math.sqrt(s.d / s.c) / high)
    assert floors.noise(s).value == pytest.approx(best, rel=1e-3)


def test_the_bounded_exponent_is_its_supremum() -> None:
    share = np.linspace(0, 1, 200_001)[1:-1]
    for tau in (0.01, 0.3, 1.0, 5.0, 80.0):
        best = np.max(share * tau + np.log(1 - share**2) / 2)
        found = float(tails.bounded_exponent(np.array(tau)))
        assert found == pytest.approx(best, rel=1e-4, abs=1e-9)
    rates = np.geomspace(1e-8, 1e8, 60)
    back = tails.bounded_exponent(tails.bounded_threshold(rates))
    assert back == pytest.approx(rates, rel=1e-6)
    # few parameters a point: as Gaussian noise of size M; many: tau ~ rate
    assert tails.bounded_threshold(np.array(1e-6)) == pytest.approx(
        tails.gaussian_threshold(np.array(1e-6)), rel=1e-2
    )
    assert tails.bounded_threshold(np.array(1e6)) == pytest.approx(1e6, rel=1e-4)
    assert tails.gaussian_threshold(np.array(2.0)) == pytest.approx(2.0)


def test_bounded_noise_exceeds_its_threshold_as_rarely_as_said(
    rng: np.random.Generator,
) -> None:
    """Labels +-1 with P(+1|x) = 1/2 - x / 6 clipped: z depends on x, f = x (c = d = 1).

    The tail of (1/n) sum z f over 200 000 data sets against exp(-n h(tau)).
    """
    n, repeats = 5, 200_000
    x = rng.standard_normal((repeats, n))
    mean = np.clip(-x / 3, -1, 1)
    y = np.where(rng.random((repeats, n)) < (1 + mean) / 2, 1.0, -1.0)
    correlation = np.mean((y - mean) * x, axis=1)
    for tau in (0.3, 0.6, 1.0, 1.5):
        bound = math.exp(-n * float(tails.bounded_exponent(np.array(tau))))
        seen = np.mean(correlation >= tau)
        assert seen <= bound + 3 / math.sqrt(repeats)
        assert seen >= bound**3 / 20  # not vacuous


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"noise_square": None}, "unknown"),
        ({"noise_square": 0.0}, "no noise"),
        ({"c": None}, "isoperimetric"),
        ({"radius": None}, "radius"),
        ({"mse": 1.0}, "not below the noise"),
        ({"mse": math.inf, "rho": math.inf}, "not below the noise"),
        ({"noise_signal": -1.0}, "not below the noise"),
        ({"width": None}, "no J"),
    ],
)
def test_the_noise_floor_keeps_silent(
    setting: Setting, change: dict, reason: str
) -> None:
    floor = floors.noise(replace(setting, **change))
    assert floor.value is None and reason in (floor.reason or "")


def test_classes_without_bits_are_not_finite(setting: Setting) -> None:
    floor = floors.quantised(replace(setting, bits=None))
    assert floor.value is None and "finite" in (floor.reason or "")


def test_what_data_says_of_its_noise(rng: np.random.Generator) -> None:
    sample = Gaussian().draw(rng, 200, 30)
    target = Teacher(0.3)
    y = target.label(rng, sample)
    rounded = y.astype(np.float32).astype(float)
    z = target.noise(sample, y)
    assert np.all(np.abs(z) == 0.3) and abs(z.sum()) < 1e-12
    assert y - z == pytest.approx(target.signal(sample.x))
    known = of_data(sample.x, rounded, sample.component, 5, z)
    assert known["noise_square"] == pytest.approx(0.09)
    assert known["noise_size"] == pytest.approx(0.3)
    assert known["noise_imbalance"] == pytest.approx(0, abs=1e-12)
    assert known["noise_signal"] == pytest.approx(
        np.mean(target.signal(sample.x) * z), abs=1e-7
    )
    eigenvalues = np.linalg.eigvalsh(np.cov(sample.x.T))
    assert known["pair_top"] < known["pair_square"] and len(eigenvalues) == 30
    halves = np.arange(200) % 2
    known = of_data(sample.x, rounded, halves, 5, np.where(halves == 0, 0.3, -0.3))
    assert known["noise_imbalance"] == pytest.approx(0.3)


def test_flipped_labels_have_noise_of_mean_zero(rng: np.random.Generator) -> None:
    label = np.where(np.arange(4000) % 2 == 0, 1.0, -0.5)
    sample = Sample(np.zeros((4000, 1)), np.zeros(4000, int), label)
    target = Flipped(0.2)
    draws = [target.noise(sample, target.label(rng, sample)) for _ in range(200)]
    assert abs(np.mean(draws, axis=0)).max() < 0.25
    assert np.mean(np.square(draws)) == pytest.approx(
        target.noise_variance(sample), rel=0.02
    )
