"""LipSDP of any depth: its certificate, vectors that prove it tight, its sectors."""

import itertools
from dataclasses import replace
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from isorobust.lipschitz import network
from isorobust.lipschitz.domain import RD, Domain, slopes
from isorobust.lipschitz.exact import enumeration
from isorobust.lipschitz.network import Network
from isorobust.lipschitz.norms import spectral_norm
from isorobust.lipschitz.upper import chain, closed, maxcut, primal

DEEP = [(4, 10, 1), (3, 8, 8, 1), (4, 6, 7, 3), (3, 6, 6, 6, 1), (3, 5, 5, 5, 5, 2)]


def some(*sizes: int, seed: int = 0, activation: str = "relu") -> Network:
    rng = np.random.default_rng(seed)
    layers = tuple(
        (rng.standard_normal((b, a)) / np.sqrt(a), rng.standard_normal(b) / 2)
        for a, b in itertools.pairwise(sizes)
    )
    return Network(layers, activation)


def single(tree: Any) -> Any:
    return jax.tree.map(lambda a: jnp.asarray(a, jnp.float32), tree)


def attained(net: Network, sectors: Any, rounds: int = 600) -> float:
    """A value that LipSDP reaches, so a bound on it from below: weak duality."""
    found = primal.optimum(net.weights, sectors, rounds)
    assert np.linalg.norm(found.directions) == pytest.approx(1)
    for q in found.slopes:
        assert np.linalg.norm(q, axis=1).max() <= 1 + 1e-12
    return float(np.sqrt(primal.square(net.weights, sectors, found)))


@pytest.mark.parametrize("sizes", [(2, 6, 1), (3, 5, 1), (2, 4, 4, 1), (2, 3, 3, 3, 1)])
def test_above_the_exact_constant(sizes: tuple) -> None:
    for seed in range(2):
        net = some(*sizes, seed=seed)
        exact = enumeration(net)
        assert exact <= chain.certified(net)
        # any multipliers at all are sound
        rng = np.random.default_rng(seed)
        for scale in (1e-30, 1e-3, 1.0, 1e30):
            wild = [scale * rng.random(k) for k in sizes[1:-1]]
            assert exact <= chain.certified(net, RD, wild)


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
@pytest.mark.parametrize("sizes", DEEP, ids=str)
def test_above_what_points_attain(sizes: tuple, activation: str) -> None:
    net = some(*sizes, activation=activation)
    rng = np.random.default_rng(1)
    x = rng.standard_normal((100, sizes[0]))
    x /= np.maximum(np.linalg.norm(x, axis=1, keepdims=True), 1)
    seen = max(np.linalg.norm(network.jacobian(net, point), 2) for point in x)
    ball = chain.certified(net, Domain(1.0))
    assert seen <= ball <= chain.certified(net) * (1 + 1e-4)


@pytest.mark.parametrize("activation", ["relu", "gelu"])
@pytest.mark.parametrize("sizes", DEEP, ids=str)
def test_it_is_lipsdp(sizes: tuple, activation: str) -> None:
    """Vectors attain it to 1e-4, from float64 and float32 multipliers alike."""
    net = some(*sizes, activation=activation)
    sectors = slopes(net)
    below = attained(net, sectors)
    assert below <= chain.certified(net) <= below * (1 + 1e-4)
    found = jax.jit(chain.search)(single(net), single(sectors))
    assert below <= chain.certified(net, RD, found) <= below * (1 + 2e-4)


def test_of_two_layers_it_is_the_maxcut_form() -> None:
    for seed in range(5):
        net = some(6, 14, 1, seed=seed)
        (w, _), (a, _) = net.layers
        (low, high), *_ = slopes(net)
        c = maxcut.factor(w, a[0], low, high)
        single = jnp.asarray(c, jnp.float32)
        y = np.asarray(maxcut.duals(single, maxcut.vectors(single, 300)), float)
        inner = c.T @ (c / y[:, None])
        other = np.sqrt(y.sum() * np.linalg.eigvalsh(inner)[-1]) / 2
        assert chain.certified(net) == pytest.approx(other, rel=5e-5)


