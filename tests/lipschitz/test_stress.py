"""Soundness under stress: every bound against the constant in rational arithmetic.

The best cell's gradient is evaluated from the float64 weights by `fractions`, without
any rounding, at a point where no unit is zero: so it belongs to an open cell, and each
upper bound has to be at or above it, to the last bit.
"""

import functools
import itertools
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction

import numpy as np
import pytest

from isorobust.lipschitz import SIDES, lower, network, upper
from isorobust.lipschitz.domain import Domain
from isorobust.lipschitz.exact import enumeration, exact
from isorobust.lipschitz.network import Layers, Network
from tests.lipschitz.test_bounds import chain, look

WIDE, DEEP = (3, 8, 1), (3, 5, 4, 1)
Change = Callable[[np.random.Generator, Layers], Layers]


def scaled(factor: float) -> Change:
    """Every weight and bias."""
    return lambda rng, layers: tuple((factor * w, factor * b) for w, b in layers)


def near(size: float) -> Change:
    """The second unit of the first layer is nearly the first, and cancels it."""

    def change(rng: np.random.Generator, layers: Layers) -> Layers:
        (w, b), (a, c), *rest = layers
        w[1] = w[0] * (1 + size * rng.standard_normal(w.shape[1]))
        b[1] = b[0] * (1 + size)
        a[:, 1] = -a[:, 0]
        return ((w, b), (a, c), *rest)

    return change


def rank_one(layer: int) -> Change:
    def change(rng: np.random.Generator, layers: Layers) -> Layers:
        w, b = layers[layer]
        flat = np.outer(rng.standard_normal(len(w)), rng.standard_normal(w.shape[1]))
        return (*layers[:layer], (flat, b), *layers[layer + 1 :])

    return change


def dead(rng: np.random.Generator, layers: Layers) -> Layers:
    """Units: padded (all zero), constant 1, constant 0, unused."""
    (w, b), (a, c), *rest = layers
    w[:3], b[:3] = 0, (0, 1, -1)
    a[:, (0, 3)] = 0
    return ((w, b), (a, c), *rest)


def rescaled(rng: np.random.Generator, layers: Layers) -> Layers:
    """The same function with units of sizes e^-20 to e^20."""
    (w, b), (a, c), *rest = layers
    t = np.exp(8 * rng.standard_normal(len(w)))
    return ((w * t[:, None], b * t), (a / t, c), *rest)


def permuted(rng: np.random.Generator, layers: Layers) -> Layers:
    (w, b), (a, c), *rest = layers
    order = rng.permutation(len(w))
    return ((w[order], b[order]), (a[:, order], c), *rest)


def flipped(rng: np.random.Generator, layers: Layers) -> Layers:
    *hidden, (a, c) = layers
    return (*hidden, (-a, -c))


def bias_free(rng: np.random.Generator, layers: Layers) -> Layers:
    return tuple((w, 0 * b) for w, b in layers)


def far(rng: np.random.Generator, layers: Layers) -> Layers:
    """One unit switches 1e9 away."""
    (w, b), *rest = layers
    b[0] = 1e9
    return ((w, b), *rest)


def single(rng: np.random.Generator, layers: Layers) -> Layers:
    """The weights that float32 holds."""
    return tuple((w.astype("f4").astype(float), b) for w, b in layers)


CHANGES: dict[str, Change] = {
    "none": lambda rng, layers: layers,
    "tiny": scaled(1e-12), "huge": scaled(1e12),
    "twins": near(1e-9), "siblings": near(1e-4), "equal": near(0.0),
    "rank one": rank_one(0), "rank one later": rank_one(1),
    "dead": dead, "rescaled": rescaled, "permuted": permuted, "flipped": flipped,
    "bias-free": bias_free, "far": far, "single": single,
}  # fmt: skip
CASES = [*itertools.product(CHANGES, (WIDE, DEEP)), ("none", (3, 1, 1))]
CASES += itertools.product(("none", "tiny", "bias-free"), [(1, 8, 1)])
NAMES = [f"{name} {sizes}" for name, sizes in CASES]


def case(name: str, sizes: tuple) -> Network:
    rng = np.random.Generator(np.random.Philox(key=len(sizes)))
    layers = tuple((w.copy(), b.copy()) for w, b in chain(rng, *sizes).layers)
    return Network(CHANGES[name](rng, layers))


@functools.cache
def truth(name: str, sizes: tuple) -> Fraction:
    """L^2 as a fraction, of one output: see `square`."""
    net = case(name, sizes)
    found = exact(net)
    assert found is not None and found.closed, found
    value = square(net, found.witness)
    assert float(value) == pytest.approx(found.upper**2, rel=1e-9, abs=0)
    return value


def square(net: Network, point: np.ndarray) -> Fraction:
    """|grad f|^2 at the point, without rounding; no unit is at its kink there.

    A unit whose slope is exactly zero around the point may be zero.
    """
    x = [Fraction(float(t)) for t in point]
    rows = [[Fraction(int(i == j)) for j in range(net.d)] for i in range(net.d)]
    *hidden, last = net.layers
    for w, b in hidden:
        weight = [[Fraction(float(t)) for t in row] for row in w]
        z = [dot(row, x) + Fraction(float(c)) for row, c in zip(weight, b, strict=True)]
        rows = product(weight, rows)
        assert all(t != 0 or not any(row) for t, row in zip(z, rows, strict=True))
        rows = [
            row if t > 0 else [0 * s for s in row]
            for t, row in zip(z, rows, strict=True)
        ]
        x = [max(t, Fraction(0)) for t in z]
    (gradient,) = product([[Fraction(float(t)) for t in row] for row in last[0]], rows)
    return dot(gradient, gradient)


