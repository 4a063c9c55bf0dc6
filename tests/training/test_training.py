"""One network's training against optax by hand, and the rules of stopping."""

import jax
import numpy as np
import optax
import pytest

from isorobust.engine.ladder import cut_tree, pad, pad_tree
from isorobust.lipschitz import tiles
from isorobust.lipschitz.network import Network
from isorobust.models import MLP
from isorobust.training import SGD, Adam, Path
from isorobust.training import step as stepping
from isorobust.training.batches import batch_weights
from isorobust.training.loss import path_norm
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
go = jax.jit(step, static_argnums=0)  # compiled once a recipe's kind


@pytest.fixture
def data(rng: np.random.Generator) -> Data:
    x = np.float32(rng.standard_normal((10, 3)))
    return Data(x, np.float32(np.sign(x[:, 0])), np.ones(10, np.float32))


def loss(params: dict, data: Data) -> jax.Array:
    return ((MODEL.apply({"params": params}, data.x) - data.y) ** 2).mean()


def train(recipe: object, data: Data, steps: int) -> Lane:
    recipe = traced(recipe)
    lane = start(MODEL, recipe, MODEL.initial(np.random.default_rng(0), 3))
    for _ in range(steps):
        lane = go(MODEL, recipe, data, lane)
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
    layers = Network(((np.ones((2, 3)), np.zeros(2)), (np.ones((1, 2)), np.zeros(1))))
    assert recipe.objective(np.float32(0.5), layers, np.int32(24)) == 0.5
    late = recipe.objective(np.float32(0.5), layers, np.int32(25))
    assert late == pytest.approx(20 * (0.5 - 0.095) + 3e-3 * 2 * np.sqrt(3), rel=1e-6)


def sgd_by_hand(recipe: SGD, data: Data, steps: int) -> dict:
    params = MODEL.initial(np.random.default_rng(0), 3)
    velocity = jax.tree.map(np.zeros_like, params)
    for t in range(steps):
        weights = batch_weights(data, recipe.batch, t)
        rows = np.flatnonzero(weights)
        some = Data(data.x[rows], data.y[rows], np.ones(len(rows)))
        rate = recipe.learning_rate * (1 + np.cos(np.pi * t / recipe.steps)) / 2
        gradient = jax.grad(loss)(params, some)
        velocity = jax.tree.map(
            lambda v, g: recipe.momentum * v + g, velocity, gradient
        )
        params = jax.tree.map(
            lambda p, v: p - rate * (v + recipe.weight_decay * p),  # noqa: B023
            params,
            velocity,
        )
    return params


@pytest.mark.parametrize("batch", [0, 4, 10, 99])
def test_sgd_is_the_gradient_of_its_batches(data: Data, batch: int) -> None:
    recipe = SGD(1e-9, 0.05, 40, batch, momentum=0.8, weight_decay=0.3, final=0.0)
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=1e-5),
        train(recipe, data, 30).params,
        sgd_by_hand(recipe, data, 30),
    )


def test_sgd_stops_on_all_points(data: Data) -> None:
    recipe = SGD(target_mse=0.3, batch=2, learning_rate=0.02)
    lane = train(recipe, data, 3000)
    assert int(lane.status) == TARGET
    assert 0.2 < loss(lane.params, data) <= 0.3


def test_cross_entropy_is_descended_and_its_clipped_fit_stops(data: Data) -> None:
    recipe = Adam(target_mse=0.05, learning_rate=3e-2, loss="cross_entropy")
    lane = train(recipe, data, 2000)
    f = np.asarray(MODEL.apply({"params": lane.params}, data.x))
    assert int(lane.status) == TARGET
    assert np.mean((np.clip(f, -1, 1) - data.y) ** 2) <= 0.05 * (1 + 1e-6)
    assert np.mean((f - data.y) ** 2) > 0.05  # logits went beyond +-1


def test_classes_are_learnt_and_padding_has_no_say(rng: np.random.Generator) -> None:
    model, wide = MLP(width=6, outputs=3), MLP(width=8, outputs=3)
    x = np.float32(rng.standard_normal((30, 4)))
    data = Data(x, np.float32(x[:, :3].argmax(axis=1)), np.ones(30, np.float32))
    padded = Data(pad(x, (32, 5)), *(pad(part, (32,)) for part in data[1:]))
    recipe = traced(Adam(0.2, 3e-2, loss="cross_entropy"))
    first = model.initial(np.random.default_rng(0), 4)
    like = wide.initial(np.random.default_rng(0), 5)
    lane = start(model, recipe, first)
    other = start(wide, recipe, pad_tree(first, like))
    for t in range(400):
        lane, other = go(model, recipe, data, lane), go(wide, recipe, padded, other)
        if t == 20:
            cut = cut_tree(jax.tree.map(np.asarray, other.params), first)
            jax.tree.map(
                lambda a, b: np.testing.assert_allclose(a, b, atol=5e-5),
                lane.params,
                cut,
            )
    assert int(lane.status) == int(other.status) == TARGET
    f = np.asarray(model.apply({"params": lane.params}, x))
    assert f.shape == (30, 3) and np.mean(f.argmax(axis=1) != data.y) <= 0.2


@pytest.mark.parametrize("tile", [1, 3, 9])
@pytest.mark.parametrize(
    "model", [MODEL, MLP(width=6, outputs=2), MLP(6, 3, skips=True)]
)
def test_tiles_of_points_change_no_value_and_no_gradient(
    model: MLP, tile: int, rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where a layer's activations are too many: a sum over tiles, none left out."""
    x, params = np.float32(rng.standard_normal((10, 3))), model.initial(rng, 3)

    def total(params: dict) -> jax.Array:
        f = stepping.predicted(model, params, x, np.ones(10, np.float32))
        return (f**2).sum()

    whole = jax.value_and_grad(total)(params)
    monkeypatch.setattr(tiles, "AT_ONCE", tile * model.chain_width)
    text = str(jax.make_jaxpr(jax.grad(total))(params))
    assert "scan" in text  # tiles one after the other
    for a, b in zip(
        jax.tree.leaves(whole),
        jax.tree.leaves(jax.value_and_grad(total)(params)),
        strict=True,
    ):
        np.testing.assert_allclose(a, b, rtol=1e-5, atol=1e-6)


def test_batch_norm_sees_all_points(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    model, x = MLP(width=6, batch_norm=True), np.float32(rng.standard_normal((10, 3)))
    monkeypatch.setattr(tiles, "AT_ONCE", 6)
    params, ones = model.initial(rng, 3), np.ones(10, np.float32)
    tiled = stepping.predicted(model, params, x, ones)
    np.testing.assert_array_equal(tiled, model.apply({"params": params}, x, ones))