def test_at_equal_multipliers_it_is_eclipse_fast() -> None:
    """Another road: Xu & Sivaranjani's recursion in its own letters, X = P^-1."""
    net = some(4, 7, 6, 5, 2)
    x = np.eye(4)
    for w in net.weights[:-1]:
        s = w @ np.linalg.inv(x) @ w.T
        t = 2 / np.linalg.norm(s, 2)
        x = t * np.eye(len(w)) - t**2 / 4 * s
    last = net.weights[-1]
    other = np.sqrt(np.linalg.norm(last @ np.linalg.inv(x) @ last.T, 2))
    found = closed._eclipse(net, slopes(net))
    assert found == pytest.approx(other, rel=1e-9)
    assert chain.certified(net) <= closed.eclipse(net) <= found


def test_a_linear_unit_is_carried_exactly() -> None:
    """Linear units cost nothing: the composed network's certificate, or its norm."""
    (a, p), (b, q), (c, r) = some(4, 6, 5, 2).layers
    linear = (np.ones(6), np.ones(5))
    net = Network(((a, p), (b, q), (c, r)), linear=linear)
    norm = np.linalg.norm(c @ b @ a, 2)
    assert norm <= chain.certified(net) <= norm * (1 + 1e-10)
    half = Network(((a, p), (b, q), (c, r)), linear=(np.zeros(6), np.ones(5)))
    composed = Network(((a, p), (c @ b, c @ q + r)))
    assert chain.certified(half) == pytest.approx(chain.certified(composed), rel=1e-5)


def test_skip_connections() -> None:
    """x + W_2 relu(W_1 x): x is carried; against a fine look at its derivative."""
    rng = np.random.default_rng(3)
    w, v = rng.standard_normal((8, 2)), rng.standard_normal((2, 8)) / 4
    layers = (
        (np.vstack([np.eye(2), w]), rng.standard_normal(10)),
        (np.hstack([np.eye(2), v]), np.zeros(2)),
    )
    net = Network(layers, linear=(np.array([1.0] * 2 + [0.0] * 8),))
    points = 5 * rng.standard_normal((3000, 2))
    seen = max(np.linalg.norm(network.jacobian(net, x), 2) for x in points)
    bound = chain.certified(net)
    assert seen <= bound <= 1 + np.linalg.norm(v, 2) * np.linalg.norm(w, 2)
    assert bound <= 1.1 * seen


def test_units_that_are_fixed() -> None:
    """On: linear. Off: as if it were not there. All: the pattern's matrix."""
    (w, b), (a, c) = some(4, 9, 1).layers
    net = Network(((w, b), (a, c)))
    off, on = np.arange(9) < 3, (np.arange(9) >= 3) & (np.arange(9) < 5)
    low, high = np.where(on, 1.0, 0.0), np.where(off, 0.0, 1.0)
    fixed = chain.certified(net, sectors=[(low, high)])
    less = Network(((w[3:], b[3:]), (a[:, 3:], c)), linear=(on[3:].astype(float),))
    assert fixed == pytest.approx(chain.certified(less), rel=1e-5)
    pattern = (np.arange(9) % 2).astype(float)
    norm = np.linalg.norm(a * pattern @ w)
    assert (
        norm <= chain.certified(net, sectors=[(pattern, pattern)]) <= norm * 1.0000001
    )


@pytest.mark.parametrize("sizes", [(4, 8, 1), (3, 6, 6, 2)], ids=str)
def test_scales_order_and_units(sizes: tuple) -> None:
    net = some(*sizes, seed=5)
    value = chain.certified(net)
    rng = np.random.default_rng(0)
    for factor in (1e-12, 1e12, 1e-60, 1e60):
        layers = tuple((factor * w, b) for w, b in net.layers)
        scaled = chain.certified(Network(layers)) / factor ** len(layers)
        assert scaled == pytest.approx(value, rel=1e-5)
    (w, b), (after, c), *rest = net.layers
    order = rng.permutation(len(w))
    t = np.exp(5 * rng.standard_normal(len(w)))
    moved = (t[:, None] * w)[order], (t * b)[order]
    other = Network((moved, ((after / t)[:, order], c), *rest))
    assert chain.certified(other) == pytest.approx(value, rel=1e-5)


def test_what_overflows_is_inf() -> None:
    net = some(3, 4, 4, 1)
    huge = Network(tuple((1e150 * w, b) for w, b in net.layers))
    tiny = Network(tuple((1e-150 * w, b) for w, b in net.layers))
    assert chain.certified(huge) == np.inf and chain.certified(tiny) < 1e-300
    broken = Network(((net.weights[0] * np.nan, net.layers[0][1]), *net.layers[1:]))
    assert chain.certified(broken) == np.inf


