"""The plan of a run: which trials share a program, and what they cost."""

import dataclasses
import math
from dataclasses import dataclass
from typing import Any

import jax

from isorobust.door import BadInput, nearest
from isorobust.engine.ladder import Rung, measuring, rung
from isorobust.experiment import Experiment, Trial
from isorobust.lipschitz import ON_REQUEST, SIDES


@dataclass(frozen=True)
class Group:
    """Trials of one rung, model and kind of recipe: one compiled program trains them.

    index: its place in the plan. trials: fewest parameters a point first, for these
        take longest to fit and would otherwise be left over at the end
    """

    index: int
    rung: Rung
    trials: tuple[Trial, ...]

    @property
    def cost(self) -> float:
        """Floating-point operations of the whole budget, padded shapes counted."""
        return math.fsum(
            flops_per_step(t.cell, self.rung) * t.cell.recipe.steps for t in self.trials
        )

    @property
    def recipe(self) -> str:
        """The name of its kind of recipe."""
        return type(self.trials[0].cell.recipe).__name__

    @property
    def key(self) -> str:
        """Its training program, in words."""
        model = self.trials[0].cell.model
        said = f"{model.depth} {model.activation} {model.outputs} {kind(model)}"
        return f"{self.recipe} {self.rung} {said}"

    @property
    def measure_cost_key(self) -> str:
        """What decides how long measuring one of its networks takes, in words.

        The floors' matching of points grows with n itself, not with the program's rung.
        """
        return f"{self.rung.n} in {self.measure_key}"

    @property
    def measure_key(self) -> str:
        """Its measuring program, in words."""
        cell = self.trials[0].cell
        domain = "sphere" if cell.distribution.on_sphere else "rd"
        shape = f"{self.measured_on} {cell.model.depth} {cell.model.outputs}"
        return f"{shape} {cell.model.activation}{_carries(cell.model)} {domain}"

    @property
    def measured_on(self) -> Rung:
        """The rung of its networks' chains, as wide as their widest hidden layer."""
        model, rung = self.trials[0].cell.model, self.rung
        wide = model.padded(rung.width) if model.pads else model
        units = getattr(wide, "chain_width", wide.width)
        return measuring(dataclasses.replace(rung, width=units))


@dataclass(frozen=True)
class Plan:
    """Every trial of an experiment in one group.

    bounds: the names of the bounds to measure
    """

    experiment: Experiment
    groups: tuple[Group, ...]
    bounds: tuple[str, ...]

    @property
    def trials(self) -> list[Trial]:
        """The experiment's trials, in its order."""
        return self.experiment.trials()

    @property
    def flops(self) -> float:
        """Floating-point operations if every trial runs its whole budget."""
        return math.fsum(group.cost for group in self.groups)

    @property
    def programs(self) -> int:
        """The number of distinct training programs (a group is measured as one)."""
        return len({program(group.trials[0])[:-1] for group in self.groups})

    def without(self, done: set[str]) -> tuple[Group, ...]:
        """The groups with the trials whose uid isn't in `done`."""
        left = []
        for group in self.groups:
            trials = tuple(t for t in group.trials if t.uid not in done)
            if trials:
                left.append(dataclasses.replace(group, trials=trials))
        return tuple(left)


def plan(experiment: Experiment) -> Plan:
    """Groups the trials by program.

    A pure function of the experiment: neither devices nor timings have a say, so that
    a run can be resumed anywhere. Raises BadInput for a bound that nobody knows.
    """
    known = SIDES | ON_REQUEST
    for name in experiment.bounds:
        if name not in known:
            raise BadInput(
                f"experiment.bounds: {name!r} is unknown; {nearest(name, known)}"
            )
    found: dict[tuple, list[Trial]] = {}
    for trial in experiment.trials():
        found.setdefault(program(trial), []).append(trial)
    groups = tuple(
        Group(index, key[0], tuple(sorted(trials, key=_params_a_point)))
        for index, (key, trials) in enumerate(found.items())
    )
    return Plan(experiment, groups, experiment.bounds or tuple(SIDES))


def program(trial: Trial) -> tuple:
    """What has to be equal for two trials to share their compiled programs.

    The rung, the model but for its width, and the recipe but for its numbers; and
    whether x lives on the sphere, because a page is measured by one program.
    """
    cell, model = trial.cell, trial.cell.model
    shape = model.padded(0) if model.pads else model
    recipe = jax.tree.structure(cell.recipe)
    return rung(cell), shape, recipe, cell.distribution.on_sphere


def kind(model: Any) -> str:
    """What a model is called: its class, and which of its parts are there."""
    parts = [type(model).__name__]
    parts += ["skips"] if getattr(model, "skips", False) else []
    return "+".join([*parts, "bn"] if model.batch_norm else parts)


def _carries(model: Any) -> str:
    """A chain with units that carry along is another pytree."""
    return " skips" if getattr(model, "skips", False) else ""


def _params_a_point(trial: Trial) -> float:
    return trial.cell.model.num_params(trial.cell.d) / trial.cell.n


def flops_per_step(cell: Any, shape: Rung | None = None) -> float:
    """Floating-point operations of the matrix products of a step, padded or exact."""
    model = cell.model
    if shape is None:
        return model.flops_per_step(cell.n, cell.d)
    model = model.padded(shape.width) if model.pads else model
    return model.flops_per_step(shape.n, shape.d)


def disk_bytes(whole: Plan) -> float:
    """About what a run leaves on the disk: parameters, and rows in JSON."""
    rows = 2000 + 700 * len(whole.bounds)
    total = 0.0
    for group in whole.groups:
        cell = group.trials[0].cell
        params = cell.model.num_params(group.rung.d)
        total += len(group.trials) * (4 * params + rows + 50 * cell.d)
    return total
