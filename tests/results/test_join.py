"""The no-violation check has power: what is wrong gets flagged; what is right doesn't.

The ground truth needs no training: the min-norm interpolant w.x of balanced signs, n <
d, as a two-unit ReLU network relu(w.x) - relu(-w.x), whose constant is |w| exactly.
"""

import numpy as np
import pytest

from isorobust.data import BalancedSigns, Sphere
from isorobust.law.setting import pair_numbers
from isorobust.lipschitz import network, upper
from isorobust.lipschitz.network import Network
from isorobust.results.join import join

N, D = 256, 512


@pytest.fixture(scope="module")
def parts() -> dict:
    rng = np.random.default_rng(0)
    sample = Sphere().draw(rng, N, D)
    y = BalancedSigns().label(rng, sample)
    w = np.linalg.lstsq(sample.x, y)[0]
    layers = (np.stack([w, -w]), np.zeros(2)), (np.array([[1.0, -1.0]]), np.zeros(1))
    chain = Network(layers)
    flat = np.concatenate(
        [p.ravel() for la in network.balanced(chain).layers for p in la]
    )
    gap, eigenvalues = pair_numbers(sample.x, y)
    setting = {
        "n": N, "d": D, "p": 2 * (D + 2) + 1, "width": 2, "depth": 2, "slope": 1.0,
        "mse": float(np.mean((network.value(chain, sample.x) - y) ** 2)),
        "noise_variance": 1.0, "signs": True, "independent": True, "imbalance": 0.0,
        "components": 1,
        "c": D / (D - 1), "radius": 1.0, "on_sphere": True,
        "rho": float(np.linalg.norm(flat)),
        "largest": float(np.abs(flat).max()), "label_gap": gap,
        "pair_square": float(eigenvalues.sum()),
        "pair_top": float(eigenvalues[:2].sum()),
        "delta": 0.01,
    }  # fmt: skip
    return {"setting": setting, "chain": chain, "exact": float(np.linalg.norm(w))}


def record(setting: dict, high: float, low: float, sphere: tuple | None = None) -> dict:
    """A record of two bounds; sphere: (upper, lower) there, else as on R^d."""
    return joined(setting, bounds(high, low, sphere))


def bounds(high: float, low: float, sphere: tuple | None = None) -> dict:
    above, below = sphere or (high, low)
    took = {"measure_seconds": 0.0}
    return {
        "path": {"side": "upper", "rd": high, "sphere": above} | took,
        "data": {"side": "lower", "rd": low, "sphere": below} | took,
    }


def joined(setting: dict, bounds: dict, more: dict | None = None) -> dict:
    identity = {"uid": "u", "target_mse": 0.1, "flops_per_step": 1.0}
    trained = {
        "stop": "target", "steps": 1, "train_seconds": 0.0, "peak_bytes": 1,
        "provenance": {"software_jax": "0"},
    }  # fmt: skip
    fit = {"setting": setting, "test_mse": 1.0, "measure_seconds": 0.0} | (more or {})
    return join(identity, trained, fit, bounds)


def tightest(chain: network.Network) -> float:
    return min(getattr(upper, name)(chain) for name in upper.__all__)


def test_the_truth_is_not_flagged(parts: dict) -> None:
    for high in (parts["exact"], tightest(parts["chain"])):
        row = record(parts["setting"], high, parts["exact"])
        assert not row["violated"] and not row["crossed"] and row["reached"]
    # with both units on, as the formal bounds must allow, the slope would be 2 w
    assert row["upper"] == pytest.approx(2 * parts["exact"])
    # theory 2.6: E Lip^2 = n d / (d - n - 1)
    assert parts["exact"] == pytest.approx(np.sqrt(N * D / (D - N - 1)), rel=0.1)


def test_a_bound_scaled_by_a_fifth_is_flagged(parts: dict) -> None:
    row = record(parts["setting"], 0.2 * parts["exact"], 0.1)
    assert row["violated"] and row["upper_over_floor"] < 1


def test_a_network_rescaled_behind_its_fit_is_flagged(parts: dict) -> None:
    (w, b), (a, c) = parts["chain"].layers
    shrunk = Network(((w, b), (0.1 * a, 0.1 * c)))
    assert record(parts["setting"], tightest(shrunk), 0.1)["violated"]


