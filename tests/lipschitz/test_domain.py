"""Domains: their names, and what pre-activations and slopes can be on them."""

import itertools

import numpy as np
import pytest

from isorobust.activations import ACTIVATIONS
from isorobust.lipschitz import network, upper
from isorobust.lipschitz.domain import RD, SPHERE, Domain, intervals, slopes
from isorobust.lipschitz.network import Network
from isorobust.lipschitz.upper import chain


def some(*sizes: int, seed: int = 0, activation: str = "relu") -> Network:
    rng = np.random.default_rng(seed)
    layers = tuple(
        (rng.standard_normal((b, a)) / np.sqrt(a), rng.standard_normal(b))
        for a, b in itertools.pairwise(sizes)
    )
    return Network(layers, activation)


def seen(net: Network, x: np.ndarray) -> list[np.ndarray]:
    """Per hidden layer the pre-activations [n, k] at the points x [n, d]."""
    found = []
    for i, (w, b) in enumerate(net.layers[:-1]):
        found.append(x @ w.T + b)
        x = network.passed(net, i, found[-1])
    return found


@pytest.mark.parametrize("domain", [RD, SPHERE, Domain(2.5), Domain(1e-3)], ids=str)
def test_names_and_back(domain: Domain) -> None:
    assert Domain.parse(str(domain)) == domain


@pytest.mark.parametrize(
    "text", ["", "Rd", "ball", "ball:", "ball:x", "ball:0", "ball:-1", "ball:inf",
             "ball:nan", "sphere:2", "cube:1"]
)  # fmt: skip
def test_other_names_say_what_is_allowed(text: str) -> None:
    with pytest.raises(ValueError, match="rd, sphere, or ball:R"):
        Domain.parse(text)


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("radius", [0.1, 1.0, 4.0])
def test_nothing_leaves_its_interval(activation: str, radius: float) -> None:
    rng = np.random.default_rng(0)
    for seed, linear in itertools.product(range(3), (False, True)):
        net = some(3, 6, 5, 4, 1, seed=seed, activation=activation)
        if linear:
            carried = tuple(rng.integers(0, 2, k).astype(float) for k in (6, 5, 4))
            net = Network(net.layers, activation, carried)
        x = rng.standard_normal((4000, 3))
        x *= radius / np.linalg.norm(x, axis=1, keepdims=True)
        x[::2] *= rng.random((2000, 1))
        found = intervals(net, radius), slopes(net, Domain(radius))
        for i, z in enumerate(seen(net, x)):
            (low, high), (least, most) = found[0][i], found[1][i]
            assert np.all(low <= z) and np.all(z <= high)
            slope = network.slope(net, i, z)
            assert np.all(least <= slope) and np.all(slope <= most)


def test_the_first_layer_attains_its_intervals() -> None:
    net = some(4, 7, 1)
    (w, b), _ = net.layers
    ((low, high),) = intervals(net, 2.0)
    size = np.linalg.norm(w, axis=1)
    x = 2 * w / size[:, None]
    np.testing.assert_allclose(high, np.sum(w * x, axis=1) + b)
    np.testing.assert_allclose(low, np.sum(-w * x, axis=1) + b)


def test_deeper_layers_are_tighter_than_interval_arithmetic() -> None:
    net = some(16, 32, 32, 1)
    (low, high), (v, c) = intervals(net, 1.0)[0], net.layers[1]
    h_low, h_high = np.maximum(low, 0), np.maximum(high, 0)
    plain = np.abs(v) @ (h_high - h_low)
    least, most = intervals(net, 1.0)[1]
    middle = v @ (h_low + h_high) / 2 + c
    assert np.all(least >= middle - plain / 2 - 1e-9)
    assert np.all(most <= middle + plain / 2 + 1e-9)
    assert np.median((most - least) / plain) < 0.8


