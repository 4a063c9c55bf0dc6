"""The sandwich: every lower <= exact <= every upper, over all bounds and networks."""

import itertools
from typing import Any

import jax
import numpy as np
import pytest

from isorobust.activations import ACTIVATIONS
from isorobust.lipschitz import SIDES, lower, network, upper
from isorobust.lipschitz.domain import RD, SPHERE, Domain
from isorobust.lipschitz.exact import enumeration
from isorobust.lipschitz.network import Layers, Network

COMBINED = list(itertools.product([*lower.__all__], [RD, SPHERE]))


def chain(
    rng: np.random.Generator,
    *sizes: int,
    bias: float = 0.5,
    activation: str = "relu",
) -> Network:
    layers = tuple(
        (rng.standard_normal((b, a)) / np.sqrt(a), bias * rng.standard_normal(b))
        for a, b in itertools.pairwise(sizes)
    )
    return Network(layers, activation)


def points(rng: np.random.Generator, n: int, d: int, sphere: bool) -> np.ndarray:
    x = rng.standard_normal((n, d))
    return x / np.linalg.norm(x, axis=1, keepdims=True) if sphere else x


def look(
    name: str, net: Network, domain: Domain = RD, seed: int = 0
) -> tuple[float, np.ndarray]:
    """(value, witness) of a lower bound with 40 data and 50 draws."""
    rng = np.random.default_rng(seed)
    x, draws = (np.float32(points(rng, n, net.d, domain.sphere)) for n in (40, 50))
    y = np.float32(rng.choice([-1, 1], 40))
    data = (x, y, np.ones(40, np.float32))
    single = jax.tree.map(np.float32, net)
    find = jax.jit(getattr(lower, name), static_argnums=1)
    with jax.default_matmul_precision("highest"):
        at = find(single, domain, data, (draws, np.ones(50, np.float32)))
    return lower.attained(net, domain, np.asarray(at))


SMALL = [(2, 6, 1), (3, 5, 1), (1, 4, 1), (2, 4, 4, 1), (2, 3, 3, 3, 1)]


@pytest.mark.parametrize("sizes", SMALL, ids=str)
@pytest.mark.parametrize("bias", [0.5, 0.0], ids=["biased", "bias-free"])
def test_sandwich(sizes: tuple, bias: float) -> None:
    for seed in range(3):
        net = chain(np.random.default_rng(seed), *sizes, bias=bias)
        exact = enumeration(net)
        for name, side in SIDES.items():
            if side == "upper":
                assert exact <= getattr(upper, name)(net), (name, seed)
            else:
                assert look(name, net)[0] <= exact * (1 + 1e-12), name


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("sizes", [(3, 8, 1), (3, 6, 5, 1), (4, 5, 5, 5, 1)], ids=str)
def test_every_lower_is_below_every_upper(activation: str, sizes: tuple) -> None:
    """Also where no exact value is known: smooth activations, both domains."""
    for seed in range(3):
        net = chain(np.random.default_rng(seed), *sizes, activation=activation)
        for name, domain in COMBINED:
            least = min(getattr(upper, name)(net, domain) for name in upper.__all__)
            assert look(name, net, domain)[0] <= least


HAND = {
    # relu(x) - relu(-x) = x: slope 1 everywhere
    "identity": (((np.array([[1.0], [-1.0]])), [0, 0], [[1.0, -1.0]]), 1.0),
    # relu(x) + relu(-x) = |x|, twice: slope 2
    "absolute": ((np.array([[1.0], [-1.0]]), [0, 0], [[2.0, 2.0]]), 2.0),
    # 3 relu(x) - 3 relu(x - 1) + 4 relu(y): slopes (3, 4) in the strip
    "strip": ((np.array([[1.0, 0], [1, 0], [0, 1]]), [0, -1, 0], [[3.0, -3, 4]]), 5.0),
}


@pytest.mark.parametrize("name", HAND)
def test_networks_whose_constant_is_mental_arithmetic(name: str) -> None:
    (w, b, a), exact = HAND[name]
    layers = Network(((w, np.array(b, float)), (np.array(a), np.zeros(1))))
    assert enumeration(layers) == pytest.approx(exact, abs=1e-12)
    for bound in upper.__all__:
        assert getattr(upper, bound)(layers) >= exact
    assert look("sweep", layers)[0] == pytest.approx(exact, abs=1e-9)


