"""Losses and fits against numpy, and what the clipped fit means."""

import itertools

import jax
import numpy as np
import pytest

from isorobust.training.loss import (
    LOSSES,
    clipped_mse,
    cross_entropy,
    path_norm,
    safe_norm,
)

WEIGHTS = np.float32([1, 1, 0, 1, 1])


def test_cross_entropy_of_signs(rng: np.random.Generator) -> None:
    f, y = 3 * rng.standard_normal(5), np.array([1.0, -1, 1, -1, -1])
    expected = np.mean(np.log(1 + np.exp(-y * f))[WEIGHTS > 0])
    assert cross_entropy(f, y, WEIGHTS) == pytest.approx(expected, rel=1e-5)


def test_cross_entropy_of_labels_between(rng: np.random.Generator) -> None:
    """(1 + y) / 2 is the probability of +1."""
    f, y = rng.standard_normal(5), rng.uniform(-1, 1, 5)
    q, p = (1 + y) / 2, 1 / (1 + np.exp(-f))
    expected = -(q * np.log(p) + (1 - q) * np.log(1 - p))
    found = cross_entropy(f, y, np.ones(5))
    assert found == pytest.approx(expected.mean(), rel=1e-5)


def test_cross_entropy_of_classes(rng: np.random.Generator) -> None:
    f, y = rng.standard_normal((5, 4)), np.array([0, 3, 1, 1, 2])
    softmax = np.exp(f) / np.exp(f).sum(1, keepdims=True)
    expected = -np.log(softmax[np.arange(5), y])[WEIGHTS > 0].mean()
    found = cross_entropy(f, y.astype(float), WEIGHTS)
    assert found == pytest.approx(expected, rel=1e-5)


def test_the_gradient_over_classes_is_softmax_less_the_label(
    rng: np.random.Generator,
) -> None:
    f, y = np.float32(rng.standard_normal((5, 4))), np.float32([0, 3, 1, 1, 2])
    softmax = np.exp(f) / np.exp(f).sum(1, keepdims=True)
    label = np.eye(4)[y.astype(int)]
    expected = (softmax - label) * WEIGHTS[:, None] / 4
    found = jax.grad(cross_entropy)(f, y, WEIGHTS)
    np.testing.assert_allclose(found, expected, atol=1e-6)


def test_large_logits_do_not_overflow() -> None:
    y = np.float32([1, -1, 1, -1, -1])
    loss, slope = jax.value_and_grad(cross_entropy)(1e30 * y, y, np.ones(5))
    assert loss == 0 and np.all(slope == 0)
    loss, slope = jax.value_and_grad(cross_entropy)(-1e30 * y, y, np.ones(5))
    assert loss == pytest.approx(1e30) and np.all(slope == -y / 5)


def test_the_clipped_fit_bounds_the_share_of_errors(rng: np.random.Generator) -> None:
    y = np.float32([1, -1, 1, -1, -1])
    for scale in (0.1, 1.0, 10.0):
        f = np.float32(scale * rng.standard_normal(5))
        fit = clipped_mse(f, y, np.ones(5))
        assert fit >= np.mean(np.sign(f) != y) * (1 - 1e-6)
        assert fit == pytest.approx(np.mean((np.clip(f, -1, 1) - y) ** 2), rel=1e-6)
    assert clipped_mse(7 * y, y, np.ones(5)) == 0


def test_two_classes_are_one_logit(rng: np.random.Generator) -> None:
    f = np.float32(rng.standard_normal((5, 2)))
    classes = np.float32([0, 1, 1, 0, 1])
    for name in ("value", "fit"):
        measure = getattr(LOSSES["cross_entropy"], name)
        one = measure(f[:, 1] - f[:, 0], 2 * classes - 1, WEIGHTS)
        assert measure(f, classes, WEIGHTS) == pytest.approx(float(one), rel=1e-5)


def test_path_norm_is_the_sum_over_paths(rng: np.random.Generator) -> None:
    """Another road: enumerate every path output <- unit <- unit <- row of W_1."""
    sizes = [4, 3, 2, 1]
    layers = [
        (rng.standard_normal((b, a)), rng.standard_normal(b))
        for a, b in itertools.pairwise(sizes)
    ]
    total = sum(
        abs(layers[2][0][0, k] * layers[1][0][k, j])
        * np.linalg.norm([*layers[0][0][j], layers[0][1][j]])
        for k in range(2)
        for j in range(3)
    )
    assert path_norm(layers) == pytest.approx(total, rel=1e-5)


def test_the_gradient_of_a_norm_at_zero_is_zero() -> None:
    rows = np.array([[0.0, 0.0], [3.0, 4.0]], np.float32)
    np.testing.assert_allclose(safe_norm(rows), [0, 5])
    slope = jax.grad(lambda r: safe_norm(r).sum())(rows)
    np.testing.assert_allclose(slope, [[0, 0], [0.6, 0.8]], rtol=1e-6)
