"""The bracket: it holds the constant, says who found it, and keeps to its budget."""

import math
from dataclasses import replace

import numpy as np
import pytest

from isorobust.lipschitz import (
    RD,
    SPHERE,
    Domain,
    Network,
    bracket,
    lower,
    network,
    upper,
)
from isorobust.lipschitz.bracket import Crossed
from isorobust.lipschitz.exact import enumeration
from isorobust.lipschitz.rescaled import rescaled
from tests.lipschitz.test_bounds import SMALL, chain

LONG = 1000.0  # seconds: more than any of these takes


def scaled(net: Network, factor: float) -> Network:
    """Every layer times a factor: the biases follow, so that kinks stay in place."""
    layers, total = [], 1.0
    for w, b in net.layers:
        total *= factor
        layers.append((factor * w, total * b))
    return replace(net, layers=tuple(layers))


@pytest.mark.parametrize("sizes", SMALL, ids=str)
@pytest.mark.parametrize("bias", [0.5, 0.0], ids=["biased", "bias-free"])
def test_small_networks_are_known_exactly(sizes: tuple, bias: float) -> None:
    net = chain(np.random.default_rng(0), *sizes, bias=bias)
    found, exact = bracket(net, budget=LONG), enumeration(net)
    assert found.exact == pytest.approx(exact, rel=1e-9) and found.domain == "rd"
    assert found.lower <= exact * (1 + 1e-12) and exact <= found.upper * (1 + 1e-12)
    sides = {name: method.side for name, method in found.methods.items()}
    assert sides.pop("exact", "exact") == "exact"
    assert all((side == "upper") == (n in upper.__all__) for n, side in sides.items())


DOMAINS = [RD, SPHERE, Domain(0.3), Domain(40.0)]


@pytest.mark.parametrize("domain", DOMAINS, ids=str)
@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_the_witness_attains_the_lower_end(domain: Domain, activation: str) -> None:
    net = chain(np.random.default_rng(1), 3, 6, 5, 2, activation=activation)
    found = bracket(net, domain, budget=0.5)
    at = np.array(found.witness)  # [d], or a pair [2, d]
    assert np.all(np.linalg.norm(at, axis=-1) <= domain.radius * (1 + 1e-12))
    if domain.sphere:
        assert np.linalg.norm(at, axis=-1) == pytest.approx(1)
    assert lower.attained(net, domain, at)[0] == pytest.approx(found.lower, rel=1e-12)
    assert 0 < found.lower <= found.upper
    assert found.lower == max(m.value for m in found.methods.values()
                              if m.side == "lower")  # fmt: skip


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
@pytest.mark.parametrize("domain", DOMAINS, ids=str)
@pytest.mark.parametrize("factor", [1.0, 3e-7, 1e12, 1e-60, 1e60])
def test_rescaling_keeps_the_slopes(
    activation: str, domain: Domain, factor: float
) -> None:
    """Exactly, and what jax sees fits float32."""
    net = scaled(chain(np.random.default_rng(2), 3, 5, 4, 1), factor)
    net = replace(net, activation=activation)
    unit = rescaled(net, domain)
    x = np.random.default_rng(3).standard_normal((20, 3))
    there = np.ldexp(network.gradient(unit.net, x / unit.length), unit.exponent)
    assert np.array_equal(there, network.gradient(net, x))
    assert unit.domain.radius * unit.length == domain.radius
    if activation == "relu":
        assert all(0.5 <= np.abs(w).max() < 1 for w in unit.net.weights)


@pytest.mark.parametrize("factor", [1e-12, 1e12, 2.0**-200, 2.0**200])
def test_weights_of_any_size(factor: float) -> None:
    net = chain(np.random.default_rng(4), 4, 10, 1)
    one, other = bracket(net, budget=LONG), bracket(scaled(net, factor), budget=LONG)
    for name in ("lower", "upper", "exact"):
        ends = getattr(one, name) * factor**2, getattr(other, name)
        assert ends[1] == pytest.approx(ends[0], rel=1e-9)
    assert one.witness == pytest.approx(other.witness, rel=1e-6)


def test_kinks_of_any_distance() -> None:
    """Biases times t: the same constant, at a witness t times as far."""
    (w, b), last = chain(np.random.default_rng(5), 3, 12, 1).layers
    values = [
        bracket(Network(((w, t * b), last)), budget=1e-9).lower
        for t in (1.0, 2.0**-120, 2.0**120)
    ]
    assert values[0] > 0 and values == [values[0]] * 3


