"""A page's two programs: train its trials, and measure what was trained.

Both are pure functions of the page (and its parameters); nothing here writes.
"""

import time
from collections.abc import Callable
from typing import Any

import numpy as np

from isorobust.activations import ACTIVATIONS
from isorobust.data.dataset import TEST_POINTS, Dataset, data_key, draw, generator
from isorobust.engine.ladder import Rung, cut_tree, measuring, pad, pad_tree
from isorobust.engine.lanes import (
    DTYPE,
    Chunk,
    Lower,
    Programs,
    Start,
    block_size,
    stack,
    unstack,
)
from isorobust.engine.plan import Page
from isorobust.experiment import Trial, describe, digest
from isorobust.law.setting import pair_numbers
from isorobust.lipschitz import SIDES, lower, network, upper
from isorobust.training.step import BUDGET, RUNNING, STOPS, Data, Lane

CHUNK_SECONDS = 0.5  # between two looks at a micro-block; doesn't change a bit
Tick = Callable[[int], None]


def train(page: Page, programs: Programs, tick: Tick) -> tuple[Any, list[dict]]:
    """(stacked parameters, one dict a trial: stop, steps, train_seconds).

    tick(steps) is called with the network-steps done since the last call.
    """
    size = block_size()
    params, rows = [], []
    for first in range(0, len(page.trials), size):
        some = page.trials[first : first + size]
        began = time.perf_counter()
        lanes = _train_block(page.rung, some, programs, tick)
        seconds = time.perf_counter() - began
        steps = np.asarray(lanes.t)[: len(some)]
        share = seconds / max(1, steps.sum())
        for i in range(len(some)):
            params.append(unstack(lanes.params, i))
            stop = STOPS[int(lanes.status[i])]
            row = {"stop": stop, "steps": int(steps[i])}
            rows.append(row | {"train_seconds": float(share * steps[i])})
    return stack(params), rows


def prepare(
    rung: Rung, trials: tuple[Trial, ...], programs: Programs
) -> tuple[Any, Any, Data, Lane]:
    """(model, recipes, data, lanes) of a micro-block before its first step.

    Fewer than block_size() trials are filled up with stopped copies: m is a constant.
    """
    size, model = block_size(), trials[0].cell.model
    if model.pads:
        model = model.padded(rung.width)
    filled = [*trials, *[trials[-1]] * (size - len(trials))]
    like = model.initial(np.random.default_rng(0), rung.d)
    params = stack([pad_tree(initial(trial), like) for trial in filled])
    data = stack([_padded_data(rung, draw(trial)) for trial in filled])
    recipes = stack([_traced(trial.cell.recipe) for trial in filled])
    lanes = programs(Start(), recipes, params)
    status = np.where(np.arange(size) < len(trials), RUNNING, BUDGET)
    return model, recipes, data, lanes._replace(status=status.astype(np.int32))


def _train_block(
    rung: Rung, trials: tuple[Trial, ...], programs: Programs, tick: Tick
) -> Lane:
    model, recipes, data, lanes = prepare(rung, trials, programs)
    steps, seen = 32, 0
    while True:
        began = time.perf_counter()
        lanes = programs(Chunk(model), recipes, data, lanes, np.int32(steps))
        status, t = np.asarray(lanes.status), np.asarray(lanes.t)
        tick(int(t[: len(trials)].sum()) - seen)
        seen = int(t[: len(trials)].sum())
        if not np.any(status == RUNNING):
            return lanes
        seconds = time.perf_counter() - began
        steps = int(np.clip(steps * CHUNK_SECONDS / seconds, 1, 4 * steps))


def initial(trial: Trial) -> dict:
    """A trial's first parameters; trials that differ in the recipe alone share them."""
    cell = trial.cell
    key = digest([describe(cell.model), data_key(trial)])
    return cell.model.initial(generator("init", key), cell.d)


def _traced(recipe: Any) -> Any:
    """The recipe with its numbers as 32-bit scalars, which vmap can stack."""
    values = {
        name: np.int32(value) if isinstance(value, int) else DTYPE(value)
        for name, value in vars(recipe).items()
    }
    return type(recipe)(**values)


def _padded_data(rung: Rung, data: Dataset) -> Data:
    n, d = rung.n, rung.d
    weights = np.ones(len(data.y), DTYPE)
    return Data(pad(data.x, (n, d)), pad(data.y, (n,)), pad(weights, (n,)))


@np.errstate(over="ignore", invalid="ignore")  # a diverged network's: see `finite`
def measure(
    page: Page, params: Any, names: tuple[str, ...], delta: float, programs: Programs
) -> dict[str, list[dict]]:
    """{"fit": [...], "bound_<name>": [...]}, one dict a trial in each.

    names: bounds to measure. params: the page's stacked parameters as stored. Bounds
    and fit speak of the stored float32 parameters, taken as exact, in float64.
    """
    parts: dict[str, list[dict]] = {f"bound_{name}": [] for name in names}
    parts["fit"] = []
    size = block_size()
    lowers = tuple(name for name in names if SIDES[name] == "lower")
    for first in range(0, len(page.trials), size):
        trials = page.trials[first : first + size]
        sets = [draw(trial) for trial in trials]
        chains = [
            _chain(trial, unstack(params, first + i), sets[i])
            for i, trial in enumerate(trials)
        ]
        witnesses = _witnesses(page, trials, sets, chains, lowers, size, programs)
        for i, trial in enumerate(trials):
            began = time.perf_counter()
            row = _fit(trial, sets[i], chains[i], delta)
            parts["fit"].append(row | _seconds(began))
            for name in names:
                began = time.perf_counter()
                if SIDES[name] == "lower":
                    row = _attained(trial, sets[i], chains[i], witnesses, name, i)
                else:
                    activation = trial.cell.model.activation
                    row = {"rd": finite(getattr(upper, name)(chains[i], activation))}
                row["side"] = SIDES[name]
                parts[f"bound_{name}"].append(row | _seconds(began))
    return parts


