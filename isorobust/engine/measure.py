"""Measuring a page: bounds and fit of its trained networks; nothing here writes."""

import time
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from isorobust.activations import ACTIVATIONS
from isorobust.data.dataset import TEST_POINTS, Dataset, draw
from isorobust.door import BadInput
from isorobust.engine.block import initial, padded_data
from isorobust.engine.ladder import Rung, cut_tree, measuring, pad
from isorobust.engine.lanes import (
    DTYPE,
    Lower,
    Programs,
    block_size,
    out_of_memory,
    stack,
    unstack,
)
from isorobust.engine.plan import Group
from isorobust.experiment import Trial
from isorobust.law.setting import pair_numbers
from isorobust.lipschitz import SIDES, lower, network, upper
from isorobust.lipschitz.domain import RD, SPHERE, Domain
from isorobust.lipschitz.network import Network


@dataclass(frozen=True)
class Page:
    """Trained networks of one group, in the order of the page's folder `name`."""

    name: str
    group: Group
    trials: tuple[Trial, ...]

    @property
    def program(self) -> str:
        """What has to be equal for two pages to share their measuring program."""
        return self.group.measure_key

    @property
    def cost(self) -> float:
        """About how much work it is, in units that only pages share."""
        rung = measuring(self.group.rung)
        return float(rung.n * rung.d * rung.width * len(self.trials))


def measured(page: Page, *arguments: Any) -> dict[str, list[dict]]:
    """`measure`; a device without the memory for it is said in one line."""
    try:
        return measure(page, *arguments)
    except Exception as error:
        if not out_of_memory(error):
            raise
        raise BadInput(
            f"out of memory while measuring {measuring(page.group.rung)}: make n, d or "
            "the width smaller, or use a device with more memory"
        ) from error


@np.errstate(over="ignore", invalid="ignore")  # a diverged network's: see `finite`
def measure(
    page: Page,
    params: Any,
    asked: list[str],
    bounds: tuple[str, ...],
    delta: float,
    programs: Programs,
) -> dict[str, list[dict]]:
    """{part: one dict a trial} for the parts asked for: "fit", "bound_<name>".

    params: the page's stacked parameters as stored. Bounds and fit speak of the stored
    float32 parameters, taken as exact, in float64. bounds: all of the experiment's:
    witnesses are looked for by one program, whichever of them are asked for.
    """
    parts: dict[str, list[dict]] = {part: [] for part in asked}
    names = [part.removeprefix("bound_") for part in asked if part != "fit"]
    size = block_size()
    lowers = tuple(name for name in bounds if SIDES[name] == "lower")
    lowers = lowers if set(lowers) & set(names) else ()
    for first in range(0, len(page.trials), size):
        trials = page.trials[first : first + size]
        sets = [draw(trial) for trial in trials]
        chains = [
            _chain(trial, unstack(params, first + i), sets[i])
            for i, trial in enumerate(trials)
        ]
        witnesses = _witnesses(page, trials, sets, chains, lowers, size, programs)
        for i, trial in enumerate(trials):
            if "fit" in parts:
                began = time.perf_counter()
                row = _fit(trial, sets[i], chains[i], delta)
                parts["fit"].append(row | _seconds(began))
            for name in names:
                began = time.perf_counter()
                if SIDES[name] == "lower":
                    row = _attained(trial, sets[i], chains[i], witnesses, name, i)
                else:
                    row = _certified(trial, chains[i], name)
                row["side"] = SIDES[name]
                parts[f"bound_{name}"].append(row | _seconds(began))
    return parts


def finite(value: float | np.floating) -> float | None:
    """The number, or None where it overflowed: JSON knows no infinity."""
    return float(value) if np.isfinite(value) else None


def _seconds(began: float) -> dict:
    return {"measure_seconds": time.perf_counter() - began}


def _domains(trial: Trial) -> tuple[Domain, ...]:
    return (RD, SPHERE) if trial.cell.distribution.on_sphere else (RD,)