def test_ends_of_floating_point() -> None:
    """Never 0 above a constant that isn't, nor infinite below."""
    net = chain(np.random.default_rng(6), 2, 3, 1)
    tiny, huge = (bracket(scaled(net, f), budget=1e-9) for f in (1e-170, 1e170))
    assert tiny.lower == 0 < tiny.upper < 1e-300
    assert huge.upper == math.inf and huge.lower < math.inf


def test_networks_that_are_hardly_any() -> None:
    zero = Network(((np.zeros((3, 2)), np.ones(3)), (np.ones((1, 3)), np.zeros(1))))
    found = bracket(zero)
    assert (found.lower, found.upper, found.exact) == (0, 0, 0)
    linear = np.random.default_rng(7).standard_normal((3, 5))
    found = bracket(Network(((linear, np.ones(3)),)))
    assert found.exact == pytest.approx(np.linalg.norm(linear, 2), rel=1e-12)
    point = Network(((np.array([[2.0]]), np.zeros(1)), (np.array([[3.0]]), np.ones(1))))
    assert bracket(point).exact == pytest.approx(6)


def test_no_time_still_gives_both_ends() -> None:
    net = chain(np.random.default_rng(8), 16, 24, 1)
    found = bracket(net, budget=1e-9)
    assert 0 < found.lower <= found.upper < math.inf and found.exact is None
    assert set(found.methods) == {"product", "random"}
    assert "takes longer than the budget had left" in found.skipped.values()
    shelf = {*upper.__all__, *lower.__all__, "exact"}
    assert {*found.methods, *found.skipped} == shelf


def test_what_is_closed_is_left() -> None:
    net = Network(((np.eye(2), np.zeros(2)), (np.array([[3.0, 4.0]]), np.zeros(1))))
    found = bracket(net)
    assert found.exact == pytest.approx(5) and "sweep" in found.skipped


def test_a_crossed_sandwich_is_a_defect(monkeypatch: pytest.MonkeyPatch) -> None:
    net = chain(np.random.default_rng(9), 3, 6, 1)
    monkeypatch.setattr(upper, "liplt", lambda net, domain: 1e-3)
    with pytest.raises(Crossed, match=r"random = .* is above .* liplt = 0\.001 on rd"):
        bracket(net)


def test_a_new_bound_joins_by_itself(monkeypatch: pytest.MonkeyPatch) -> None:
    net = chain(np.random.default_rng(10), 3, 6, 1)
    exact = enumeration(net)
    shelf = [*upper.__all__, "oracle", "null"]
    monkeypatch.setattr(upper, "__all__", shelf)
    monkeypatch.setattr(upper, "oracle", lambda net, domain: 10 * exact, raising=False)
    monkeypatch.setattr(upper, "null", lambda net, domain: math.inf, raising=False)
    found = bracket(net, SPHERE, budget=2.0)
    assert found.methods["oracle"].side == "upper"
    assert found.skipped["null"] == "doesn't apply, or overflows"


def test_data_are_looked_at() -> None:
    """The one steep place of a flat network, where only the data are."""
    w = np.array([[300.0, 0, 0]])
    net = Network(((w, np.array([-2000.0])), (np.array([[1.0]]), np.zeros(1))), "tanh")
    place = np.array([[2000 / 300, 5.0, -3.0], [0.0, 0, 0]])
    found = bracket(net, budget=2.0, data=(place, None))
    assert found.methods["data"].value == pytest.approx(300, rel=1e-5)
    assert found.methods["random"].value < 200
    assert np.allclose(found.witness, place[0], atol=1e-2)


def test_what_overflows_is_no_bound() -> None:
    """tanh can't be rescaled: products of 1e200 and 1e200 overflow on both sides."""
    net = chain(np.random.default_rng(11), 2, 3, 3, 1, activation="tanh")
    found = bracket(scaled(net, 1e200), budget=1.0)
    assert found.upper == math.inf and math.isfinite(found.lower)
    assert all(math.isfinite(method.value) for method in found.methods.values())


def test_two_layers_close_beyond_enumeration() -> None:
    """2^48 patterns: what branches above comes with the point that attains it."""
    found = bracket(chain(np.random.default_rng(12), 24, 48, 1), budget=LONG)
    assert found.exact is not None
    assert "sweep" in found.skipped
