"""Geometry: distances of all pairs, constants in closed form, controls caught."""

import itertools
import math

import numpy as np
import pytest
from scipy.spatial.distance import pdist

from isorobust.cases import Geometry
from isorobust.cases.bank import bank
from isorobust.cases.concentration import moments, tails
from isorobust.cases.geometry import PAIRED
from isorobust.data import (
    AnisotropicGaussian,
    Cube,
    Digits,
    DiscreteCube,
    EmbeddedSphere,
    Gaussian,
    Mixture,
    ProductLaplace,
    ScaleMixture,
    Sphere,
    UnnormalisedGaussian,
)
from isorobust.data.dataset import generator

GOOD = [
    Sphere(),
    Gaussian(),
    Cube(),
    UnnormalisedGaussian(),
    AnisotropicGaussian(),
    EmbeddedSphere(),
]
CONTROLS = [DiscreteCube(), ProductLaplace(), ScaleMixture()]
D, N = 64, 62500


def named(law: object) -> str:
    return type(law).__name__


@pytest.fixture(scope="module")
def rows() -> dict[str, dict]:
    return {named(x): Geometry(x, D, N).rows(1, 0.01)[0] for x in [*GOOD, *CONTROLS]}


@pytest.mark.parametrize("name", [named(law) for law in CONTROLS])
def test_every_control_is_flagged(rows: dict, name: str) -> None:
    assert rows[name]["flagged"] is True
    assert rows[name]["c_low"] > rows[name]["c_allowed"] == 2
    assert rows[name]["c"] is rows[name]["over_theory"] is rows[name]["d_eff"] is None


@pytest.mark.parametrize("name", [named(law) for law in GOOD])
def test_no_law_with_a_constant_is_flagged(rows: dict, name: str) -> None:
    row = rows[name]
    assert row["flagged"] is False
    assert row["c_low"] <= row["c"] == row["c_allowed"]
    assert row["d_eff"] == pytest.approx(D / row["c"])


@pytest.mark.parametrize("name", [named(law) for law in GOOD])
def test_the_constant_is_attained(rows: dict, name: str) -> None:
    """Within 10 %; the cube's is an upper bound, of which linear functions show 1."""
    expected = math.pi / 6 if name == "Cube" else 1
    assert rows[name]["over_theory"] == pytest.approx(expected, rel=0.1)


def test_a_wrong_constant_would_be_flagged(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Gaussian, "isoperimetry", lambda self, d: 0.9)
    assert Geometry(Gaussian(), D, N).rows(1, 0.01)[0]["flagged"]


def test_rows_are_those_of_the_protocol_and_the_same_again(rows: dict) -> None:
    case = Geometry(Sphere(), D, N)
    first, second = case.rows(2, 0.01)
    assert first == rows["Sphere"] and first != second
    assert (first["seed"], second["seed"]) == (0, 1)
    assert first["kind"] == "geometry" and first["cell"] == case.uid
    assert set(case.shown) <= set(first) and first["block"] == case.block
    allowed = (bool, int, float, str, type(None))
    assert all(isinstance(value, allowed) for value in first.values())


def test_distances_are_those_of_all_pairs() -> None:
    case = Geometry(Gaussian(), 16, 2000)
    (row,) = case.rows(1, 0.01)
    x = case.distribution.draw(generator("geometry", case.uid, "0"), 2000, 16).x
    x = x[:PAIRED] / math.sqrt(np.mean(np.sum(x[:PAIRED] ** 2, axis=1)))
    found = pdist(x)
    assert row["mean_over_sqrt2"] == pytest.approx(found.mean() / math.sqrt(2))
    assert row["diameters"] == pytest.approx(found.mean() / 2)
    assert row["sd_distance"] == pytest.approx(found.std())
    assert row["least_distance"] == pytest.approx(found.min(), rel=1e-6)
    assert row["largest_distance"] == pytest.approx(found.max())
    near = np.mean(np.abs(found - math.sqrt(2)) <= 0.05 * math.sqrt(2))
    assert row["near_sqrt2"] == pytest.approx(near, abs=1e-5)


def test_points_lie_root_two_apart_and_not_a_diameter(rows: dict) -> None:
    """Sphere: sd 1 / sqrt(2d); N(0, I/d): sqrt(2) times that, whatever the scale."""
    assert rows["Sphere"]["diameters"] == pytest.approx(1 / math.sqrt(2), abs=0.005)
    for name, spread in (
        ("Sphere", 1.0),
        ("Gaussian", math.sqrt(2)),
        ("UnnormalisedGaussian", math.sqrt(2)),
        ("Cube", math.sqrt(1.4)),  # Var |x|^2 = .8 / d
        ("ProductLaplace", math.sqrt(3.5)),  # Var |x|^2 = 5 / d
    ):
        assert rows[name]["mean_over_sqrt2"] == pytest.approx(1, abs=0.01)
        assert rows[name]["sd_over_sphere"] == pytest.approx(spread, rel=0.06)


