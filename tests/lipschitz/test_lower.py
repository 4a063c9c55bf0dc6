"""Lower bounds: never above the truth, and at it wherever the truth is known."""

import functools
import itertools
from dataclasses import replace
from typing import Any

import jax
import numpy as np
import pytest

from isorobust.lipschitz import lower, network, tiles
from isorobust.lipschitz.domain import RD, SPHERE, Domain
from isorobust.lipschitz.exact import enumeration
from isorobust.lipschitz.lower import points
from isorobust.lipschitz.network import Network
from isorobust.models import MLP


def chain(
    seed: int, *sizes: int, bias: float = 0.5, activation: str = "relu"
) -> Network:
    rng = np.random.default_rng(seed)
    layers = tuple(
        (rng.standard_normal((b, a)) / np.sqrt(a), bias * rng.standard_normal(b))
        for a, b in itertools.pairwise(sizes)
    )
    return Network(layers, activation)


def cloud(n: int, d: int, seed: int) -> np.ndarray:
    x = np.random.default_rng(seed).standard_normal((n, d))
    return np.float32(x / np.linalg.norm(x, axis=1, keepdims=True))


@functools.cache
def search(name: str, domain: Domain) -> Any:
    bound = getattr(lower, name)
    looked = jax.vmap(lambda *args: bound(args[0], domain, *args[1:]), (0, None, None))
    return jax.jit(looked)


def values(name: str, nets: list[Network], domain: Domain = RD) -> np.ndarray:
    """What a bound attains on networks of one shape, with 30 data and 20 draws."""
    d = nets[0].d
    y = np.float32(np.random.default_rng(2).choice([-1, 1], 30))
    data = (cloud(30, d, 0), y, np.ones(30, np.float32))
    draws = (cloud(20, d, 1), np.ones(20, np.float32))
    stacked = jax.tree.map(lambda *leaves: np.float32(np.stack(leaves)), *nets)
    with jax.default_matmul_precision("highest"):
        at = np.asarray(search(name, domain)(stacked, data, draws))
    found = [lower.attained(net, domain, x)[0] for net, x in zip(nets, at, strict=True)]
    return np.array(found)


def vertices(net: Network) -> float:
    """The exact constant of two layers in general position: every open cell of a
    pointed arrangement touches a vertex, where d kinks meet in 2^d cells.
    """
    (w, b), (a, _) = net.layers
    rows, d, best = a[0][:, None] * w, net.d, 0.0
    corners = np.array(list(itertools.product([0, 1], repeat=d)), float)
    for met in itertools.combinations(range(len(w)), d):
        met_ = list(met)
        s = (w @ np.linalg.solve(w[met_], -b[met_]) + b > 0).astype(float)
        s[met_] = 0
        g = s @ rows + corners @ rows[met_]
        best = max(best, float(np.linalg.norm(g, axis=1).max()))
    return best


def test_two_layers_are_exact() -> None:
    nets = [chain(seed, 3, 10, 1) for seed in range(16)]
    (w, b), _ = nets[0].layers
    assert vertices(chain(3, 2, 5, 1)) == pytest.approx(enumeration(chain(3, 2, 5, 1)))
    for i in range(4):  # nearly twice the same unit
        (w, b), out = nets[i].layers
        w, b = w.copy(), b.copy()
        w[5:], b[5:] = w[:5] * (1 + 1e-3 * w[5:]), b[:5] * (1 + 1e-3 * b[5:])
        nets[i] = replace(nets[i], layers=((w, b), out))
    found, exact = values("targeted", nets), np.array([vertices(net) for net in nets])
    assert (found <= exact * (1 + 1e-12)).all()
    assert np.mean(found >= exact * (1 - 1e-9)) >= 0.95


def test_bias_free_networks_are_exact() -> None:
    """In d = 2 the cells are cones between neighbouring kinks of the circle."""
    nets = [chain(seed, 2, 9, 1, bias=0.0) for seed in range(6)]
    found = values("targeted", nets)
    for net, value in zip(nets, found, strict=True):
        w = net.layers[0][0]
        kinks = np.arctan2(w[:, 1], w[:, 0]) + np.pi / 2
        kinks = np.sort(np.concatenate([kinks, kinks + np.pi]) % (2 * np.pi))
        middle = (kinks + np.append(kinks[1:], kinks[0] + 2 * np.pi)) / 2
        x = np.stack([np.cos(middle), np.sin(middle)], axis=1)
        exact = np.linalg.norm(network.gradient(net, x), axis=1).max()
        assert value == pytest.approx(exact, rel=1e-12)


