"""Exact constants: the methods against each other, hands and linear programs."""

import itertools
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from isorobust.lipschitz import lower, network
from isorobust.lipschitz.domain import RD, SPHERE, Domain
from isorobust.lipschitz.exact import METHODS, Exact, enumeration, exact
from isorobust.lipschitz.exact.cones import cut, heights, orthant
from isorobust.lipschitz.exact.lines import kinks
from isorobust.lipschitz.exact.relaxed import relaxed
from isorobust.lipschitz.exact.scaling import normal
from isorobust.lipschitz.exact.tree import tree
from isorobust.lipschitz.network import Layers, Network
from tests.lipschitz.test_bounds import HAND, chain

SIZES = [
    (1, 5, 1), (2, 7, 1), (3, 6, 1), (5, 4, 1), (3, 5, 2),
    (1, 4, 3, 1), (2, 4, 4, 1), (3, 4, 3, 2), (2, 3, 3, 3, 1), (2, 3, 2, 3, 2, 1),
]  # fmt: skip


def every(net: Network, least: int = 1) -> float:
    """The constant by every method that applies, all the same, each attained."""
    found = [exact(net, methods={name: way}) for name, way in METHODS.items()]
    known: list[Exact] = [one for one in found if one is not None]
    assert len(known) >= least
    for one in known:
        assert one.closed, one
        value, _ = lower.attained(net, RD, one.witness)
        assert value == one.lower == pytest.approx(known[0].lower, rel=1e-9), one.method
    return known[0].lower


@pytest.mark.parametrize("sizes", SIZES, ids=str)
@pytest.mark.parametrize("bias", [0.5, 0.0], ids=["biased", "bias-free"])
def test_methods_and_linear_programs_agree(sizes: tuple, bias: float) -> None:
    net = chain(np.random.default_rng(len(sizes)), *sizes, bias=bias)
    assert every(net) == pytest.approx(enumeration(net), rel=1e-9)


def test_each_method_is_among_them() -> None:
    asked = {
        "traced": (1, 6, 4, 1), "formal": (6, 5, 1), "vertices": (3, 8, 1),
        "signs": (8, 20, 1), "tree": (2, 5, 4, 1),
    }  # fmt: skip
    for name, sizes in asked.items():
        found = exact(chain(np.random.default_rng(1), *sizes))
        assert found is not None and found.method == name
    assert set(asked) == set(METHODS)


@pytest.mark.parametrize("name", HAND)
def test_hand_networks(name: str) -> None:
    (w, b, a), value = HAND[name]
    net = Network(((w, np.array(b, float)), (np.array(a), np.zeros(1))))
    assert every(net) == pytest.approx(value, abs=1e-12)


def convex(rng: np.random.Generator, d: int, k: int, sign: float) -> Network:
    a = sign * np.abs(rng.standard_normal((1, k)))
    return Network(
        (
            (rng.standard_normal((k, d)), rng.standard_normal(k)),
            (a, np.zeros(1)),
        )
    )


@pytest.mark.parametrize("sign", [1.0, -1.0], ids=["convex", "concave"])
def test_one_sign_is_the_longest_of_all_patterns(sign: float) -> None:
    for seed in range(4):
        net = convex(np.random.default_rng(seed), 2, 7, sign)
        (w, _), (a, _) = net.layers
        patterns = np.array(list(itertools.product((0, 1), repeat=7)))
        brute = np.linalg.norm(patterns @ (a.T * w), axis=1).max()
        assert every(net, least=3) == pytest.approx(brute)
        assert enumeration(net) == pytest.approx(brute)


def test_general_position_is_not_assumed() -> None:
    """Small integers: parallel, equal, opposite hyperplanes, many through one point."""
    for seed, sizes in itertools.product(
        range(12), ((2, 6, 1), (3, 5, 1), (2, 4, 4, 1))
    ):
        rng = np.random.default_rng(seed)
        layers = tuple(
            (
                rng.integers(-1, 2, (b, a)).astype(float),
                rng.integers(-1, 2, b).astype(float),
            )
            for a, b in itertools.pairwise(sizes)
        )
        net = Network(layers)
        found = exact(net)
        assert found is not None and found.closed
        assert found.lower == pytest.approx(enumeration(net), rel=1e-9, abs=1e-12)


def test_only_open_cells_count() -> None:
    """All units touch 0, where a cell of one point has all of them on."""
    w = np.array([[1.0, 0], [-1, 0], [0, 1], [0, -1]])
    net = Network(((w, np.zeros(4)), (np.ones((1, 4)), np.zeros(1))))
    assert every(net) == pytest.approx(np.sqrt(2))
    # three lines through one point, in whose corner no cell has all three on
    angles = np.array([0, 2, 4]) * np.pi / 3
    w = np.column_stack([np.cos(angles), np.sin(angles)])
    at = w @ np.array([0.3, -0.7])
    net = Network(((w, -at), (np.array([[1.0, 1.0, -1.0]]), np.zeros(1))))
    assert every(net) == pytest.approx(enumeration(net))