def dot(a: list[Fraction], b: list[Fraction]) -> Fraction:
    return sum((s * t for s, t in zip(a, b, strict=True)), Fraction(0))


def product(a: list[list[Fraction]], b: list[list[Fraction]]) -> list[list[Fraction]]:
    columns = list(map(list, zip(*b, strict=True)))
    return [[dot(row, column) for column in columns] for row in a]


@pytest.mark.parametrize("at", CASES, ids=NAMES)
def test_every_upper_bound_is_above_the_truth(at: tuple) -> None:
    net = case(*at)
    bounds = {name: getattr(upper, name)(net) for name in upper.__all__}
    applies = {name: bound for name, bound in bounds.items() if bound < np.inf}
    assert {"liplt", "path", "product"} <= set(applies)
    for name, bound in applies.items():
        assert Fraction(bound) ** 2 >= truth(*at), name


@pytest.mark.parametrize("at", CASES, ids=NAMES)
def test_every_lower_bound_is_below_the_truth(at: tuple) -> None:
    """Up to the rounding of the evaluation at the witness."""
    for name in lower.__all__:
        value, _ = look(name, case(*at))
        assert value**2 <= truth(*at) * (1 + Fraction(1, 10**12)), name


def test_linear_programs_say_the_same() -> None:
    """Of the cases whose cells aren't thinner than a linear program sees."""
    names = "none", "tiny", "huge", "equal", "siblings", "rank one", "dead", "bias-free"
    for at in itertools.product(names, (WIDE, DEEP)):
        found = enumeration(case(*at))
        assert found == pytest.approx(float(truth(*at)) ** 0.5, rel=1e-9, abs=0), at


@pytest.mark.parametrize("name", upper.__all__)
@pytest.mark.parametrize("sizes", [WIDE, DEEP], ids=str)
def test_upper_bounds_follow_the_truth(name: str, sizes: tuple) -> None:
    """Scaled weights scale the bound; order and sign of the output don't matter."""
    bound = getattr(upper, name)
    value = bound(case("none", sizes))
    for change, factor in (("permuted", 1.0), ("flipped", 1.0)):
        assert bound(case(change, sizes)) == pytest.approx(factor * value, rel=1e-3)
    for scale in (1e-12, 1e12):
        layers = case("none", sizes).layers
        only = [(scale * w, b * scale ** (i + 1)) for i, (w, b) in enumerate(layers)]
        scaled = scale ** len(layers) * value
        assert bound(Network(tuple(only))) == pytest.approx(scaled, rel=1e-9)


@pytest.mark.parametrize("name", SIDES)
def test_zero_networks(name: str) -> None:
    for sizes in (WIDE, DEEP):
        for layer in range(len(sizes) - 1):
            layers = list(case("none", sizes).layers)
            layers[layer] = (0 * layers[layer][0], layers[layer][1])
            net = Network(tuple(layers))
            if SIDES[name] == "lower":
                assert look(name, net)[0] == 0
            else:
                assert not 1e-12 <= getattr(upper, name)(net) < np.inf


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
def test_upper_bounds_on_balls(activation: str) -> None:
    """Above the gradients at points of the ball; tiny balls, too."""
    for sizes, radius in itertools.product((WIDE, DEEP), (1e-6, 0.3, 10.0)):
        net = replace(case("none", sizes), activation=activation)
        x = np.random.default_rng(0).standard_normal((500, 3))
        x *= radius / np.maximum(radius, np.linalg.norm(x, axis=1, keepdims=True))
        seen = np.linalg.norm(network.gradient(net, x), axis=1).max()
        for name in upper.__all__:
            bound = getattr(upper, name)(net, Domain(radius))
            assert seen <= bound <= getattr(upper, name)(net) * (1 + 1e-3), name


def test_the_truth_has_teeth() -> None:
    """What peers have got wrong is below it: each on some case."""

    def estimated(net: Network) -> float:
        """The norms after a step of the power method."""
        ahead = [(w, w.T @ (w @ np.ones(w.shape[1]))) for w in net.weights]
        return float(
            np.prod([np.linalg.norm(w @ v) / np.linalg.norm(v) for w, v in ahead])
        )

    def forgetful(net: Network) -> float:
        """Without the first hidden layer's own factor."""
        return float(np.prod([np.linalg.norm(w, 2) for w in net.weights[1:]]))

    def floored(net: Network) -> float:
        """Norms of w / (|w| + 1e-9), as if they were 1."""
        sizes = [np.linalg.norm(w, 2) for w in net.weights]
        return float(np.prod([size**2 / (size + 1e-9) for size in sizes]))

    for wrong in (estimated, forgetful, floored):
        below = [Fraction(wrong(case(*at))) ** 2 < truth(*at) for at in CASES]
        assert any(below), wrong.__name__