def test_a_wrong_p_is_flagged(parts: dict) -> None:
    """Counting units (2) in place of parameters (1029)."""
    wrong = parts["setting"] | {"p": 2}
    row = record(wrong, parts["exact"], parts["exact"])
    assert row["violated"] and row["floor"] == row["floor_sharp"]


def test_a_floor_of_the_sphere_is_held_against_the_sphere(parts: dict) -> None:
    wrong = parts["setting"] | {"p": 2}
    row = record(wrong, 1e6, 1.0)
    assert not row["violated"] and row["floor_domain"] == "sphere"


def test_crossed_bounds_are_flagged(parts: dict) -> None:
    assert record(parts["setting"], 10.0, 10.1)["crossed"]
    assert not record(parts["setting"], 10.0, 10.0)["crossed"]


def test_crossed_bounds_of_the_sphere_are_flagged(parts: dict) -> None:
    """Also where the bounds of R^d are in order."""
    assert record(parts["setting"], 10.0, 5.0, (6.0, 6.1))["crossed"]
    assert record(parts["setting"], 10.0, 5.0, (12.0, 10.1))["crossed"]
    assert not record(parts["setting"], 10.0, 5.0, (12.0, 9.9))["crossed"]


def test_points_that_upper_bounds_bring_count(parts: dict) -> None:
    bounds = {
        "branched": {
            "side": "upper", "rd": 10.0, "sphere": 9.0, "attained_rd": 9.5,
            "attained_sphere": None, "measure_seconds": 0.0,
        },
    }  # fmt: skip
    row = joined(parts["setting"], bounds)
    assert row["lower"] == row["lower_branched"] == 9.5 and row["upper"] == 10.0
    assert row["lower_sphere"] is row["lower_branched_sphere"] is None


def test_a_closed_bracket_is_exact(parts: dict) -> None:
    row = record(parts["setting"], 10.0, 10.0 - 1e-9, (8.0, 7.9))
    assert row["exact"] == 10.0 and row["exact_sphere"] is None
    assert row["upper_over_lower_sphere"] == pytest.approx(8 / 7.9)
    assert record(parts["setting"], 10.0, 10.0 - 1e-7)["exact"] is None
    crossed = record(parts["setting"], 5.0, 10.0)
    assert crossed["exact"] is None and crossed["crossed"]


def test_a_tangential_gradient_is_a_lower_bound_on_all_of_space(parts: dict) -> None:
    row = record(parts["setting"], 10.0, 5.0, (9.0, 6.0))
    assert row["lower"] == row["lower_sphere"] == 6.0 and row["lower_data"] == 5.0


def test_what_can_not_be_said_is_null(parts: dict) -> None:
    """A fit above the noise: no floor, no verdict, no reach."""
    row = record(parts["setting"] | {"mse": 1.5}, 10.0, 1.0)
    for name in ("floor", "violated", "reach", "lower_over_floor", "floor_theorem"):
        assert row[name] is None
    assert row["floor_sharp_reason"] and not row["fits_below_noise"]
    assert not row["reached"]


def test_reach_and_ratio(parts: dict) -> None:
    row = record(parts["setting"] | {"mse": 0.1}, 10.0, 1.0)
    ratio = np.sqrt(N * D / (2 * (D + 2) + 1))
    assert row["law_ratio"] == pytest.approx(ratio)
    assert row["reach"] == pytest.approx(10 / ((1 - np.sqrt(0.1)) * ratio))


def test_the_gap_s_bound_is_of_the_tightest_upper_bound(parts: dict) -> None:
    fit = {"clipped_gap": 0.5, "test_points": 1000}
    rows = [joined(parts["setting"], bounds(high, 1.0), fit) for high in (3.0, 9.0)]
    assert rows[0]["clipped_gap"] == 0.5
    assert 4 < rows[0]["gap_bound"] < rows[1]["gap_bound"]
    older = record(parts["setting"], 3.0, 1.0)  # a page before it
    assert older["clipped_gap"] is None and older["gap_bound"] is None