def test_thin_cells_count() -> None:
    """relu(z) - relu(z - 1e-6), 100 times: slope 100 on a strip of width 1e-6."""
    for width in (1e-3, 1e-6):
        w, b = np.array([[1.0, 1.0], [1, 1], [1, -1]]), np.array([0, -width, 0.3])
        net = Network(((w, b), (np.array([[100.0, -100.0, 1]]), np.zeros(1))))
        assert every(net) == pytest.approx(np.sqrt(2 * (100**2 + 1)))
        assert enumeration(net) == pytest.approx(np.sqrt(2 * (100**2 + 1)))


@pytest.mark.parametrize("way", [enumeration, every])
@pytest.mark.parametrize("sizes", [(2, 6, 1), (2, 4, 3, 1)], ids=str)
def test_weights_of_any_size(way: Any, sizes: tuple) -> None:
    layers = chain(np.random.default_rng(5), *sizes).layers
    value = way(Network(layers))
    for scale in (1e-12, 1e12):
        first = Network(((scale * layers[0][0], layers[0][1]), *layers[1:]))
        assert way(first) == pytest.approx(scale * value, rel=1e-9)
        (w, b), *rest = layers
        both = Network(((scale * w, scale * b), *rest))
        if len(sizes) == 3:
            assert way(both) == pytest.approx(scale * value, rel=1e-9)
        even = Network(
            tuple((scale * w, b * scale**i) for i, (w, b) in enumerate(layers, 1))
        )
        assert way(even) == pytest.approx(scale ** len(layers) * value, rel=1e-9)


def test_the_function_matters_and_not_how_it_is_written() -> None:
    rng = np.random.default_rng(3)
    (w, b), (v, c), last = chain(rng, 2, 5, 4, 1).layers
    value = every(Network(((w, b), (v, c), last)))
    t = np.exp(5 * rng.standard_normal(5))
    order = rng.permutation(5)
    rescaled = ((w * t[:, None])[order], (b * t)[order]), ((v / t)[:, order], c), last
    assert every(Network(rescaled)) == pytest.approx(value)
    assert every(Network(((w, b), (v, c), (-last[0], last[1])))) == pytest.approx(value)
    # two more inputs that nothing depends on, turned; dead, constant and unused units
    turn = np.linalg.qr(rng.standard_normal((4, 4)))[0]
    wide = np.hstack([w, np.zeros((5, 2))]) @ turn
    more = np.vstack([wide, 0 * wide[:2], wide[:1]]), np.append(b, [1.0, -1, 0])
    unused = np.hstack([v, rng.standard_normal((4, 2)), np.zeros((4, 1))])
    moved = c - unused[:, 5]
    assert every(Network((more, (unused, moved), last))) == pytest.approx(value)


def test_units_that_are_known_to_be_linear() -> None:
    """A carried unit z is relu(z) - relu(-z)."""
    rng = np.random.default_rng(4)
    (w, b), (v, c), last = chain(rng, 2, 4, 3, 1).layers
    mask = np.array([0, 1, 0, 1])
    carried = Network(((w, b), (v, c), last), linear=(mask, np.array([0, 0, 1])))
    signs = np.vstack([w, -w[mask > 0]]), np.append(b, -b[mask > 0])
    into = np.vstack([v, -v[2:]]), np.append(c, -c[2:])
    into = np.hstack([into[0], -into[0][:, mask > 0]]), into[1]
    out = np.hstack([last[0], -last[0][:, 2:]]), last[1]
    plain = Network((signs, into, out))
    assert every(carried) == pytest.approx(every(plain))
    assert enumeration(carried) == pytest.approx(enumeration(plain))
    two = Network(((w, b), (v[:1], c[:1])), linear=(mask,))
    assert every(two, least=2) == pytest.approx(enumeration(two))


def test_a_small_budget_leaves_a_bracket() -> None:
    """Around the constant, and no wider than with less."""
    net = chain(np.random.default_rng(2), 3, 7, 6, 1)
    true, before = enumeration(net), np.inf
    for budget in (1, 4, 16, 64, 5000):
        found = exact(net, budget=budget)
        assert found is not None and found.method == "tree"
        assert found.lower <= true * (1 + 1e-9) and true <= found.upper * (1 + 1e-9)
        assert found.upper <= before
        before = found.upper
    assert found.closed


def test_what_is_not_answered() -> None:
    net = chain(np.random.default_rng(0), 2, 3, 1)
    assert exact(replace(net, activation="tanh")) is None
    assert exact(net, SPHERE) is None


