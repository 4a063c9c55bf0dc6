"""J against networks: attained where it can be, never passed where it can't."""

import itertools
import math
from dataclasses import replace

import numpy as np
import pytest

from isorobust.law import sensitivity
from isorobust.law.setting import Setting, rounded_up


def two_layer(w: np.ndarray, x: np.ndarray, k: int) -> float:
    d = len(x)
    rows, b, a = w[: k * d].reshape(k, d), w[k * d : k * (d + 1)], w[-k - 1 : -1]
    return float(a @ np.maximum(rows @ x + b, 0) + w[-1])


def test_two_layer_j_is_never_passed(rng: np.random.Generator) -> None:
    d, k, radius = 5, 7, 1.3
    for _ in range(200):
        w, v = (rng.standard_normal(k * (d + 2) + 1) for _ in range(2))
        x = rng.standard_normal(d)
        x *= radius / np.linalg.norm(x)
        rho = max(np.linalg.norm(w), np.linalg.norm(v))
        j = math.exp(sensitivity.two_layer(float(rho), radius))
        moved = abs(two_layer(w, x, k) - two_layer(v, x, k))
        assert moved <= j * np.linalg.norm(w - v)


def test_two_layer_j_is_attained() -> None:
    """One unit along (x, 1), as long as its outer weight: |df/dw| is J itself."""
    radius, rho, d = 1.3, 6.0, 4
    x = np.array([radius, 0.0, 0.0, 0.0])
    inner = np.append(x, 1.0) / math.sqrt(radius**2 + 1) * rho / math.sqrt(2)
    w = np.concatenate([inner, [rho / math.sqrt(2), 0.0]])
    assert np.linalg.norm(w) == pytest.approx(rho)
    step = 1e-6
    slopes = [
        two_layer(w + step * e, x, 1) - two_layer(w - step * e, x, 1)
        for e in np.eye(d + 3)
    ]
    length = float(np.linalg.norm(slopes)) / (2 * step)
    assert length == pytest.approx(math.exp(sensitivity.two_layer(rho, radius)))


def test_steeper_activations_stretch_j() -> None:
    flat, steep = (sensitivity.two_layer(3.0, 1.0, s) for s in (0.5, 1.2))
    assert steep - flat == pytest.approx(math.log(1.2))
    assert flat == sensitivity.two_layer(3.0, 1.0)
    inner, outer = (
        sensitivity.deep_ball(r, 3, 2.0, s) for r, s in ((3.6, 1), (3, 1.2))
    )
    assert inner == pytest.approx(outer)
    deep = sensitivity.deep(100, 4, 2.0, 1.0, slope=1.2)
    assert deep - sensitivity.deep(100, 4, 2.0, 1.0) == pytest.approx(4 * math.log(1.2))


class Shared:
    """Layers whose entries (biases too) are drawn from p parameters in [-W, W]."""

    def __init__(self, rng: np.random.Generator, p: int, sizes: list[int]) -> None:
        shapes = [(b, a + 1) for a, b in itertools.pairwise(sizes)]
        self.entries = [rng.integers(0, p, shape) for shape in shapes]
        flat = np.concatenate([e.ravel() for e in self.entries])
        self.q, self.p, self.depth = int(np.bincount(flat).max()), p, len(shapes)

    def layers(self, w: np.ndarray) -> list[np.ndarray]:
        return [w[entry] for entry in self.entries]

    def value(self, w: np.ndarray, x: np.ndarray, skips: bool = False) -> float:
        *hidden, last = self.layers(w)
        for i, layer in enumerate(hidden):
            new = np.maximum(layer @ np.append(x, 1.0), 0)
            x = x + new if skips and i > 0 else new
        return float((last @ np.append(x, 1.0))[0])


@pytest.mark.parametrize("depth", [2, 3, 5])
def test_deep_j_is_never_passed_by_shared_weights(
    rng: np.random.Generator, depth: int
) -> None:
    width, d, radius, largest = 3, 4, 1.5, 1.25
    for p in (1, 2, 7, 40):
        net = Shared(rng, p, [d, *[width] * (depth - 1), 1])
        j = math.exp(sensitivity.deep(p, depth, largest, radius, net.q))
        for _ in range(100):
            w = rng.uniform(-largest, largest, p)
            v = np.clip(w + rng.choice([0.01, 1.0]) * rng.standard_normal(p), -1, 1)
            x = rng.standard_normal(d)
            x *= radius / np.linalg.norm(x)
            moved = abs(net.value(w, x) - net.value(v, x))
            assert moved <= j * np.linalg.norm(w - v)


@pytest.mark.parametrize("skips", [False, True])
@pytest.mark.parametrize("depth", [2, 3, 5])
def test_j_of_a_deep_ball_is_never_passed(
    rng: np.random.Generator, depth: int, skips: bool
) -> None:
    """Shared weights as a Setting takes them: sqrt(Q) J(sqrt(Q) rho)."""
    width, d, radius = 3, 4, 1.5
    for p in (1, 2, 7, 1000):
        net = Shared(rng, p, [d, *[width] * (depth - 1), 1])
        spread = math.sqrt(net.q)
        for _ in range(100):
            w = rng.standard_normal(p) * rng.choice([0.1, 1.0])
            v = w + rng.choice([1e-3, 1.0]) * rng.standard_normal(p)
            rho = max(np.linalg.norm(w), np.linalg.norm(v))
            j = spread * math.exp(sensitivity.deep_ball(spread * rho, depth, radius))
            x = rng.standard_normal(d)
            x *= radius / np.linalg.norm(x)
            moved = abs(net.value(w, x, skips) - net.value(v, x, skips))
            assert moved <= j * np.linalg.norm(w - v)