def test_constants_that_cancel_are_covered() -> None:
    """1e16 - 1e16 + x: the interval is as wide as the rounding."""
    net = Network((
        (np.array([[1.0], [1.0]]), np.array([1e16, 1e16])),
        (np.array([[1.0, -1.0]]), np.array([0.5])),
        (np.ones((1, 1)), np.zeros(1)),
    ))  # fmt: skip
    low, high = intervals(net, 1.0)[1]
    assert low <= 0.5 <= high and high - low >= 2


@pytest.mark.parametrize("name", upper.__all__)
def test_a_smaller_ball_has_no_larger_bound(name: str) -> None:
    bound = getattr(upper, name)
    for activation in ACTIVATIONS:
        net = some(3, 6, 5, 1, activation=activation)
        found = [bound(net, domain) for domain in (Domain(0.01), Domain(1.0), RD)]
        assert found[0] <= found[1] * (1 + 1e-9) and found[1] <= found[2] * (1 + 1e-9)
        # where nothing switches or bends, what is left is the derivative at 0
        if name in ("eclipse", "interval", "liplt"):
            at = np.linalg.norm(network.jacobian(net, np.zeros(3)))
            assert at <= found[0] <= 1.1 * at


def test_closed_forms_of_two_layers() -> None:
    """Formulas for slopes in [0, 1] and one output, and all patterns of a small one."""
    net = some(3, 6, 1)
    (w, _), (a, _) = net.layers
    b = a[0][:, None] * w
    up, down = np.maximum(b, 0).sum(axis=0), np.maximum(-b, 0).sum(axis=0)
    interval = np.linalg.norm(np.maximum(up, down))
    assert upper.interval(net) == pytest.approx(interval, rel=1e-9)
    t = np.sqrt(np.abs(a[0]) / np.linalg.norm(w, axis=1))
    found = []
    for scale in (np.ones(6), t):  # as it is, and balanced
        v, u = scale[:, None] * w, a[0] / scale
        norms = np.linalg.norm(u @ v), np.linalg.norm(u) * np.linalg.norm(v, 2)
        found.append(sum(norms) / 2)
    assert upper.liplt(net) == pytest.approx(min(found), rel=1e-9)
    patterns = itertools.product((0.0, 1.0), repeat=6)
    formal = max(np.linalg.norm(np.array(s) @ b) for s in patterns)
    for name in upper.__all__:
        assert formal <= getattr(upper, name)(net)
    assert formal <= chain.certified(net) <= 1.2534 * formal


def test_what_never_switches_is_linear() -> None:
    """Biases of 100 on the unit ball: the matrix of the pattern, exactly."""
    net = some(3, 6, 5, 2)
    rng = np.random.default_rng(5)
    signs = [rng.choice([-1.0, 1.0], k) for k in (6, 5)]
    hidden = [
        (w, 1000.0**i * 100 * s)
        for i, ((w, _), s) in enumerate(zip(net.layers, signs, strict=False))
    ]
    net = Network((*hidden, net.layers[-1]))
    (a, b, c), (s, t) = net.weights, signs
    norm = np.linalg.norm(c * (t > 0) @ b * (s > 0) @ a, 2)
    assert norm <= chain.certified(net, Domain(1.0)) <= norm * (1 + 1e-9)
    assert chain.certified(net) > norm * 1.01


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_weights_of_any_size(activation: str) -> None:
    """Powers of two move out of every bound; on a ball, units stop or start to bend."""
    net = some(3, 6, 5, 1, activation=activation)
    bounds = [*(getattr(upper, name) for name in upper.__all__), chain.certified]
    for powers in [(40, -40, 7), (-700, -700, 1000), (550, 500, -900), (-400,) * 3]:
        scaled = zip(net.layers, powers, strict=True)
        other = Network(tuple((np.ldexp(w, e), b) for (w, b), e in scaled), activation)
        for bound in bounds:
            value, power = bound(net), sum(powers)
            if np.isinf(value):  # it is for two layers only
                continue
            expected = np.ldexp(value, power) if power > -1000 else 5e-324
            assert bound(other) == pytest.approx(expected, rel=1e-4, abs=0)
            assert 0 < bound(other, Domain(1.0)) <= bound(other) * (1 + 1e-4)
