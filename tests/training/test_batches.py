"""Minibatches: of the right size, of real points, and a function of the trial alone."""

import jax
import numpy as np
import pytest

from isorobust.engine.ladder import pad
from isorobust.training.batches import batch_weights
from isorobust.training.step import Data


@pytest.fixture
def data(rng: np.random.Generator) -> Data:
    x = np.float32(rng.standard_normal((50, 3)))
    return Data(x, np.float32(np.sign(x[:, 0])), np.ones(50, np.float32))


def padded(data: Data, n: int, d: int) -> Data:
    return Data(pad(data.x, (n, d)), *(pad(part, (n,)) for part in data[1:]))


@pytest.mark.parametrize("size", [1, 7, 49, 50, 64, 1000, 0])
def test_a_batch_has_its_size_and_padding_has_no_say(data: Data, size: int) -> None:
    expected = size if 0 < size < 50 else 50
    for t in range(5):
        weights = np.asarray(batch_weights(data, size, t))
        assert set(weights) <= {0, 1} and weights.sum() == expected
        for n, d in ((64, 8), (256, 3)):
            wide = np.asarray(batch_weights(padded(data, n, d), size, t))
            np.testing.assert_array_equal(wide[:50], weights)
            assert not wide[50:].any()


def test_a_lane_among_others_draws_its_own(data: Data) -> None:
    other = data._replace(x=data.x[::-1].copy())
    both = jax.tree.map(lambda *parts: np.stack(parts), data, other)
    t = np.int32([3, 4])
    found = jax.vmap(lambda data, t: batch_weights(data, 8, t))(both, t)
    np.testing.assert_array_equal(found[0], batch_weights(data, 8, 3))
    np.testing.assert_array_equal(found[1], batch_weights(other, 8, 4))


def test_steps_and_data_sets_draw_differently(data: Data) -> None:
    other = data._replace(x=data.x[::-1].copy())  # the same points in another order
    draws = [np.asarray(batch_weights(data, 8, t)) for t in range(20)]
    draws += [np.asarray(batch_weights(other, 8, t)) for t in range(20)]
    assert len({draw.tobytes() for draw in draws}) == 40


def test_every_point_is_drawn_alike(data: Data) -> None:
    """Counts over 4000 batches of 10 of 50: 800 +- 5 standard deviations."""
    draw = jax.jit(jax.vmap(lambda t: batch_weights(data, 10, t)))
    counts = np.asarray(draw(np.arange(4000))).sum(axis=0)
    assert np.abs(counts - 800).max() < 5 * np.sqrt(4000 * 0.2 * 0.8)
