"""Bounds of maps into R^K: the largest singular value of the derivative."""

import itertools

import numpy as np
import pytest

from isorobust.lipschitz import lower, network, upper
from isorobust.lipschitz.domain import RD, SPHERE
from isorobust.lipschitz.network import Network
from isorobust.training.loss import LOSSES


def some(rng: np.random.Generator, *sizes: int, activation: str = "relu") -> Network:
    layers = tuple(
        (rng.standard_normal((b, a)), rng.standard_normal(b))
        for a, b in itertools.pairwise(sizes)
    )
    return Network(layers)


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
def test_the_jacobian_is_the_difference_quotient(
    rng: np.random.Generator, activation: str
) -> None:
    layers = some(rng, 4, 6, 5, 3, activation=activation)
    x = rng.standard_normal(4)
    h = 1e-6 * np.eye(4)
    ahead, behind = (network.value(layers, x + s * h) for s in (1, -1))
    found = network.jacobian(layers, x)
    np.testing.assert_allclose(found, (ahead - behind).T / 2e-6, atol=1e-6)


def test_a_linear_map_is_bracketed(rng: np.random.Generator) -> None:
    """x = relu(x) - relu(-x), so f = A x: the constant is A's norm everywhere."""
    a, eye = rng.standard_normal((3, 4)), np.eye(4)
    chain = (np.vstack([eye, -eye]), np.zeros(8)), (np.hstack([a, -a]), np.zeros(3))
    layers = Network(chain)
    exact = np.linalg.svd(a)[1][0]
    point = rng.standard_normal(4)
    assert lower.attained(layers, RD, point)[0] == pytest.approx(exact)
    for name in upper.__all__:
        assert getattr(upper, name)(layers) >= exact
    at = point / np.linalg.norm(point)
    tangent = np.linalg.svd(a @ (eye - np.outer(at, at)))[1][0]
    assert lower.attained(layers, SPHERE, point)[0] == pytest.approx(tangent)


@pytest.mark.parametrize("activation", ["relu", "tanh", "gelu"])
@pytest.mark.parametrize("sizes", [(4, 7, 3), (3, 6, 5, 10)])
def test_attained_is_below_certified(
    rng: np.random.Generator, activation: str, sizes: tuple
) -> None:
    layers = some(rng, *sizes, activation=activation)
    points = rng.standard_normal((50, sizes[0]))
    seen = max(lower.attained(layers, RD, x)[0] for x in points)
    # another road: how far two outputs get apart
    f = network.value(layers, points)
    apart = np.linalg.norm(f[1:] - f[:-1], axis=1)
    quotient = apart / np.linalg.norm(points[1:] - points[:-1], axis=1)
    for name in upper.__all__:
        bound = getattr(upper, name)(layers)
        assert seen <= bound and quotient.max() <= bound


def test_one_output_is_a_map_into_one_dimension(rng: np.random.Generator) -> None:
    layers, x = some(rng, 4, 6, 1), rng.standard_normal((9, 4))
    assert network.value(layers, x).shape == (9,)
    for point in x:
        slope = network.gradient(layers, point[None])
        np.testing.assert_array_equal(network.jacobian(layers, point), slope)


@pytest.mark.parametrize("loss", ["mse", "cross_entropy"])
def test_the_fit_in_float64_is_the_one_trained_on(
    rng: np.random.Generator, loss: str
) -> None:
    f, y = 2 * rng.standard_normal(30), np.sign(rng.standard_normal(30))
    error = network.squared_error(f, y, loss)
    assert LOSSES[loss].fit(f, y, np.ones(30)) == pytest.approx(error.mean(), rel=1e-5)


def test_the_fit_of_classes_in_float64(rng: np.random.Generator) -> None:
    f, y = 2 * rng.standard_normal((30, 4)), rng.integers(0, 4, 30).astype(float)
    error = network.squared_error(f, y, "cross_entropy")
    found = LOSSES["cross_entropy"].fit(f, y, np.ones(30))
    assert found == pytest.approx(error.mean(), rel=1e-5)
    assert error.mean() >= np.mean(f.argmax(axis=1) != y)