def test_closed_cells_do_not_count() -> None:
    """At x = 0 all units of a bias-free network are "on": no open region has that."""
    w = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    layers = Network(((w, np.zeros(4)), (np.ones((1, 4)), np.zeros(1))))
    assert enumeration(layers) == pytest.approx(np.sqrt(2))
    value, at = lower.attained(layers, RD, np.zeros(2))
    assert 0 < value <= np.sqrt(2) + 1e-12 and np.linalg.norm(at) > 0


def test_enumeration_agrees_with_a_fine_grid() -> None:
    """Another road in d = 2: gradients on a grid find every region of some size."""
    axis = np.linspace(-6, 6, 300)
    square = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    grid = np.concatenate([square, 5 * square, 25 * square, 125 * square])
    for seed in range(5):
        layers = chain(np.random.default_rng(seed), 2, 5, 4, 1)
        seen = np.linalg.norm(network.gradient(layers, grid), axis=1).max()
        exact = enumeration(layers)
        assert seen <= exact * (1 + 1e-12)
        assert seen >= 0.97 * exact


@pytest.mark.parametrize("sphere", [False, True], ids=["line", "circle"])
def test_sweep_is_exact_on_its_lines(sphere: bool) -> None:
    """Against 40,000 points on each of the 64 lines or circles."""
    layers = chain(np.random.default_rng(1), 3, 12, 1)
    rng = np.random.default_rng(0)
    x = np.float32(points(rng, 40, 3, sphere))
    points(rng, 50, 3, sphere)
    y = rng.choice([-1, 1], 40)
    high, low = x[np.argsort(-y, kind="stable")], x[np.argsort(y, kind="stable")]
    best = 0.0
    for e, end in zip(high, low, strict=True):
        if sphere:
            f = end - (e @ end) * e
            if not np.linalg.norm(f) > 1e-6:
                continue
            angle = np.linspace(0, 2 * np.pi, 40001)[:, None]
            at = np.cos(angle) * e + np.sin(angle) * f / np.linalg.norm(f)
        else:
            at = e + np.linspace(-60, 60, 40001)[:, None] * (end - e)
        slope = network.gradient(layers, at)
        if sphere:
            slope = slope - np.sum(slope * at, axis=1, keepdims=True) * at
        best = max(best, np.linalg.norm(slope, axis=1).max())
    value, _ = look("sweep", layers, SPHERE if sphere else RD)
    assert value >= best * (1 - (0.02 if sphere else 1e-9))


@pytest.mark.parametrize("activation", ["relu", "tanh"])
def test_few_padded_points_on_the_sphere(activation: str) -> None:
    """3 real points among 64: no witness at the centre, nothing above the truth."""
    for seed in range(12):
        rng = np.random.default_rng(seed)
        layers = chain(rng, 2, 8, 1, activation=activation)
        x = np.zeros((64, 2), np.float32)
        x[:3] = points(rng, 3, 2, True)
        y = np.float32([1, -1, 1] + [0] * 61)
        weights = np.float32([1] * 3 + [0] * 61)
        single = jax.tree.map(np.float32, layers)
        at = lower.sweep(single, SPHERE, (x, y, weights), None)
        value, at = lower.attained(layers, SPHERE, np.asarray(at))
        angle = np.linspace(0, 2 * np.pi, 200_001)
        circle = np.stack([np.cos(angle), np.sin(angle)], axis=1)
        slope = network.gradient(layers, circle)
        slope -= np.sum(slope * circle, axis=1, keepdims=True) * circle
        assert value <= np.linalg.norm(slope, axis=1).max() * (1 + 1e-6)
        assert np.linalg.norm(at) == pytest.approx(1)
    assert lower.attained(layers, SPHERE, np.zeros(2))[1].shape == (2,)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_gradient_against_finite_differences(
    activation: str, rng: np.random.Generator
) -> None:
    layers = chain(rng, 3, 6, 5, 1, activation=activation)
    x, h = rng.standard_normal((20, 3)), 1e-6
    slope = network.gradient(layers, x)
    for i in range(3):
        move = np.eye(3)[i] * h
        ends = [network.value(layers, x + s * move) for s in (1, -1)]
        np.testing.assert_allclose(
            slope[:, i], (ends[0] - ends[1]) / (2 * h), atol=1e-7
        )


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_activations_are_what_they_say(name: str) -> None:
    kind, z = ACTIVATIONS[name], np.linspace(-8, 8, 100_001)
    slope = kind.slope(z)
    assert kind.low <= slope.min() and slope.max() <= kind.high
    assert slope.max() >= kind.high - 1e-6 and slope.min() <= kind.low + 1e-6
    assert kind.numpy(np.zeros(1))[0] == 0
    np.testing.assert_allclose(kind.jax(np.float32(z)), kind.numpy(z), atol=2e-6)
    if kind.homogeneous:
        np.testing.assert_allclose(kind.numpy(3 * z), 3 * kind.numpy(z))