def test_deep_networks_are_nearly_exact() -> None:
    nets = [chain(seed, 2, 4, 4, 1) for seed in range(6)]
    exact = np.array([enumeration(net) for net in nets])
    ratio = values("trace", nets) / exact
    assert (ratio <= 1 + 1e-12).all()
    assert np.median(ratio) >= 0.98


def test_rounding_that_a_layer_carries_on_makes_no_region() -> None:
    """Points where kinks of both layers meet, up to rounding: no pattern made up."""
    for seed in range(4):
        net = chain(seed, 2, 3, 3, 1)
        (w, b), (v, c), _ = net.layers
        exact, met = enumeration(net), []
        for first in itertools.combinations(range(3), 2):
            met.append(np.linalg.solve(w[list(first)], -b[list(first)]))
        for pattern in itertools.product([0.0, 1.0], repeat=3):
            s = np.array(pattern)
            rows, offsets = (v * s) @ w, v @ (s * b) + c
            rows, offsets = np.vstack([w, rows]), np.append(b, offsets)
            for i, j in itertools.combinations(range(6), 2):
                if abs(np.linalg.det(rows[[i, j]])) > 1e-6:
                    met.append(np.linalg.solve(rows[[i, j]], -offsets[[i, j]]))
        for at in met:
            assert lower.attained(net, RD, at)[0] <= exact * (1 + 1e-12)


def test_units_that_cancel_count_only_beyond_their_rounding() -> None:
    """h = relu(x + 1) - relu(x) - 1 is 0 for x > 0, computed as +- an ulp."""
    hidden = np.array([[1.0], [1.0]]), np.array([1.0, 0.0])
    second = np.array([[1.0, -1.0]]) / 3, np.array([-1 / 3])
    net = Network((hidden, second, (np.array([[1.0]]), np.zeros(1))))
    for x in np.linspace(0.1, 9, 50):  # whatever its sign, it has no slope to pass on
        assert network.margin(net, np.array([x])) > 1
        assert lower.attained(net, RD, np.array([x]))[0] <= 1e-15
    nearly = replace(
        net, layers=(hidden, (second[0] * [1, 1 - 1e-12], second[1]), net.layers[2])
    )
    assert network.margin(nearly, np.array([1e-5])) <= 1
    off = np.array([-0.5])  # there the unit is surely off: 0.5 / 3 below its kink
    assert network.margin(net, off) > 1
    assert lower.attained(net, RD, off)[0] == 0


def circle(count: int) -> np.ndarray:
    angle = np.linspace(0, 2 * np.pi, count)
    return np.stack([np.cos(angle), np.sin(angle)], axis=1)


def tangential(net: Network, x: np.ndarray) -> np.ndarray:
    g = network.gradient(net, x)
    return np.linalg.norm(g - np.sum(g * x, axis=1, keepdims=True) * x, axis=1)


@pytest.mark.parametrize(
    ("name", "sizes"), [("targeted", (2, 9, 1)), ("trace", (2, 5, 5, 1))]
)
def test_the_circle_against_a_fine_grid(name: str, sizes: tuple) -> None:
    nets = [chain(seed, *sizes) for seed in range(6)]
    truth = np.array([tangential(net, circle(100_001)).max() for net in nets])
    found = values(name, nets, SPHERE)
    assert (found <= truth * (1 + 1e-3)).all()
    # a point rests a little inside its stretch: the best end is not quite reached
    assert (found >= truth * (1 - 5e-3)).all()


def test_the_sphere_against_many_points() -> None:
    nets = [chain(seed, 3, 8, 1) for seed in range(4)]
    seen = [tangential(net, cloud(200_000, 3, 5).astype(float)).max() for net in nets]
    found = values("targeted", nets, SPHERE)
    assert (found >= np.array(seen) * (1 - 5e-3)).all()
    assert (found <= np.array([vertices(net) for net in nets])).all()


def test_a_ball_against_a_fine_grid() -> None:
    """Small enough that not all regions are within it."""
    nets, ball = [chain(seed, 2, 9, 1) for seed in range(6)], Domain(0.5)
    axis = np.linspace(-0.5, 0.5, 500)
    grid = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    grid = grid[np.linalg.norm(grid, axis=1) <= 0.5]
    seen = [np.linalg.norm(network.gradient(n, grid), axis=1).max() for n in nets]
    found = values("targeted", nets, ball)
    assert (found >= np.array(seen) * (1 - 1e-12)).all()
    assert (found <= np.array([vertices(net) for net in nets])).all()