def _certified(trial: Trial, net: Network, name: str) -> dict:
    """{domain: value} of an upper bound."""
    bound = getattr(upper, name)
    return {str(domain): finite(bound(net, domain)) for domain in _domains(trial)}


def _chain(trial: Trial, params: Any, data: Dataset) -> Network:
    """The network as a float64 chain of its real (unpadded) layers."""
    model = trial.cell.model
    exact = cut_tree(params, initial(trial))
    wide = {name: _wide(branch) for name, branch in exact.items()}
    return Network(model.layers(wide, np.asarray(data.x, float)), model.activation)


def _wide(branch: Any) -> Any:
    if isinstance(branch, dict):
        return {name: _wide(leaf) for name, leaf in branch.items()}
    return np.asarray(branch, float)


def _witnesses(
    page: Page,
    trials: tuple[Trial, ...],
    sets: list[Dataset],
    chains: list[Network],
    names: tuple[str, ...],
    size: int,
    programs: Programs,
) -> dict:
    """{name: {domain: [m, d]}} of the lower bounds that run on the device."""
    if not names:
        return {}
    fill = [0] * (size - len(trials))
    order = [*range(len(trials)), *fill]
    rung = measuring(page.group.rung)
    data = stack([padded_data(rung, sets[i]) for i in order])
    draws = stack([_padded_draws(rung, sets[i]) for i in order])
    nets = stack([_padded_net(rung, chains[i]) for i in order])
    return programs(Lower(names, _domains(trials[0])), nets, data, draws)


def _padded_draws(rung: Rung, data: Dataset) -> tuple[np.ndarray, np.ndarray]:
    weights = np.ones(len(data.x_test), DTYPE)
    return pad(data.x_test, (TEST_POINTS, rung.d)), pad(weights, (TEST_POINTS,))


def _padded_net(rung: Rung, net: Network) -> Network:
    hidden = [rung.width] * (len(net.layers) - 1)
    rows, columns = [*hidden, net.outputs], [rung.d, *hidden]
    layers = tuple(
        (pad(w.astype(DTYPE), (rows[i], columns[i])), pad(b.astype(DTYPE), (rows[i],)))
        for i, (w, b) in enumerate(net.layers)
    )
    return replace(net, layers=layers)


def _attained(
    trial: Trial,
    data: Dataset,
    net: Network,
    witnesses: dict,
    name: str,
    i: int,
) -> dict:
    """{domain: value, "witness_<domain>": [d]}; null with a reason without points."""
    if name == "random" and not len(data.x_test):
        return {"rd": None, "reason": "the data has no points left to draw"}
    row: dict[str, Any] = {}
    for domain in _domains(trial):
        points = witnesses[name][str(domain)]
        found, at = lower.attained(net, domain, np.asarray(points)[i, : trial.cell.d])
        row |= {str(domain): finite(found), f"witness_{domain}": at.tolist()}
    return row


def _fit(trial: Trial, data: Dataset, net: Network, delta: float) -> dict:
    """What the law has to know of the network (law.Setting), and its test MSE."""
    cell, x, y = trial.cell, np.asarray(data.x, float), np.asarray(data.y, float)
    kind = ACTIVATIONS[net.activation]
    gap, eigenvalues = pair_numbers(x, y)
    even = network.balanced(net)
    flat = np.concatenate([part.ravel() for layer in even.layers for part in layer])
    sums = [abs(y[data.component == c].sum()) for c in np.unique(data.component)]
    c = cell.distribution.isoperimetry(cell.d)

    def error(x: np.ndarray, y: np.ndarray) -> float | None:
        f = network.value(net, np.asarray(x, float))
        return finite(np.mean(network.squared_error(f, y, cell.recipe.loss)))

    return {
        "test_mse": error(data.x_test, data.y_test) if len(data.x_test) else None,
        "setting": {
            "n": cell.n,
            "d": cell.d,
            "p": cell.model.folded_params(cell.d),
            "outputs": cell.model.outputs,
            "width": cell.model.width,
            "depth": cell.model.depth,
            "slope": max(abs(kind.low), abs(kind.high)),
            "mse": error(x, y),
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