@pytest.mark.parametrize("name", SIDES)
def test_bounds_scale_as_the_constant_does(name: str) -> None:
    """f -> 3 f gives 3 L and x -> x / 2 gives L / 2, for weights of any size."""
    layers = chain(np.random.default_rng(2), 3, 7, 1)
    (w, b), (a, c) = layers.layers

    def bound(chain: Layers) -> float:
        layers = Network(chain)
        if SIDES[name] == "upper":
            return getattr(upper, name)(layers)
        return look(name, layers)[0]

    for factor in (3.0, 2.0**-40, 2.0**40):
        assert bound(((w, b), (factor * a, factor * c))) == pytest.approx(
            factor * bound(layers.layers), rel=1e-9
        )
    if SIDES[name] == "upper":
        assert bound(((w / 2, b), (a, c))) == pytest.approx(
            bound(layers.layers) / 2, rel=1e-9
        )


@pytest.mark.parametrize("name", upper.__all__)
def test_upper_bounds_do_not_mind_order_sign_and_rescaling(name: str) -> None:
    (w, b), (a, c) = chain(np.random.default_rng(3), 4, 9, 1).layers

    def bound(*layers: Any) -> float:
        return getattr(upper, name)(Network(layers))

    value = bound((w, b), (a, c))
    order = np.random.default_rng(0).permutation(9)
    assert bound((w[order], b[order]), (-a[:, order], c)) == pytest.approx(value)
    t = np.exp(np.random.default_rng(0).standard_normal(9))
    rescaled = (w * t[:, None], b * t), (a / t, c)
    slack = 1e-9 if name == "path" else 0.15
    assert bound(*rescaled) == pytest.approx(value, rel=slack)


def test_spectral_norms_are_from_above(rng: np.random.Generator) -> None:
    scales = (1e-200, 1e-8, 1.0, 1e8, 1e200)
    for scale, shape in itertools.product(scales, ((5, 9), (64, 64), (1, 7))):
        for _ in range(20):
            matrix = scale * rng.standard_normal(shape)
            true = np.linalg.norm(matrix, 2)
            assert true <= upper.spectral_norm(matrix) <= true * (1 + 1e-10)
    assert upper.spectral_norm(np.zeros((3, 4))) == 0
    assert upper.spectral_norm(np.full((2, 2), np.inf)) == np.inf
    equal = np.eye(30) * (1 + 1e-15)
    assert upper.spectral_norm(equal) >= 1 + 1e-15


def test_dead_units_and_zero_networks() -> None:
    zero = Network(((np.zeros((3, 2)), np.zeros(3)), (np.zeros((1, 3)), np.zeros(1))))
    alive = chain(np.random.default_rng(0), 2, 3, 1)
    (w, b), (a, c) = alive.layers
    twice = (np.vstack([w, 0 * w]), np.append(b, [1, -1, 0])), (np.tile(a, 2), c)
    dead = Network(twice)
    for name in upper.__all__:
        assert 0 <= getattr(upper, name)(zero) < 1e-12
        assert enumeration(alive) <= getattr(upper, name)(dead)
    assert enumeration(dead) == pytest.approx(enumeration(alive))
    assert look("sweep", zero)[0] == 0


def test_balancing_keeps_the_function(rng: np.random.Generator) -> None:
    for sizes in ((3, 6, 1), (3, 5, 4, 1)):
        layers = chain(rng, *sizes)
        even = network.balanced(layers)
        x = rng.standard_normal((50, 3))
        np.testing.assert_allclose(
            network.value(layers, x), network.value(even, x), atol=1e-12
        )
        (w, b), (after, _) = even.layers[-2:]
        into = np.linalg.norm(np.column_stack([w, b]), axis=1)
        np.testing.assert_allclose(into, np.linalg.norm(after, axis=0))
    smooth = chain(rng, 3, 6, 1, activation="tanh")
    assert network.balanced(smooth) is smooth