@pytest.mark.parametrize(
    ("name", "sizes"), [("targeted", (2, 9, 1)), ("trace", (2, 4, 4, 1))]
)
def test_padding_does_not_hide_the_constant(name: str, sizes: tuple) -> None:
    nets = [chain(seed, *sizes) for seed in range(6)]
    padded, wide = [], [5, *(k + 4 for k in sizes[1:-1]), 1]
    for net in nets:
        layers = []
        for (w, b), (a, k) in zip(net.layers, itertools.pairwise(wide), strict=True):
            w = np.pad(w, ((0, k - len(w)), (0, a - w.shape[1])))
            layers.append((w, np.pad(b, (0, k - len(b)))))
        padded.append(Network(tuple(layers)))
    np.testing.assert_allclose(values(name, nets), values(name, padded), rtol=1e-9)


SIZES = (1.0, 1e-8, 1e8, 1e-4, 1e4, 7.0)


@pytest.mark.parametrize("name", ["targeted", "trace"])
def test_weights_of_any_size(name: str) -> None:
    sizes = (2, 9, 1) if name == "targeted" else (2, 4, 4, 1)
    net = chain(4, *sizes)
    sized = [
        Network(tuple((t * w, t ** (i + 1) * b) for i, (w, b) in enumerate(net.layers)))
        for t in SIZES
    ]
    found = values(name, sized) / np.array(SIZES) ** len(net.layers)
    np.testing.assert_allclose(found, found[0], rtol=1e-6)
    zero = jax.tree.map(np.zeros_like, net)
    assert values(name, [zero] * 6).max() == 0


def test_pairs_are_the_steepest_slope() -> None:
    for domain, k in itertools.product([RD, SPHERE], [1, 3]):
        net, x = chain(1, 3, 6, 5, k), cloud(30, 3, 0).astype(float)
        f = network.value(net, x).reshape(30, k)
        rise = np.linalg.norm(f[:, None] - f[None], axis=-1)
        apart = np.linalg.norm(x[:, None] - x[None], axis=-1)
        if domain.sphere:
            apart = 2 * np.arcsin(apart / 2)
        slope = rise / np.where(apart > 0, apart, np.inf)
        found = values("pairs", [net], domain)[0]
        assert found == pytest.approx(slope.max(), rel=1e-5)
        assert found <= slope.max() * (1 + 1e-6)


@pytest.mark.parametrize("domain", [RD, SPHERE], ids=str)
def test_ascent_finds_the_steepest_point(domain: Domain) -> None:
    nets = [chain(seed, 2, 6, 1, activation="tanh") for seed in range(4)]
    at = circle(20_001)
    for net, found in zip(nets, values("ascent", nets, domain), strict=True):
        if domain.sphere:
            seen = tangential(net, at).max()
            assert found <= seen * (1 + 1e-6)
        else:
            x = np.concatenate([r * at[::50] for r in np.linspace(0, 3, 200)])
            seen = np.linalg.norm(network.gradient(net, x), axis=1).max()
        assert found >= 0.98 * seen


def test_several_outputs_are_traced_by_their_singular_value() -> None:
    nets = [chain(seed, 3, 6, 5, 4) for seed in range(3)]
    for net, found in zip(nets, values("trace", nets), strict=True):
        x = 3 * np.random.default_rng(0).standard_normal((300, 3))
        seen = max(np.linalg.norm(network.jacobian(net, at), 2) for at in x)
        product = np.prod([np.linalg.norm(w, 2) for w in net.weights])
        assert seen * (1 - 1e-12) <= found <= product


@pytest.mark.parametrize("model", [MLP(5, 3, "tanh"), MLP(5, 4, skips=True)])
def test_tiles_of_points_change_no_number(
    model: MLP, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On the host and on a device: values and gradients of more points than fit."""
    net = model.network(jax.tree.map(np.float64, model.initial(rng, 4)))
    x = rng.standard_normal((11, 4))
    looks = (network.value, network.gradient, points.gradients)
    whole = [np.asarray(look(net, x)) for look in looks]
    monkeypatch.setattr(network, "TILE", 3 * 8 * model.chain_width)
    monkeypatch.setattr(tiles, "AT_ONCE", 2 * model.chain_width)
    for look, expected in zip(looks, whole, strict=True):
        np.testing.assert_allclose(look(net, x), expected, rtol=1e-5, atol=1e-6)