def test_dead_units_and_zero_networks() -> None:
    (w, b), (v, c), (a, e) = some(3, 5, 4, 1).layers
    zero = Network(((0 * w, b), (v, c), (a, e)))
    assert chain.certified(zero) == 0
    assert chain.certified(Network(((w, b), (v, c), (0 * a, e)))) == 0
    value = chain.certified(Network(((w, b), (v, c), (a, e))))
    no_row = (np.vstack([w, 0 * w[:1]]), np.append(b, 1.0))
    no_column = (np.vstack([v, v[:1]]), np.append(c, 1.0))
    grown = Network((
        no_row,
        (np.column_stack([no_column[0], np.ones(5)]), no_column[1]),
        (np.append(a, [[0.0]], axis=1), e),
    ))  # fmt: skip
    assert chain.certified(grown) == pytest.approx(value, rel=1e-5)


def test_nearly_equal_rows_and_cancellation() -> None:
    w = np.array([[1.0, 2.0], [1 + 1e-9, 2.0], [1e-9, -1e-9]])
    a = np.array([[1e6, -1e6, 1.0]])
    exact = np.linalg.norm(a @ w)
    linear = Network(((w, np.zeros(3)), (a, np.zeros(1))), linear=(np.ones(3),))
    assert exact <= chain.certified(linear) <= exact + 1e-6 * np.linalg.norm(a)
    net = replace(linear, linear=None)
    assert enumeration(net, margin=0.0) <= chain.certified(net)


def test_padding_changes_nothing() -> None:
    """Zero units, zero inputs: the multipliers of the rest are as good."""
    net = some(3, 6, 5, 1, seed=2)
    value = chain.certified(net)
    sizes = [5, 8, 8, 1]
    layers = tuple(
        (np.pad(w, ((0, k - len(w)), (0, d - w.shape[1]))), np.pad(b, (0, k - len(b))))
        for (w, b), d, k in zip(net.layers, sizes, sizes[1:], strict=False)
    )
    padded = single(Network(layers))
    sectors = single(slopes(Network(layers)))
    found = jax.jit(chain.search)(padded, sectors)
    assert all(np.isfinite(t).all() for t in found)
    cut = [np.asarray(t)[:k] for t, k in zip(found, (6, 5), strict=True)]
    assert chain.certified(net, RD, cut) == pytest.approx(value, rel=1e-4)
    # many at once, as one
    lanes = jax.tree.map(lambda a: jnp.stack([a, 2 * a]), padded)
    both = jax.tree.map(lambda a: jnp.stack([a, a]), sectors)
    many = jax.jit(jax.vmap(chain.search))(lanes, both)
    for t, s in zip(many, found, strict=True):
        np.testing.assert_allclose(t[0], s, atol=1e-3 * np.max(s))
        np.testing.assert_allclose(t[1], s, atol=1e-3 * np.max(s))


@pytest.mark.parametrize("sizes", [(4, 8, 1), (3, 5, 5, 2)], ids=str)
def test_the_gradient_of_the_square_is_that_of_lipsdp(sizes: tuple) -> None:
    """At the optimum, vectors held fixed: finite differences of the optimum's value."""
    net = some(*sizes)
    weights, sectors = single(net.weights), single(slopes(net))
    vectors = primal.optimum(weights, sectors, 400)
    slope = jax.grad(primal.square)(weights, sectors, vectors)
    scale = max(float(jnp.abs(g).max()) for g in slope)
    for i, j in ((0, 0), (1, 2)):
        ends = []
        for move in (1e-3, -1e-3):
            layers = [(w.copy(), b) for w, b in net.layers]
            layers[i][0][0, j] += move
            ends.append(attained(Network(tuple(layers)), slopes(net)) ** 2)
        expected = (ends[0] - ends[1]) / 2e-3
        assert slope[i][0, j] == pytest.approx(expected, abs=2e-3 * scale)


def test_numpy_and_jax_go_the_same_way() -> None:
    net = some(3, 6, 5, 2)
    sectors = slopes(net)
    start = primal.first(net.weights)
    one = primal.improved(net.weights, sectors, start)
    other = primal.improved(*single((net.weights, sectors, start)))
    for a, b in zip(jax.tree.leaves(one), jax.tree.leaves(other), strict=True):
        np.testing.assert_allclose(a, b, atol=1e-5)


def test_one_layer_is_its_norm() -> None:
    net = some(4, 3)
    assert chain.certified(net) == pytest.approx(spectral_norm(net.weights[0]))
