"""Attained radii against distances that are known, and against certificates."""

import numpy as np
import pytest

from isorobust.lipschitz import RD, lower, network, upper
from isorobust.lipschitz.network import Network
from isorobust.lipschitz.radius import radii
from tests.lipschitz.test_bounds import chain


def slab(w: np.ndarray, b: float) -> Network:
    """f = relu(w x + b) - relu(-w x - b) = w x + b."""
    layers = (
        (np.stack([w, -w]), np.array([b, -b])),
        (np.array([[1.0, -1]]), np.zeros(1)),
    )
    return Network(layers)


def test_a_linear_function_s_radius_is_the_distance_to_its_plane() -> None:
    rng = np.random.default_rng(0)
    w, x = rng.standard_normal(12), rng.standard_normal((40, 12))
    f = x @ w + 0.3
    found = radii(slab(w, 0.3), x, np.sign(f))
    distance = np.abs(f) / np.linalg.norm(w)
    assert np.all(found.radius >= distance)
    assert found.radius == pytest.approx(distance, rel=1e-4)
    assert found.size == pytest.approx(np.abs(f))


def test_the_nearer_of_two_sides_is_found() -> None:
    """f = .5 - |x_1|: zero at both x_1 = .5 and -.5; one start is on a far side."""
    w = np.eye(8)[0]
    layers = (np.stack([w, -w]), np.zeros(2)), (np.array([[-1.0, -1]]), np.array([0.5]))
    x = np.random.default_rng(0).uniform(-0.4, 0.4, (30, 8))
    x = np.concatenate([x, [np.eye(8)[0] * 2]])
    found = radii(Network(layers), x, np.r_[np.ones(30), -1])
    assert found.radius == pytest.approx(np.abs(0.5 - np.abs(x[:, 0])), rel=1e-3)


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
def test_every_radius_flips_and_none_is_below_its_certificate(activation: str) -> None:
    rng = np.random.default_rng(1)
    net = chain(rng, 6, 24, 12, 1, activation=activation)
    x = rng.standard_normal((60, 6))
    f = network.value(net, x)
    f, net = f - np.median(f), chain_minus(net, float(np.median(f)))
    y = np.sign(f) * np.r_[-np.ones(10), np.ones(50)]  # ten are misclassified
    found = radii(net, x, y)
    assert len(found.radius) == 50 and np.isfinite(found.radius).all()
    assert np.all(
        found.radius * min(upper.product(net), upper.liplt(net)) >= found.size
    )
    value, pair = lower.attained(net, RD, found.steepest)
    ends = network.value(net, pair)
    assert ends[0] * ends[1] < 0
    # f at the flip adds next to nothing: the chord's slope is the quotient
    assert value == pytest.approx(np.max(found.size / found.radius), rel=1e-3)
    # no random perturbation of that length, of many, does better
    ways = rng.standard_normal((400, 1, 6))
    ways /= np.linalg.norm(ways, axis=2, keepdims=True)
    moved = x[10:] + 0.9 * found.radius[:, None] * ways
    values = np.stack([network.value(net, z) for z in moved])
    assert np.mean(np.any(values * y[10:] < 0, axis=0)) <= 0.1


def chain_minus(net: Network, offset: float) -> Network:
    *hidden, (w, b) = net.layers
    return Network((*hidden, (w, b - offset)), net.activation)


def test_without_a_flip_it_says_so() -> None:
    """f = 1 + relu(w x) is positive everywhere."""
    net = Network(
        ((np.ones((1, 3)), np.zeros(1)), (np.ones((1, 1)), np.ones(1))),
    )
    found = radii(net, np.eye(3), np.ones(3))
    assert np.isinf(found.radius).all() and found.steepest is None
    assert found.numbers["radii"] == [None] * 3
    assert found.size == pytest.approx(2.0)
    assert radii(net, np.eye(3), -np.ones(3)).radius.shape == (0,)
