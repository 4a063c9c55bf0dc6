"""Convolutions: the matrix against jax's, the norms against the matrix's."""

import itertools

import jax
import numpy as np
import pytest

from isorobust.lipschitz.network import Network, value
from isorobust.lipschitz.upper import chain
from isorobust.lipschitz.upper.convolution import (
    circular_norm,
    dense,
    gram_norm,
    padding_of,
)

CASES = [
    # out, in, kernel, image, stride
    (1, 1, (3, 3), (6, 6), (1, 1)),
    (3, 2, (3, 3), (7, 5), (1, 1)),
    (2, 3, (2, 4), (6, 6), (2, 1)),
    (4, 1, (1, 1), (3, 3), (1, 1)),
    (2, 2, (3, 3), (6, 8), (2, 2)),
]


@pytest.mark.parametrize("padding", ["VALID", "SAME"])
@pytest.mark.parametrize("case", CASES, ids=str)
def test_the_matrix_and_its_norm(case: tuple, padding: str) -> None:
    out, into, window, shape, stride = case
    rng = np.random.default_rng(0)
    kernel = rng.standard_normal((out, into, *window))
    sides = padding_of(padding, window, shape, stride)
    matrix = dense(kernel, shape, stride, sides)
    image = rng.standard_normal((into, *shape))
    other = jax.lax.conv_general_dilated(
        np.float32(image[None]),
        np.float32(kernel),
        stride,
        padding,
        precision="highest",
    )
    found = (matrix @ image.ravel()).reshape(other.shape[1:])
    np.testing.assert_allclose(found, other[0], atol=1e-4)
    norm = np.linalg.norm(matrix, 2)
    for factor in (1.0, 1e-12, 1e12):
        assert factor * norm <= circular_norm(factor * kernel, shape, sides)
        assert factor * norm <= gram_norm(factor * kernel)


def test_on_a_torus_the_norm_is_exact() -> None:
    """The circular convolution's matrix, by wrapping the image around."""
    rng = np.random.default_rng(1)
    kernel, n = rng.standard_normal((3, 2, 3, 3)), 6
    wrapped = dense(kernel, (n + 2, n + 2))
    place = np.arange(2 * n * n).reshape(2, n, n)
    place = np.pad(place, ((0, 0), (0, 2), (0, 2)), mode="wrap").ravel()
    matrix = np.zeros((len(wrapped), 2 * n * n))
    np.add.at(matrix.T, place, wrapped.T)
    norm = np.linalg.norm(matrix, 2)
    assert norm <= circular_norm(kernel, (n, n)) <= norm * (1 + 1e-10)


def test_large_images_come_near() -> None:
    """Of a one-channel kernel >= 0 the plane's norm is its sum, and nothing less."""
    kernel = np.random.default_rng(2).random((1, 1, 3, 3))
    for bound in (circular_norm(kernel, (32, 32)), gram_norm(kernel, 3)):
        assert kernel.sum() <= bound <= kernel.sum() * (1 + 1e-9)
    kernel = np.random.default_rng(3).standard_normal((4, 3, 3, 3))
    plane = circular_norm(kernel, (64, 64))
    found = [gram_norm(kernel, rounds) for rounds in (1, 3, 5)]
    # the torus' frequencies are among the plane's
    assert plane <= found[2] * (1 + 1e-9) <= plane * 1.05
    assert all(a >= b for a, b in itertools.pairwise(found))
    matrix = dense(kernel, (9, 9), padding=((1, 1), (1, 1)))
    assert plane <= 1.15 * np.linalg.norm(matrix, 2)


def test_zeros_and_what_is_not_finite() -> None:
    kernel = np.zeros((2, 2, 3, 3))
    assert circular_norm(kernel, (4, 4)) == gram_norm(kernel) == 0
    assert (
        gram_norm(kernel + np.inf) == circular_norm(kernel + np.inf, (4, 4)) == np.inf
    )


def test_a_convolutional_network_is_a_chain() -> None:
    rng = np.random.default_rng(4)
    kernel = rng.standard_normal((3, 1, 3, 3))
    matrix = dense(kernel, (5, 5), (2, 2))
    head = rng.standard_normal((1, len(matrix)))
    net = Network(((matrix, np.zeros(len(matrix))), (head, np.zeros(1))))
    x = rng.standard_normal((200, 25))
    f = value(net, x)
    quotient = np.abs(np.diff(f)) / np.linalg.norm(np.diff(x, axis=0), axis=1)
    bound = chain.certified(net)
    assert quotient.max() <= bound
    assert bound <= circular_norm(kernel, (5, 5)) * np.linalg.norm(head)
