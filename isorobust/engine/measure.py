"""Measuring a page: bounds and fit of its trained networks; nothing here writes."""

import functools
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from isorobust.data.dataset import TEST_POINTS, Dataset, draw
from isorobust.door import BadInput
from isorobust.engine.block import padded_data
from isorobust.engine.fit import exact, finite, fitted, network_of
from isorobust.engine.ladder import Rung, pad
from isorobust.engine.lanes import (
    DTYPE,
    Lower,
    Programs,
    Search,
    block_size,
    out_of_memory,
    stack,
    unstack,
)
from isorobust.engine.plan import Group
from isorobust.experiment import Trial
from isorobust.lipschitz import ON_REQUEST, SIDES, lower, upper
from isorobust.lipschitz.domain import RD, SPHERE, Domain, slopes
from isorobust.lipschitz.network import Network
from isorobust.lipschitz.radius import radii


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
        """About how much work it is, in units that only pages share.

        Fits what nine shapes took with all bounds to 20 %; d hardly counts.
        """
        rung = self.group.measured_on
        return float((1024 + rung.n) * (64 + rung.width) * len(self.trials))


def measured(page: Page, *arguments: Any) -> dict[str, list[dict]]:
    """`measure`; a device without the memory for it is said in one line."""
    try:
        return measure(page, *arguments)
    except Exception as error:
        if not out_of_memory(error):
            raise
        raise BadInput(
            f"out of memory while measuring {page.group.measured_on}: make n, d or "
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
    witnesses (and multipliers) are looked for by one program, whichever of them are
    asked for.
    """
    parts: dict[str, list[dict]] = {part: [] for part in asked}
    names = [part.removeprefix("bound_") for part in asked if part != "fit"]
    size = block_size(page.group.measured_on)
    lowers = tuple(name for name in bounds if SIDES.get(name) == "lower")
    lowers = lowers if set(lowers) & set(names) else ()
    searches = tuple(name for name in bounds if name in upper.SEARCHES)
    searches = searches if set(searches) & set(names) else ()
    for first in range(0, len(page.trials), size):
        trials = page.trials[first : first + size]
        sets = [draw(trial) for trial in trials]
        own = [exact(t, unstack(params, first + i)) for i, t in enumerate(trials)]
        nets = [network_of(*three) for three in zip(trials, own, sets, strict=True)]
        block = _Block(page.group.measured_on, trials, sets, nets, size)
        found = _witnesses(block, lowers, programs)
        found |= _multipliers(block, searches, programs)
        for i, trial in enumerate(trials):
            if "fit" in parts:
                began = time.perf_counter()
                row = fitted(trial, own[i], sets[i], nets[i], delta)
                parts["fit"].append(row | _seconds(began))
            for name in names:
                began = time.perf_counter()
                side = (SIDES | ON_REQUEST)[name]
                bound = _attained if side == "lower" else _certified
                bound = _radii if name in ON_REQUEST else bound
                row = bound(block, i, name, found.get(name, {})) | {"side": side}
                parts[f"bound_{name}"].append(row | _seconds(began))
    return parts


def _seconds(began: float) -> dict:
    return {"measure_seconds": time.perf_counter() - began}


@dataclass(frozen=True)
class _Block:
    """The networks of one call of a device, and the padded shape they have there."""

    rung: Rung
    trials: tuple[Trial, ...]
    sets: list[Dataset]
    nets: list[Network]
    size: int

    @property
    def domains(self) -> tuple[Domain, ...]:
        """Where their constants are asked for."""
        on_sphere = self.trials[0].cell.distribution.on_sphere
        return (RD, SPHERE) if on_sphere else (RD,)

    @functools.cached_property
    def padded(self) -> Network:
        """All of its networks as one pytree."""
        return self.stacked(lambda i: _padded_net(self.rung, self.nets[i]))

    def stacked(self, padded: Callable[[int], Any]) -> Any:
        """One pytree of all lanes from that of network i; the first fills up."""
        fill = [0] * (self.size - len(self.trials))
        return stack([padded(i) for i in [*range(len(self.trials)), *fill]])


def _witnesses(block: _Block, names: tuple[str, ...], programs: Programs) -> dict:
    """{name: {domain: [m, d]}} of the lower bounds."""
    if not names:
        return {}
    rung, sets = block.rung, block.sets
    data = block.stacked(lambda i: padded_data(rung, sets[i]))
    draws = block.stacked(lambda i: _padded_draws(rung, sets[i]))
    return programs(Lower(names, block.domains), block.padded, data, draws)


def _multipliers(block: _Block, names: tuple[str, ...], programs: Programs) -> dict:
    """{name: {domain: multipliers}} of the upper bounds that have a search."""
    if not names:
        return {}

    def sectors(i: int) -> dict:
        wide = (block.rung.width,)
        return {
            str(domain): tuple(
                tuple(pad(end.astype(DTYPE), wide) for end in sector)
                for sector in slopes(block.nets[i], domain)
            )
            for domain in block.domains
        }

    return programs(Search(names), block.padded, block.stacked(sectors))


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
    linear = net.linear
    if linear is not None:
        linear = tuple(pad(mask.astype(DTYPE), (rung.width,)) for mask in linear)
    return replace(net, layers=layers, linear=linear)


def _certified(block: _Block, i: int, name: str, found: dict) -> dict:
    """{domain: value} of an upper bound, from the multipliers found for it if any.

    "attained_<domain>" and "witness_<domain>": of the point that it comes with, if any.
    """
    net, bound = block.nets[i], getattr(upper, name)
    hidden, row = [len(w) for w in net.weights[:-1]], {}
    for domain in block.domains:
        if name in upper.WITNESSED:
            value, point = upper.WITNESSED[name](net, domain)
            row[str(domain)] = finite(value)
            if point is not None:
                value, at = lower.attained(net, domain, point)
                row[f"attained_{domain}"] = finite(value)
                row[f"witness_{domain}"] = at.tolist()
            continue
        more = {}
        if found:
            own = [np.asarray(leaf)[i] for leaf in found[str(domain)]]
            cut = [leaf[:k] for leaf, k in zip(own, hidden, strict=False)]
            more = {"multipliers": (*cut, *own[len(hidden) :])}
        row[str(domain)] = finite(bound(net, domain, **more))
    return row


def _attained(block: _Block, i: int, name: str, found: dict) -> dict:
    """{domain: value, "witness_<domain>": [d]}; null with a reason without points."""
    trial, data, net = block.trials[i], block.sets[i], block.nets[i]
    if name == "random" and not len(data.x_test):
        return {"rd": None, "reason": "the data has no points left to draw"}
    row: dict[str, Any] = {}
    for domain in block.domains:
        witness = np.asarray(found[str(domain)])[i, ..., : trial.cell.d]
        value, at = lower.attained(net, domain, witness)
        row |= {str(domain): finite(value), f"witness_{domain}": at.tolist()}
    return row


def _radii(block: _Block, i: int, name: str, found: dict) -> dict:
    """`_attained` of "radius": witness [2, d], the steepest chord from a training point
    to where its sign flips; "sizes", "radii": of all points classified as labelled.
    """
    data, net = block.sets[i], block.nets[i]
    if net.outputs > 1:
        return {"rd": None, "reason": "of several outputs no sign is the class"}
    seen = radii(net, np.asarray(data.x, float), np.asarray(data.y, float))
    if seen.steepest is None:
        return seen.numbers | {"rd": None, "reason": "no sign flips"}
    value, pair = lower.attained(net, RD, seen.steepest)
    return seen.numbers | {"rd": finite(value), "witness_rd": pair.tolist()}
