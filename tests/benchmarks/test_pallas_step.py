"""The fused kernels, interpreted, against the engine's own steps."""

import dataclasses

import jax
import numpy as np
import pytest
from kit import pallas_step, pallas_wide
from kit.engine import Shape, block, chunk
from kit.pallas_step import Plan, objection

from isorobust.training.step import BUDGET, DIVERGED, RUNNING, TARGET

SHAPES = (Shape(64, 16, 16), Shape(64, 16, 128))  # the second in two strips
LAUNCHES, STEPS = 2, 20


@pytest.fixture(scope="module", params=SHAPES, ids=str)
def made(request):
    """Four lanes: one runs on, one meets its target, one its budget, one blows up."""
    made = block(request.param, 4)
    recipes = dataclasses.replace(
        made.recipes,
        learning_rate=np.float32([1e-3, 2e-2, 1e-3, 1e-3]),
        target_mse=np.float32([1e-30, 0.8, 1e-30, 1e-30]),
        steps=np.int32([10**9, 10**9, 25, 10**9]),
    )
    y = np.array(made.data.y)
    y[3] *= 1e30  # its loss overflows
    return made._replace(recipes=recipes, data=made.data._replace(y=y))


@pytest.mark.parametrize("kernel", [pallas_step, pallas_wide])
def test_they_train_as_the_engine_does(made, kernel) -> None:
    whole, _ = chunk(made, "highest")
    theirs = whole(made.lanes, LAUNCHES * STEPS)
    plan = Plan(steps=STEPS, tile=16, interpret=True)
    once = jax.jit(lambda lanes: kernel.train(plan, made.recipes, made.data, lanes))
    ours = made.lanes
    for _ in range(LAUNCHES):  # the second starts where the first left off
        ours = once(ours)
    assert np.array(theirs.status).tolist() == [RUNNING, TARGET, BUDGET, DIVERGED]
    assert np.array_equal(ours.status, theirs.status)
    assert np.array_equal(ours.t, theirs.t)
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        assert a.shape == b.shape and a.dtype == b.dtype
        np.testing.assert_allclose(a, b, rtol=1e-4, atol=1e-6)


def test_shapes_that_they_can_not_have() -> None:
    assert objection(256, 32, 64, 64) is None
    assert objection(256, 32, 64, None) is None
    for n, d, width, tile in ((256, 8, 64, 64), (256, 48, 64, 64), (96, 32, 64, 64)):
        assert objection(n, d, width, tile)
