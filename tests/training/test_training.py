"""One network's training against optax by hand, and the rules of stopping."""

import itertools

import jax
import numpy as np
import optax
import pytest

from isorobust.models import MLP
from isorobust.training import Adam, Path
from isorobust.training.loss import path_norm, safe_norm
from isorobust.training.recipes import traced
from isorobust.training.step import (
    BUDGET,
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


def loss(params: dict, data: Data) -> jax.Array:
    return ((MODEL.apply({"params": params}, data.x) - data.y) ** 2).mean()


def train(recipe: object, data: Data, steps: int) -> Lane:
    recipe = traced(recipe)
    lane = start(recipe, MODEL.initial(np.random.default_rng(0), 3))
    go = jax.jit(lambda r, x, lane: step(MODEL, r, x, lane))
    for _ in range(steps):
        lane = go(recipe, data, lane)
    return lane


def test_adam_is_optax_adam(data: Data) -> None:
    params = MODEL.initial(np.random.default_rng(0), 3)
    adam = optax.adam(1e-2)
    state = adam.init(params)
    for _ in range(30):
        updates, state = adam.update(jax.grad(loss)(params, data), state, params)
        params = optax.apply_updates(params, updates)
    lane = train(Adam(target_mse=1e-9, learning_rate=1e-2), data, 30)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5), lane.params, params
    )
    assert int(lane.t) == 30 and int(lane.status) == RUNNING


def test_weight_decay_and_the_cosine_are_adamw(data: Data) -> None:
    """optax.adamw, whose own order of the terms differs in the last digits."""
    params = MODEL.initial(np.random.default_rng(0), 3)
    rate = optax.cosine_decay_schedule(1e-2, decay_steps=40, alpha=0.2)
    adam = optax.adamw(rate, weight_decay=0.5)
    state = adam.init(params)
    for _ in range(30):
        updates, state = adam.update(jax.grad(loss)(params, data), state, params)
        params = optax.apply_updates(params, updates)
    recipe = Adam(1e-9, 1e-2, steps=40, weight_decay=0.5, final=0.2)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5),
        train(recipe, data, 30).params,
        params,
    )


def test_too_much_decay_is_refused() -> None:
    assert "must be <= 1" in (Adam(learning_rate=0.5, weight_decay=3.0).check() or "")
    assert Adam(learning_rate=0.5, weight_decay=2.0).check() is None


def test_a_target_reached_is_no_divergence(data: Data) -> None:
    """The next update overflows, but nobody makes it."""
    lane = train(Adam(target_mse=1e9, learning_rate=3e38), data, 2)
    assert int(lane.status) == TARGET and int(lane.t) == 0


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
