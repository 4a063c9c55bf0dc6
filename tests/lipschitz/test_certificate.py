"""LipSDP's value and the formal constant: by other roads, and under stress."""

import itertools
from dataclasses import replace
from fractions import Fraction

import jax
import numpy as np
import pytest

from isorobust.activations import ACTIVATIONS
from isorobust.lipschitz.domain import RD, SPHERE, Domain, slopes
from isorobust.lipschitz.exact import enumeration
from isorobust.lipschitz.network import Network
from isorobust.lipschitz.upper import SEARCHES, branched, certificate, maxcut
from isorobust.lipschitz.upper.branched import patterns

DOMAINS = [RD, Domain(0.7), SPHERE]
SHAPES = [(1, 1), (1, 6), (7, 1), (2, 9), (5, 10), (12, 8)]  # (d, k)
GROTHENDIECK = np.sqrt(np.pi / 2)  # LipSDP is at most that much above (Nesterov 1998)


def network(seed: int, d: int, k: int, activation: str = "relu") -> Network:
    rng = np.random.default_rng(seed)
    hidden = rng.standard_normal((k, d)), rng.standard_normal(k)
    return Network((hidden, (rng.standard_normal((1, k)), np.zeros(1))), activation)


def formal(net: Network, domain: Domain = RD) -> float:
    """The largest |sum_i s_i a_i w_i| with s_i one end of unit i's slopes, all 2^k."""
    (w, _), (a, _) = net.layers
    ends = np.stack(slopes(net, domain)[0])
    picks = np.array(list(itertools.product((0, 1), repeat=len(w))))
    s = np.where(picks, ends[1], ends[0])
    return float(np.linalg.norm((s * a[0]) @ w, axis=1).max())


@pytest.mark.parametrize("activation", ACTIVATIONS)
@pytest.mark.parametrize("domain", DOMAINS, ids=str)
@pytest.mark.parametrize(("d", "k"), SHAPES)
def test_branching_finds_the_formal_constant(
    activation: str, domain: Domain, d: int, k: int
) -> None:
    for seed in range(3):
        net = network(seed, d, k, activation)
        truth = formal(net, domain)
        assert truth <= branched(net, domain) <= truth * (1 + 1e-8)
        value = certificate(net, domain)
        assert branched(net, domain) <= value <= truth * GROTHENDIECK * (1 + 1e-6)


@pytest.mark.parametrize(("d", "k"), [(5, 10), (12, 8), (8, 40)])
def test_the_certificate_is_lipsdp(d: int, k: int) -> None:
    """Weak duality: feasible vectors of the MaxCut SDP come within 1e-6 from below.

    The vectors are found one after the other (the mixing method), not by maxcut.py.
    """
    for seed in range(3):
        net = network(seed, d, k)
        (w, _), (a, _) = net.layers
        rows = a[0][:, None] * w
        c = np.concatenate([rows, rows.sum(axis=0)[None]])
        v = np.random.default_rng(0).standard_normal((k + 1, 12))
        v /= np.linalg.norm(v, axis=1)[:, None]
        for _ in range(400):
            for i in range(k + 1):
                pull = c[i] @ (c.T @ v) - (c[i] @ c[i]) * v[i]
                v[i] = pull / np.linalg.norm(pull)
        below = np.linalg.norm(c.T @ v) / 2
        assert below <= certificate(net) <= below * (1 + 1e-6)


@pytest.mark.parametrize("activation", ACTIVATIONS)
def test_searched_multipliers_reach_it_and_any_others_hold(activation: str) -> None:
    """In float32, padded by dead units and coordinates, many networks at once."""
    d, k, wide, tall = 6, 12, 8, 16
    nets = [network(seed, d, k, activation) for seed in range(8)]
    single = jax.tree.map(lambda *x: np.float32(np.stack(x)), *map(padded, nets))
    low, high = (np.broadcast_to(end, (8, k)) for end in slopes(nets[0])[0])
    grown = [(np.pad(low, ((0, 0), (0, tall - k))), np.pad(high, ((0, 0), (0, 4))))]
    assert single.layers[0][0].shape == (8, tall, wide)
    found = jax.jit(jax.vmap(SEARCHES["certificate"]))(single, grown)
    for i, net in enumerate(nets):
        y, last = (np.asarray(part)[i] for part in found)
        assert np.all(y[k:] == 0) and np.all(y[:k] > 0)
        best = certificate(net)
        assert best * (1 - 1e-7) <= certificate(net, RD, (y[:k], last))
        assert certificate(net, RD, (y[:k], last)) <= best * (1 + 1e-5)
        y = np.exp(np.random.default_rng(i).standard_normal(k))
        assert best <= certificate(net, RD, (y, 1.0))
        assert np.isfinite(certificate(net, RD, (0 * y, 1.0)))
        # no use at all: searched here
        assert certificate(net, RD, (np.nan * y, 1.0)) == best
        assert certificate(net, RD, (0 * y, 0.0)) == best


def padded(net: Network) -> Network:
    """Four dead units and two coordinates more."""
    (w, b), (a, c) = net.layers
    hidden = np.pad(w, ((0, 4), (0, 2))), np.pad(b, (0, 4))
    return replace(net, layers=(hidden, (np.pad(a, ((0, 0), (0, 4))), c)))


@pytest.mark.parametrize("sizes", [(2, 6), (3, 7), (4, 5)])
def test_above_the_exact_constant(sizes: tuple[int, int]) -> None:
    for seed in range(3):
        net = network(seed, *sizes)
        exact = enumeration(net)
        assert exact <= branched(net) <= certificate(net) + 1e-12
        assert exact <= certificate(net, RD, (np.ones(sizes[1]), 1.0))


