"""The test of lanes' isolation has teeth: a bare shard_map over lanes fails it.

Under jax's default check of varying axes a bias that starts as zeros inside the mapped
function counts as the same on every device, and its gradient is summed over devices:
lanes leak into each other, and nothing raises. On one device nothing shows.
"""

from collections.abc import Callable
from functools import partial

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, PartitionSpec

from isorobust.engine import lanes
from isorobust.engine.block import Form, initial, inputs
from isorobust.engine.ladder import pad_tree, rung
from isorobust.experiment import Trial
from isorobust.training.step import RUNNING, Data, Lane, start, step
from tests.experiments import tiny

STEPS = 3
Train = Callable[[object, Data, dict], Lane]


@pytest.fixture(scope="module")
def trials() -> list[Trial]:
    return [Trial(tiny().cells[3], seed) for seed in range(4)]  # n, d on their rung


def advance(model: object, recipe: object, data: Data, weights: dict) -> Lane:
    """One network from its first weights; the biases start here, as zeros."""
    biases = {
        name.replace("weight", "bias"): jnp.zeros(matrix.shape[0], matrix.dtype)
        for name, matrix in weights.items()
    }
    lane = start(model, recipe, weights | biases)
    for _ in range(STEPS):
        lane = step(model, recipe, data, lane)
    return lane


def alone(model: object) -> Train:
    """What this suite does: one program on one device."""
    return jax.jit(jax.vmap(partial(advance, model)))


def bare_shard_map(model: object) -> Train:
    """The mutant."""
    mesh = Mesh(np.array(lanes.devices()[:2]), ("lanes",))
    spec = PartitionSpec("lanes")
    mapped = jax.shard_map(
        jax.vmap(partial(advance, model)),
        mesh=mesh,
        in_specs=(spec, spec, spec),
        out_specs=spec,
    )
    return jax.jit(mapped)


def isolated(train: Train, trials: list[Trial]) -> bool:
    """Whether a NaN in each lane leaves the others as they are."""
    form = Form.of(rung(trials[0].cell), trials[0])
    recipes, data = (
        lanes.stack(part)
        for part in zip(*(inputs(form.rung, t) for t in trials), strict=True)
    )
    weights = lanes.stack(
        {k: v for k, v in padded(t, form).items() if k.startswith("weight")}
        for t in trials
    )
    clean = train(recipes, data, weights)
    assert np.all(np.asarray(clean.t) == STEPS)
    for position in range(len(trials)):
        x = np.array(data.x)
        x[position] = np.nan
        hurt = train(recipes, data._replace(x=x), weights)
        for other in set(range(len(trials))) - {position}:
            same = jax.tree.map(
                lambda a, b, i=other: np.array_equal(a[i], b[i]), clean, hurt
            )
            if not jax.tree.all(same) or hurt.status[other] != RUNNING:
                return False
    return True


def padded(trial: Trial, form: Form) -> dict:
    return pad_tree(initial(trial), form.blank.params)


def model(trials: list[Trial]) -> object:
    return Form.of(rung(trials[0].cell), trials[0]).model


def test_one_program_a_device_is_isolated(trials: list[Trial]) -> None:
    assert isolated(alone(model(trials)), trials)


def test_a_bare_shard_map_is_not(trials: list[Trial]) -> None:
    assert not isolated(bare_shard_map(model(trials)), trials)
