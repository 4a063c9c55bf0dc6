"""Measuring: what programs of bounds may hold, and points that upper bounds bring."""

from typing import Any

import jax
import numpy as np
import pytest

from isorobust.data import BalancedSigns, Sphere, Teacher
from isorobust.data.dataset import TEST_POINTS, draw
from isorobust.engine.fit import fitted
from isorobust.engine.lanes import Lower, Search, stack
from isorobust.engine.plan import plan
from isorobust.experiment import Cell, Experiment, Trial
from isorobust.law import floors
from isorobust.law.setting import Setting
from isorobust.lipschitz import lower, network, upper
from isorobust.lipschitz.domain import RD, SPHERE, slopes
from isorobust.lipschitz.network import Network
from isorobust.models import CNN, MLP
from isorobust.training import Adam
from tests.lipschitz.test_bounds import chain

SHAPES = [("relu", (4, 9, 1)), ("relu", (4, 6, 5, 1)), ("tanh", (4, 6, 1))]
SHAPES += [("relu", (4, 6, 3))]


def block(activation: str, sizes: tuple[int, ...]) -> list[Network]:
    rng = np.random.default_rng(0)
    return [chain(rng, *sizes, activation=activation) for _ in range(2)]


@pytest.mark.parametrize(("activation", "sizes"), SHAPES, ids=str)
def test_programs_of_lanes_call_no_lapack(
    activation: str, sizes: tuple[int, ...]
) -> None:
    """Two such programs at once stood still: jaxlib waits in its own pool's threads."""
    nets = block(activation, sizes)
    single = stack([jax.tree.map(np.float32, net) for net in nets])
    d = sizes[0]
    x, y, ones = np.ones((2, 8, d)), np.ones((2, 8)), np.ones((2, 8))
    data = tuple(np.float32(part) for part in (x, y, ones))
    draws = (
        np.ones((2, TEST_POINTS, d), np.float32),
        np.ones((2, TEST_POINTS), np.float32),
    )
    looked = jax.jit(Lower(tuple(lower.__all__), (RD, SPHERE))).lower(
        single, data, draws
    )
    sectors = stack(
        [{"rd": jax.tree.map(np.float32, tuple(slopes(net)))} for net in nets]
    )
    searched = jax.jit(Search(tuple(upper.SEARCHES))).lower(single, sectors)
    for program in (looked, searched):
        assert "lapack" not in program.as_text().lower()


def test_what_branching_brings_closes_the_bracket() -> None:
    for net in block("relu", (4, 9, 1)):
        for name, find in upper.WITNESSED.items():
            bound, point = find(net, RD)
            assert bound == getattr(upper, name)(net, RD)
            value, _ = lower.attained(net, RD, point)
            assert bound * (1 - 1e-9) <= value <= bound


def test_the_radius_is_measured_on_request_alone() -> None:
    cell = Cell(Sphere(), BalancedSigns(), MLP(width=4), 16, 4, Adam(steps=1))
    assert "radius" not in plan(Experiment("ALL", 1, (cell,))).bounds
    asked = Experiment("ASKED", 1, (cell,), bounds=("radius",))
    assert plan(asked).bounds == ("radius",)


@pytest.mark.parametrize("scale", [1e-3, 40.0])
def test_the_gap_is_of_the_clipped_function(scale: float) -> None:
    """Against a loop over points; of next to nothing, and of what is mostly clipped."""
    cell = Cell(Sphere(), Teacher(), MLP(width=4), 16, 4, Adam(steps=1))
    net, trial = block("relu", (4, 9, 1))[0], Trial(cell, 0)
    *hidden, (w, b) = net.layers
    net = Network((*hidden, (scale * w, scale * b)), "relu")
    data = draw(trial)

    def error(points: np.ndarray, labels: np.ndarray) -> float:
        pairs = zip(points, labels, strict=True)
        f = network.value
        found = [
            (max(-1.0, min(1.0, float(f(net, x[None])[0]))) - y) ** 2 for x, y in pairs
        ]
        return sum(map(float, found)) / len(found)

    row = fitted(trial, {}, data, net, 0.01)
    expected = error(data.x_test, data.y_test) - error(data.x, data.y)
    assert row["clipped_gap"] == pytest.approx(expected, abs=1e-6)
    assert row["test_points"] == TEST_POINTS


class Tied(MLP):
    """Rows of the first layer are one row; its chain has more entries than it has p."""

    def folded_params(self, d: int) -> int:
        return d + 2 * self.width + 1

    num_params = folded_params


@pytest.mark.parametrize(
    ("model", "known"),
    [
        (MLP(width=4), True),
        (MLP(width=4, depth=3, skips=True), True),
        (CNN((4,), width=2, depth=2), True),
        (Tied(width=4), False),
    ],
)
def test_parameters_that_are_not_p_are_no_class(model: Any, known: bool) -> None:
    """Then the floors of the class are silent, and say why."""
    trial = Trial(Cell(Sphere(), BalancedSigns(), model, 64, 4, Adam(steps=1)), 0)
    data, params = draw(trial), model.initial(np.random.default_rng(0), 4)
    net = model.network(params)
    row = fitted(trial, params, data, net, 0.01)["setting"]
    s = Setting(**row | {"mse": 0.0})
    assert s.has_ball == known
    floor = floors.sharp(s)
    assert (floor.value is not None) == known
    assert known or floor.reason.startswith("no J of the class is known")