@pytest.mark.parametrize("depth", [3, 5])
def test_j_of_a_deep_ball_is_nearly_attained(depth: int) -> None:
    """Scalar skips h -> h + phi(w h), equal weights: short of J by sqrt(D) at most
    once rho is large.
    """
    rho, radius, step = 1e3, 1e3, 1e-6
    w = np.full(depth, rho / math.sqrt(depth))

    def value(w: np.ndarray) -> float:
        h = max(w[0] * radius, 0.0)
        for weight in w[1:-1]:
            h += max(weight * h, 0.0)
        return float(w[-1] * h)

    slopes = [
        (value(w + step * e) - value(w - step * e)) / 2 / step for e in np.eye(depth)
    ]
    share = np.linalg.norm(slopes) / math.exp(sensitivity.deep_ball(rho, depth, radius))
    assert ((depth - 1) / depth) ** ((depth - 1) / 2) * 0.9 <= share <= 1


def test_a_ball_has_a_smaller_j_than_the_box_around_it(setting: Setting) -> None:
    for depth in (3, 4, 6):
        box = math.log(2 * math.sqrt(2113)) + sensitivity.deep(2113, depth, 2.0, 1.0)
        ball = sensitivity.deep_ball(2 * math.sqrt(2113), depth, 1.0)
        assert math.log(2 * math.sqrt(2113)) + ball < box


def test_layer_norms_and_their_j_without_biases(rng: np.random.Generator) -> None:
    """Lemma 3.1, its B taken over every mix of the layers of the two networks."""
    width, d, radius, largest, depth, p = 3, 4, 1.5, 1.25, 3, 12
    net = Shared(rng, p, [d, width, width, 1])
    for _ in range(200):
        w, v = rng.uniform(-largest, largest, (2, p))
        one, two = ([m[:, :-1] for m in net.layers(u)] for u in (w, v))
        lengths = [
            max(np.linalg.norm(a, 2), np.linalg.norm(b, 2))
            for a, b in zip(one, two, strict=True)
        ]
        left_out = [np.prod(np.delete(lengths, i)) for i in range(depth)]
        log_b = math.log(max(np.prod(lengths), *left_out))
        assert log_b <= sensitivity.layer_norms(p, depth, largest, net.q)
        x = rng.standard_normal(d)
        x *= radius / np.linalg.norm(x)
        values = []
        for a, b, c in (one, two):
            values.append(float((c @ np.maximum(b @ np.maximum(a @ x, 0), 0))[0]))
        j = math.exp(sensitivity.from_layer_norms(p, log_b, radius, net.q))
        assert abs(values[0] - values[1]) <= j * np.linalg.norm(w - v)


def test_deep_j_of_one_weight_is_exact() -> None:
    """f = w x, |w| <= 1: J = R. Each layer, weight, tie and the box multiply."""
    assert math.exp(sensitivity.deep(1, 1, 1.0, 3.0)) == pytest.approx(3.0)
    ratio = sensitivity.deep(10, 4, 8.0, 3.0, shared=5) - math.log(3.0)
    assert ratio == pytest.approx(4 * (math.log(10) + math.log(8) + math.log(5)))
    assert sensitivity.layer_norms(10, 4, 8.0, 5) == pytest.approx(
        4 * math.log(8 * math.sqrt(50))
    )
    # the paper takes J from Lemma 3.1: no smaller than what that gives
    lemma = sensitivity.from_layer_norms(
        10, sensitivity.layer_norms(10, 4, 8.0, 5), 3.0, 5
    )
    assert lemma <= sensitivity.deep(10, 4, 8.0, 3.0, 5)


def test_a_setting_takes_its_j_from_here(setting: Setting) -> None:
    """rho is rounded up to a power of two >= 1."""
    assert setting.ball == 8 and replace(setting, rho=8.0).ball == 8
    assert replace(setting, rho=8.1).ball == 16 and replace(setting, rho=0.1).ball == 1
    assert setting.log_sensitivity == sensitivity.two_layer(8.0, 1.0)
    deep = replace(setting, depth=3, shared=9)
    tied = math.log(3) + sensitivity.deep_ball(3 * 8.0, 3, 1.0)
    assert deep.ball == 8 and deep.log_sensitivity == tied
    own = replace(deep, log_j=0.5)
    assert own.ball == 8 and own.log_sensitivity == 0.5
    assert rounded_up(math.nextafter(4.0, 5.0)) == 8 and rounded_up(4.0) == 4


def test_a_class_without_a_j_has_no_ball(setting: Setting) -> None:
    assert setting.has_ball and replace(setting, width=None, log_j=0.0).has_ball
    assert not replace(setting, width=None).has_ball
    assert not replace(setting, rho=None).has_ball
    assert not replace(setting, rho=math.inf).has_ball
    assert not replace(setting, depth=3, rho=math.inf).has_ball


def test_shared_two_layer_weights(setting: Setting, rng: np.random.Generator) -> None:
    """Weights used q times: J of the long vector, in terms of the short one."""
    d, q, k = 3, 4, 4
    shared = replace(setting, shared=q, rho=4.0)
    for _ in range(200):
        w, v = (rng.standard_normal(k * (d + 2) // q + 1) for _ in range(2))
        w, v = (4.0 * u / np.linalg.norm(u) for u in (w, v))
        x = rng.standard_normal(d)
        x /= np.linalg.norm(x)
        long = [np.append(np.tile(u[:-1], q), u[-1]) for u in (w, v)]
        moved = abs(two_layer(long[0], x, k) - two_layer(long[1], x, k))
        assert moved <= math.exp(shared.log_sensitivity) * np.linalg.norm(w - v)