def test_scaling_x_scales_the_constant_and_no_distance() -> None:
    """x -> sqrt(d) x: c -> d c, and distances in units of the length stay."""
    (one,) = Geometry(Gaussian(), 100, 4000).rows(1, 0.01)
    (other,) = Geometry(UnnormalisedGaussian(), 100, 4000).rows(1, 0.01)
    assert other["c_hat"] / 100 == pytest.approx(one["c_hat"], rel=0.05)
    assert other["size"] / 10 == pytest.approx(one["size"], rel=0.01)
    assert other["sd_distance"] == pytest.approx(one["sd_distance"], rel=0.03)


def test_every_function_of_the_bank_is_1_lipschitz(rng: np.random.Generator) -> None:
    """On near pairs and far ones; `angle` on the sphere, in the geodesic distance."""
    d, n = 12, 400
    x = rng.standard_normal((n, d)) / math.sqrt(d)
    step = (
        rng.standard_normal((n, d)) * np.repeat([1e-4, 0.1, 1.0, 5.0], n // 4)[:, None]
    )
    aside = rng.standard_normal((50, d))
    for sphere in (False, True):
        ends = np.concatenate([x, x + step])
        if sphere:
            ends /= np.linalg.norm(ends, axis=1, keepdims=True)
        apart = np.linalg.norm(ends[:n] - ends[n:], axis=1)
        if sphere:
            apart = 2 * np.arcsin(apart / 2)
        names = []
        for name, f in bank(ends, aside, sphere, np.random.default_rng(1)):
            names.append(name)
            rise = np.abs(f[:n] - f[n:])
            assert np.all(rise <= apart[:, None] * (1 + 1e-6) + 1e-9), name
            assert rise.max() > 0, name
        assert len(names) == len(set(names)) == 11 + sphere


def test_the_distance_to_the_half_cube_by_enumeration(rng: np.random.Generator) -> None:
    for d in (5, 6):
        corners = np.array(list(itertools.product([-1, 1], repeat=d))) / math.sqrt(d)
        half = corners[corners.sum(axis=1) >= -1e-9]
        x = np.concatenate([rng.standard_normal((50, d)), corners])
        found = dict(bank(x, rng.standard_normal((9, d)), False, rng))
        brute = np.linalg.norm(x[:, None] - half, axis=2).min(axis=1)
        np.testing.assert_allclose(
            found["distance to the half-cube"][:, 0], brute, atol=1e-7
        )


def test_moments_of_a_gaussian_and_of_signs() -> None:
    """N(0, v): 2 d log E exp / t^2 = d v for all t. Signs: 2 d log cosh(t) / t^2."""
    rng = np.random.default_rng(0)
    looks = list(moments("f", rng.standard_normal((200_000, 1)) * 0.5, 8, 10.0))
    assert len(looks) > 5
    for look in looks:
        assert abs(look.estimate - 2) < 4 * look.error < 0.5
        assert look.low == pytest.approx(look.estimate - 4.5 * look.error)
    signs = np.where(np.arange(1000) % 2 == 0, 1.0, -1.0)[:, None]
    looks = list(moments("f", signs, 3, 1.0))
    expected = [3, *[6 * math.log(math.cosh(t)) / t**2 for t in (0.5, 0.5, 1, 1)]]
    assert [look.estimate for look in looks] == pytest.approx(expected)


def test_moments_that_few_points_carry_are_left_out() -> None:
    """Laplace: E exp(t x) is infinite from t = 1 on, which no sample says."""
    x = np.random.default_rng(0).laplace(size=(1000, 1))
    assert len(list(moments("f", x, 1, 100.0))) < 17
    one = np.zeros((1000, 1))
    one[0] = 1.0  # a single point varies: no limit may be claimed from it
    assert all(look.low < 0.001 for look in moments("f", one, 1, 1e6))


def test_tails_stay_below_the_constant_and_show_exponential_ones() -> None:
    rng = np.random.default_rng(0)
    gauss = [look.low for look in tails("f", rng.standard_normal((50_000, 4)), 1)]
    assert len(gauss) == 6 and 0.4 < max(gauss) < 1
    laplace = rng.laplace(0, math.sqrt(0.5), (50_000, 4))
    assert max(look.low for look in tails("f", laplace, 1)) > 1.5


@pytest.mark.parametrize(
    ("law", "said"),
    [
        (Digits(), "distribution = Digits: has no law to draw from"),
        (Mixture(), "distribution = Mixture: must be of one component"),
        (EmbeddedSphere(m=80), "distribution.m = 80: must be <= d = 64"),
        (Sphere(), None),
    ],
    ids=lambda value: named(value) if value and not isinstance(value, str) else "",
)
def test_what_has_no_geometry_is_refused(law: object, said: str | None) -> None:
    assert Geometry(law, D).check() == said