def test_more_leaves_never_hurt() -> None:
    """LipSDP is 2.6 % above the formal constant here; one branching leaves 0.8 %."""
    net = network(4, 3, 14)
    values = [branched(net, leaves=n) for n in (1, 3, 33)]
    assert values[0] == pytest.approx(certificate(net), rel=1e-6)
    least, less, none = np.array(values) / formal(net) - 1
    assert least == pytest.approx(0.0257, abs=1e-3)
    assert less == pytest.approx(0.0080, abs=1e-3)
    assert 0 <= none <= 1e-8


@pytest.mark.parametrize("activation", ["relu", "gelu"])
def test_patterns_attain_the_formal_constant(activation: str) -> None:
    for domain in DOMAINS:
        net = padded(network(1, 4, 10, activation))
        (w, _), (a, _) = net.layers
        low, high = slopes(net, domain)[0]
        found = patterns(net, domain)
        sizes = np.linalg.norm(np.where(found, high, low) * a[0] @ w, axis=1)
        assert found.shape[1] == 14 and set(np.unique(found)) <= {0, 1}
        assert sizes[0] == pytest.approx(branched(net, domain), rel=1e-8)
        assert np.all(np.diff(sizes) <= 1e-9 * sizes[0])


def test_units_that_never_switch_drop_out_on_a_ball() -> None:
    """relu(x + 9) - relu(x - 9) + relu(x - 8): slope 1 within |x| <= 7, 2 beyond."""
    hidden = np.ones((3, 1)), np.array([9.0, -9.0, -8.0])
    net = Network((hidden, (np.array([[1.0, -1.0, 1.0]]), np.zeros(1))))
    for bound in (branched, certificate):
        assert bound(net, Domain(7.0)) == pytest.approx(1, rel=1e-12)
        assert bound(net, Domain(8.5)) == pytest.approx(2, rel=1e-8)
        assert bound(net) == pytest.approx(2, rel=1e-8)


def test_other_networks() -> None:
    rng = np.random.default_rng(0)
    (w, b), _ = network(0, 3, 5).layers
    several = Network(((w, b), (rng.standard_normal((2, 5)), np.zeros(2))))
    assert branched(several) == np.inf == maxcut.certified(several)
    assert patterns(several).shape == (0, 5)
    wild = Network(((w * np.inf, b), (np.ones((1, 5)), np.zeros(1))))
    assert branched(wild) == np.inf == certificate(wild)


STRESS = {
    "plain": (1, 1),
    "weights of 1e-12": (1e-12, 1e-12),
    "weights of 1e12": (1e12, 1e12),
    "weights of 1e-140": (1e-140, 1e-140),
    "weights of 1e150": (1e150, 1e150),
    "small units with large weights": (1e-200, 1e200),
}


@pytest.mark.parametrize("name", STRESS)
@pytest.mark.parametrize(
    "kind", ["random", "duplicates", "near", "rank one", "opposed"]
)
def test_bounds_hold_in_exact_arithmetic(name: str, kind: str) -> None:
    """Against the formal constant of the float64 weights in rational numbers."""
    into, out = STRESS[name]
    for d, k, seed in ((3, 8, 0), (9, 6, 1)):
        (w, b), (a, c) = network(seed, d, k).layers
        half = k // 2
        if kind == "duplicates":
            w[half:] = w[:half]
        elif kind == "near":
            w[half:] = w[:half] * (1 + 1e-15 * a[0, :half, None])
        elif kind == "rank one":
            w = np.outer(a[0] ** 2, w[0])
        elif kind == "opposed":  # all but a billionth cancels
            w[half:], a[:, half:] = w[:half], -a[:, :half] * (1 + 1e-9)
            w[half:, 0] += 1e-9
        # every unit is rescaled by a factor of its own, too
        t = np.exp(3 * np.random.default_rng(seed).standard_normal(k))
        w, a = into * w * t[:, None], out * a / t
        net = Network(((w, b), (a, c)))
        exact = rational_square(w, a[0])
        values = [branched(net), certificate(net)]
        values.append(certificate(net, RD, (np.ones(k), 1.0)))
        for value in values:
            assert Fraction(value) ** 2 >= exact
        if kind != "opposed":
            assert float(Fraction(values[0]) ** 2 / exact) <= 1 + 1e-8


def rational_square(w: np.ndarray, a: np.ndarray) -> Fraction:
    """max over s in {0, 1}^k of |sum_i s_i a_i w_i|^2, exactly."""
    rows = [
        [Fraction(e) * Fraction(x) for x in row] for e, row in zip(a, w, strict=True)
    ]
    best = Fraction(0)
    for s in itertools.product((0, 1), repeat=len(rows)):
        on = [row for row, on in zip(rows, s, strict=True) if on]
        best = max(best, sum((sum(x) ** 2 for x in zip(*on, strict=True)), Fraction(0)))
    return best


@pytest.mark.parametrize("bound", [branched, certificate])
def test_nothing_comes_of_nothing(bound: object) -> None:
    assert callable(bound)
    for w, a in ((0, 1), (1, 0), (0, 0)):
        hidden = w * np.ones((3, 2)), np.ones(3)
        assert bound(Network((hidden, (a * np.ones((1, 3)), np.zeros(1))))) == 0
    net = network(4, 5, 9)
    assert bound(padded(net)) == pytest.approx(bound(net), rel=1e-8)
    (w, b), (a, c) = net.layers
    order = np.random.default_rng(0).permutation(9)
    mixed = Network(((w[order], b), (-a[:, order], c)))
    assert bound(mixed) == pytest.approx(bound(net), rel=1e-7)
    assert bound(Network(((8 * w, b), (a / 4, c)))) == 2 * bound(net)
