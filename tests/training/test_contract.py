"""What every recipe of training.__all__ keeps, whatever it does."""

import dataclasses
from typing import Any

import jax
import numpy as np
import pytest

from isorobust import training
from isorobust.engine.ladder import cut_tree, pad, pad_tree
from isorobust.models import MLP
from isorobust.training.recipes import traced
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

MODEL, N, D = MLP(width=6), 20, 3
go = jax.jit(step, static_argnums=0)  # compiled once a recipe's kind and shape
RECIPES = [getattr(training, name)() for name in training.__all__]
RECIPES += [training.Adam(loss="cross_entropy"), training.SGD(loss="cross_entropy")]
every_recipe = pytest.mark.parametrize(
    "recipe", RECIPES, ids=lambda r: f"{type(r).__name__}-{r.loss}"
)


@pytest.fixture
def data(rng: np.random.Generator) -> Data:
    x = np.float32(rng.standard_normal((N, D)))
    return Data(x, np.float32(np.sign(x[:, 0])), np.ones(N, np.float32))


def begin(recipe: Any, model: Any = MODEL, d: int = D) -> Lane:
    params = pad_tree(
        MODEL.initial(np.random.default_rng(0), D),
        model.initial(np.random.default_rng(0), d),
    )
    return start(model, traced(recipe), params)


def train(recipe: Any, data: Data, steps: int, lane: Lane, model: Any = MODEL) -> Lane:
    for _ in range(steps):
        lane = go(model, traced(recipe), data, lane)
    return lane


@every_recipe
def test_the_target_freezes_unless_the_whole_budget_is_run(
    recipe: Any, data: Data
) -> None:
    recipe = dataclasses.replace(recipe, target_mse=0.5, steps=600)
    before, after = (train(recipe, data, k, begin(recipe)) for k in (600, 640))
    jax.tree.map(np.testing.assert_array_equal, before, after)
    assert int(after.status) == (BUDGET if recipe.whole_budget else TARGET)
    assert (int(after.t) == 600) == recipe.whole_budget


@every_recipe
def test_the_budget_ends_a_lane(recipe: Any, data: Data) -> None:
    recipe = dataclasses.replace(recipe, target_mse=1e-9, steps=7)
    for k in (6, 7, 12):
        lane = train(recipe, data, k, begin(recipe))
        assert int(lane.t) == min(k, 7)
        assert int(lane.status) == (RUNNING if k < 7 else BUDGET)


@every_recipe
@pytest.mark.parametrize("rate", [1e3, 1e10, 1e19, 1e30, 1e38])
def test_its_own_steps_can_not_leave_a_lane_without_finite_parameters(
    recipe: Any, data: Data, rate: float
) -> None:
    recipe = dataclasses.replace(recipe, target_mse=1e-9, learning_rate=rate, steps=60)
    lane = begin(recipe)
    for _ in range(60):
        last, lane = lane, train(recipe, data, 1, lane)
        assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(lane.params))
        if int(lane.status) == DIVERGED:
            jax.tree.map(np.testing.assert_array_equal, lane[:3], last[:3])
    assert int(lane.status) != RUNNING
    assert rate < 1e30 or int(lane.status) == DIVERGED


@every_recipe
@pytest.mark.parametrize("where", ["x", "y"])
def test_poisoned_data_leave_the_first_parameters(
    recipe: Any, data: Data, where: str
) -> None:
    poison = np.array(getattr(data, where))
    poison.flat[0] = np.nan
    first = begin(recipe)
    lane = train(recipe, data._replace(**{where: poison}), 3, first)
    assert int(lane.status) == DIVERGED and int(lane.t) == 0
    jax.tree.map(np.testing.assert_array_equal, lane.params, first.params)


@every_recipe
def test_padding_changes_nothing_beyond_rounding(recipe: Any, data: Data) -> None:
    recipe = dataclasses.replace(recipe, target_mse=1e-9, steps=20)
    wide = MODEL.padded(8)
    padded = Data(pad(data.x, (32, 5)), *(pad(part, (32,)) for part in data[1:]))
    exact = train(recipe, data, 15, begin(recipe))
    padding = train(recipe, padded, 15, begin(recipe, wide, 5), wide)
    assert int(padding.t) == int(exact.t) == 15
    cut = cut_tree(jax.tree.map(np.asarray, padding.params), exact.params)
    moved = jax.tree.map(np.subtract, exact.params, begin(recipe).params)
    assert max(np.abs(leaf).max() for leaf in jax.tree.leaves(moved)) > 1e-2
    jax.tree.map(
        lambda a, b: np.testing.assert_allclose(a, b, atol=5e-5), exact.params, cut
    )


@every_recipe
def test_a_recipe_is_a_pytree_of_its_numbers(recipe: Any) -> None:
    leaves = jax.tree.leaves(recipe)
    assert leaves and all(isinstance(leaf, (int, float)) for leaf in leaves)
    other = dataclasses.replace(recipe, target_mse=0.7)
    assert jax.tree.structure(other) == jax.tree.structure(recipe)
    assert all(
        np.asarray(leaf).dtype.itemsize == 4 for leaf in jax.tree.leaves(traced(recipe))
    )
