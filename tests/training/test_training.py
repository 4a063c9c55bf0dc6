"""One network's training against optax by hand, and the rules of stopping."""

import itertools

import jax
import numpy as np
import optax
import pytest

from isorobust.engine.block import traced as _traced
from isorobust.models import MLP
from isorobust.training import Adam, Path
from isorobust.training.loss import path_norm, safe_norm
from isorobust.training.step import (
    BUDGET,
    DIVERGED,
    RUNNING,
    TARGET,
    Data,
    Lane,
    start,
    step,
)

MODEL = MLP(width=6)


@pytest.fixture
def data(rng: np.random.Generator) -> Data:
    x = np.float32(rng.standard_normal((10, 3)))
    return Data(x, np.float32(np.sign(x[:, 0])), np.ones(10, np.float32))


def train(recipe: object, data: Data, steps: int) -> Lane:
    recipe = _traced(recipe)
    lane = start(recipe, MODEL.initial(np.random.default_rng(0), 3))
    go = jax.jit(lambda r, x, lane: step(MODEL, r, x, lane))
    for _ in range(steps):
        lane = go(recipe, data, lane)
    return lane


def test_adam_is_optax_adam(data: Data) -> None:
    params = MODEL.initial(np.random.default_rng(0), 3)
    adam = optax.adam(1e-2)
    state = adam.init(params)

    def loss(params: dict) -> jax.Array:
        return ((MODEL.apply({"params": params}, data.x) - data.y) ** 2).mean()

    for _ in range(30):
        updates, state = adam.update(jax.grad(loss)(params), state, params)
        params = optax.apply_updates(params, updates)
    lane = train(Adam(target_mse=1e-9, learning_rate=1e-2), data, 30)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), lane.params, params
    )
    assert int(lane.t) == 30 and int(lane.status) == RUNNING


def test_the_target_freezes_a_lane(data: Data) -> None:
    recipe = Adam(target_mse=0.3, learning_rate=1e-2, steps=4000)
    at_stop, later = train(recipe, data, 400), train(recipe, data, 450)
    assert int(at_stop.status) == TARGET and int(at_stop.t) < 400
    jax.tree.map(np.testing.assert_array_equal, at_stop, later)
    fit = np.mean((MODEL.apply({"params": at_stop.params}, data.x) - data.y) ** 2)
    assert 0.2 < fit <= 0.3


def test_the_budget_ends_a_lane(data: Data) -> None:
    lane = train(Adam(target_mse=1e-9, steps=7), data, 12)
    assert int(lane.t) == 7 and int(lane.status) == BUDGET


@pytest.mark.parametrize("where", ["x", "y", "rate"])
def test_a_diverged_lane_keeps_its_last_finite_parameters(
    data: Data, where: str
) -> None:
    recipe = Adam(target_mse=1e-9)
    if where == "rate":
        recipe = Adam(target_mse=1e-9, learning_rate=1e30)
    else:
        poison = np.array(getattr(data, where))
        poison.flat[0] = np.nan
        data = data._replace(**{where: poison})
    lane = train(recipe, data, 8)
    assert int(lane.status) == DIVERGED
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(lane.params))


def test_path_runs_its_budget_and_shrinks_the_norm(data: Data) -> None:
    lane = train(Path(target_mse=0.1, steps=1500, penalty=1e-2), data, 1500)
    plain = train(Path(target_mse=0.1, steps=1500, penalty=0.0), data, 1500)
    assert int(lane.t) == 1500 and int(lane.status) == BUDGET
    fit = np.mean((MODEL.apply({"params": lane.params}, data.x) - data.y) ** 2)
    assert fit <= 0.1
    assert path_norm(MODEL.layers(lane.params)) < path_norm(MODEL.layers(plain.params))


def test_path_warms_up_on_the_plain_loss() -> None:
    recipe = Path(steps=100, warm=0.25, target_mse=0.1)
    layers = ((np.ones((2, 3)), np.zeros(2)), (np.ones((1, 2)), np.zeros(1)))
    assert recipe.objective(np.float32(0.5), layers, np.int32(24)) == 0.5
    late = recipe.objective(np.float32(0.5), layers, np.int32(25))
    assert late == pytest.approx(20 * (0.5 - 0.095) + 3e-3 * 2 * np.sqrt(3), rel=1e-6)


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