def finite(value: float | np.floating) -> float | None:
    """The number, or None where it overflowed: JSON knows no infinity."""
    return float(value) if np.isfinite(value) else None


def _seconds(began: float) -> dict:
    return {"measure_seconds": time.perf_counter() - began}


def _chain(trial: Trial, params: Any, data: Dataset) -> network.Layers:
    """The network as a float64 chain of its real (unpadded) layers."""
    model = trial.cell.model
    exact = cut_tree(params, initial(trial))
    wide = {name: _wide(branch) for name, branch in exact.items()}
    return model.layers(wide, np.asarray(data.x, float))


def _wide(branch: Any) -> Any:
    if isinstance(branch, dict):
        return {name: _wide(leaf) for name, leaf in branch.items()}
    return np.asarray(branch, float)


def _witnesses(
    page: Page,
    trials: tuple[Trial, ...],
    sets: list[Dataset],
    chains: list[network.Layers],
    names: tuple[str, ...],
    size: int,
    programs: Programs,
) -> dict:
    """{name: {domain: [m, d]}} of the lower bounds that run on the device."""
    if not names:
        return {}
    fill = [0] * (size - len(trials))
    order = [*range(len(trials)), *fill]
    rung = measuring(page.rung)
    data = stack([_padded_data(rung, sets[i]) for i in order])
    draws = stack([_padded_draws(rung, sets[i]) for i in order])
    layers = stack([_padded_chain(rung, chains[i]) for i in order])
    cell = trials[0].cell
    program = Lower(names, cell.model.activation, cell.distribution.on_sphere)
    return programs(program, layers, data, draws)


def _padded_draws(rung: Rung, data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    weights = np.ones(len(data.x_test), DTYPE)
    return pad(data.x_test, (TEST_POINTS, rung.d)), pad(weights, (TEST_POINTS,))


def _padded_chain(rung: Rung, chain: network.Layers) -> Any:
    rows = [rung.width] * (len(chain) - 1) + [1]
    columns = [rung.d] + [rung.width] * (len(chain) - 1)
    return tuple(
        (pad(w.astype(DTYPE), (rows[i], columns[i])), pad(b.astype(DTYPE), (rows[i],)))
        for i, (w, b) in enumerate(chain)
    )


def _attained(
    trial: Trial,
    data: Dataset,
    chain: network.Layers,
    witnesses: dict,
    name: str,
    i: int,
) -> dict:
    """{domain: value, "witness_<domain>": [d]}; null with a reason without points."""
    if name == "random" and not len(data.x_test):
        return {"rd": None, "reason": "the data has no points left to draw"}
    row: dict[str, Any] = {}
    for domain, points in witnesses[name].items():
        point = np.asarray(points)[i, : trial.cell.d]
        found, at = lower.attained(
            chain, trial.cell.model.activation, domain == "sphere", point
        )
        row |= {domain: finite(found), f"witness_{domain}": at.tolist()}
    return row


def _fit(trial: Trial, data: Dataset, chain: network.Layers, delta: float) -> dict:
    """What the law has to know of the network (law.Setting), and its test MSE."""
    cell, x, y = trial.cell, np.asarray(data.x, float), np.asarray(data.y, float)
    activation = cell.model.activation
    kind = ACTIVATIONS[activation]
    gap, eigenvalues = pair_numbers(x, y)
    even = network.balanced(chain, activation)
    flat = np.concatenate([part.ravel() for layer in even for part in layer])
    sums = [abs(y[data.component == c].sum()) for c in np.unique(data.component)]
    c = cell.distribution.isoperimetry(cell.d)
    test = None
    if len(data.x_test):
        error = network.value(chain, activation, np.asarray(data.x_test, float))
        test = finite(np.mean((error - data.y_test) ** 2))
    return {
        "test_mse": test,
        "setting": {
            "n": cell.n,
            "d": cell.d,
            "p": cell.model.folded_params(cell.d),
            "width": cell.model.width,
            "depth": cell.model.depth,
            "slope": max(abs(kind.low), abs(kind.high)),
            "mse": finite(np.mean((network.value(chain, activation, x) - y) ** 2)),
            "noise_variance": data.noise_variance,
            "signs": bool(np.all(np.abs(y) == 1)),
            "independent": cell.target.independent,
            "imbalance": float(sum(sums) / cell.n),
            "components": cell.distribution.components,
            "c": c,
            "radius": None
            if c is None
            else cell.distribution.radius(cell.n, cell.d, delta / 2),
            "on_sphere": cell.distribution.on_sphere,
            "rho": finite(np.linalg.norm(flat)),
            "largest": finite(np.abs(flat).max()),
            "label_gap": gap,
            "pair_square": float(eigenvalues.sum()),
            "pair_top": float(eigenvalues[: min(cell.model.width, cell.d)].sum()),
            "delta": delta,
        },
    }