def test_signs_and_cones_agree_where_there_are_many_inputs() -> None:
    """Both far beyond what can be enumerated; another road: attained = certified."""
    for seed, sizes in ((0, (8, 20, 1)), (1, (12, 24, 1)), (2, (16, 32, 1))):
        for bias in (0.0, 0.5):
            net = chain(np.random.default_rng(seed), *sizes, bias=bias)
            assert every(net, least=2) > 0


def test_signs_and_vertices_agree() -> None:
    for seed in range(3):
        net = chain(np.random.default_rng(seed), 7, 11, 1, bias=2.0)
        assert exact(net).method == "vertices"
        assert every(net, least=3) > 0


def unit(x: np.ndarray) -> np.ndarray:
    return x / np.linalg.norm(x)


@pytest.mark.parametrize("sizes", [(2, 6, 1), (2, 4, 3, 1), (7, 9, 1)], ids=str)
def test_balls(sizes: tuple) -> None:
    """Against the middles of all stretches of many chords."""
    rng = np.random.default_rng(1)
    net, d, before = chain(rng, *sizes), sizes[0], 0.0
    for radius in (1e-3, 0.4, 1.5, 1e6):
        found = exact(net, Domain(radius))
        assert found is not None and found.closed
        assert np.linalg.norm(found.witness) <= radius * (1 + 1e-12)
        assert found.lower >= before * (1 - 1e-12)
        before, seen = found.lower, 0.0
        for _ in range(300):
            start, end = (radius * unit(rng.standard_normal(d)) for _ in range(2))
            direction = end - start
            ends = kinks(net, start, direction)
            ends = np.concatenate([[0.0], ends[(ends > 0) & (ends < 1)], [1.0]])
            points = start + (ends[1:] + ends[:-1])[:, None] / 2 * direction
            size = np.linalg.norm(network.gradient(net, points), axis=1)
            seen = max(seen, size.max())
        assert seen <= found.lower * (1 + 1e-12)
        assert d > 2 or radius > 100 or seen == pytest.approx(found.lower)
    assert before == pytest.approx(every(net))


def test_networks_without_kinks() -> None:
    line = Network(((np.array([[3.0, 4.0]]), np.ones(1)),))
    found = exact(line)
    assert found is not None and found.closed
    assert found.upper == pytest.approx(5) == enumeration(line)
    zero: Layers = ((np.zeros((3, 2)), np.ones(3)), (np.ones((1, 3)), np.zeros(1)))
    found = exact(Network(zero))
    assert found is not None and found.lower == found.upper == 0
    assert enumeration(Network(zero)) == 0


def test_the_tree_without_bounds_sees_every_cell() -> None:
    """Nothing is pruned where the bound is infinite: the same maximum."""
    for sizes in ((3, 6, 1), (2, 4, 4, 1)):
        own = normal(chain(np.random.default_rng(6), *sizes))
        assert own is not None
        whole, _ = tree(own.net, 10**6, bound=lambda net: np.inf)
        assert whole == pytest.approx(tree(own.net, 10**6)[0], rel=1e-12)


def test_the_bound_of_a_branch_is_above_all_patterns() -> None:
    for seed, k in itertools.product(range(3), (6, 11)):
        net = chain(np.random.default_rng(seed), 3, k, 1)
        (w, _), (a, _) = net.layers
        known = np.arange(k) < seed
        patterns = np.array(list(itertools.product((0, 1), repeat=k)))
        patterns = patterns[np.all(patterns[:, known] == 1, axis=1)]
        brute = np.linalg.norm(patterns @ (a.T * w), axis=1).max()
        bound = relaxed(replace(net, linear=(known.astype(float),)))
        assert brute <= bound <= 1.1 * brute


def test_cutting_a_square() -> None:
    """The quadrant x, y >= 0, cut by x + y = 1: a triangle, and what is beyond."""
    cone = orthant(np.eye(2), np.zeros(2), np.ones(2))
    z = heights(cone, np.ones((1, 2)), np.array([-1.0]))[:, 0]
    below, above = cut(cone, z)
    assert below.rays.shape == (3, 3) and above.rays.shape == (4, 3)
    corners = below.rays[:, :2] / below.rays[:, 2:]
    assert sorted(map(tuple, corners.round(12))) == [(0, 0), (0, 1), (1, 0)]
    assert below.point @ np.ones(2) < 1 < above.point @ np.ones(2)


def test_enumeration_finds_as_many_gradients_as_a_grid() -> None:
    net = chain(np.random.default_rng(8), 2, 6, 1)
    axis = np.linspace(-20, 20, 500)
    square = np.stack(np.meshgrid(axis, axis), -1).reshape(-1, 2)
    seen = np.linalg.norm(network.gradient(net, square), axis=1).max()
    assert 0.97 * every(net) <= seen <= every(net) * (1 + 1e-12)
