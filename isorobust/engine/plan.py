"""The plan of a run: which trials share a program and a page, and what it costs."""

import math
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from isorobust.door import BadInput, nearest
from isorobust.engine.ladder import Rung, rung
from isorobust.experiment import Experiment, Trial
from isorobust.lipschitz import SIDES

PAGE = 8  # trials a page: what one device trains between two writes


@dataclass(frozen=True)
class Page:
    """Up to PAGE trials of one rung, model and kind of recipe, trained together.

    index: its place in the plan, and the name of its folder
    """

    index: int
    rung: Rung
    trials: tuple[Trial, ...]

    @property
    def program(self) -> tuple:
        """What has to be equal for two pages to share their compiled programs."""
        cell = self.trials[0].cell
        return self.rung, type(cell.recipe).__name__, _shape_of(cell.model)

    @property
    def cost(self) -> float:
        """Floating-point operations of the whole budget, padded shapes counted."""
        return sum(
            flops_per_step(t.cell, self.rung) * t.cell.recipe.steps for t in self.trials
        )

    @property
    def name(self) -> str:
        """The name of its folder."""
        return f"{self.index:05d}"


@dataclass(frozen=True)
class Plan:
    """Every trial of an experiment on a page, in canonical order within its program.

    bounds: the names of the bounds to measure
    """

    experiment: Experiment
    pages: tuple[Page, ...]
    bounds: tuple[str, ...]

    @property
    def trials(self) -> list[Trial]:
        """The experiment's trials, in its order."""
        return self.experiment.trials()

    @property
    def programs(self) -> list[tuple]:
        """The distinct training programs, in the order of the plan."""
        return list(dict.fromkeys(page.program for page in self.pages))

    @property
    def flops(self) -> float:
        """Floating-point operations if every trial runs its whole budget."""
        return math.fsum(page.cost for page in self.pages)


def plan(experiment: Experiment) -> Plan:
    """Groups the trials by program and cuts each group into pages.

    A pure function of the experiment: neither devices nor timings have a say, so that
    a run can be resumed anywhere. Raises BadInput for a bound that nobody knows.
    """
    for name in experiment.bounds:
        if name not in SIDES:
            raise BadInput(
                f"experiment.bounds: {name!r} is unknown; {nearest(name, SIDES)}"
            )
    groups: dict[tuple, list[Trial]] = {}
    for trial in experiment.trials():
        alone = Page(0, rung(trial.cell), (trial,))
        # a page is measured by one program: on the sphere, or not
        kind = (alone.program, trial.cell.distribution.on_sphere)
        groups.setdefault(kind, []).append(trial)
    pages: list[Page] = []
    for ((shape, *_), _), trials in groups.items():
        for some in _cut(trials, PAGE):
            pages.append(Page(len(pages), shape, tuple(some)))
    return Plan(experiment, tuple(pages), experiment.bounds or tuple(SIDES))


def flops_per_step(cell: Any, shape: Rung | None = None) -> float:
    """Floating-point operations of the matrix products of one training step.

    2 n a b for a layer of a inputs and b outputs forward, twice that backward, less the
    gradient with respect to x, which nobody needs.
    """
    n, d, k = (
        (shape.n, shape.d, shape.width) if shape else (cell.n, cell.d, cell.model.width)
    )
    hidden = cell.model.depth - 2
    return 4.0 * n * d * k + 6.0 * n * k * k * hidden + 6.0 * n * k


def _shape_of(model: Any) -> Any:
    return model.padded(0) if model.pads else model


def _cut(trials: list[Trial], size: int) -> Iterable[list[Trial]]:
    return (trials[i : i + size] for i in range(0, len(trials), size))
