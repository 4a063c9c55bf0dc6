"""A rehearsal: every program compiled and timed for a moment, as a run will use it.

What it compiles lands in the compile cache, so a run that follows is that much faster.
"""

import dataclasses
import time
from collections.abc import Callable
from dataclasses import dataclass

from isorobust.engine.block import Block, Form, Pace, fresh
from isorobust.engine.forecast import Past
from isorobust.engine.lanes import Programs, block_size, stack
from isorobust.engine.measure import Page, measure
from isorobust.engine.plan import Group, Plan
from isorobust.engine.spread import spread
from isorobust.experiment import Trial

SECONDS = 0.15  # of training that are timed, a program
LOADING = 0.12  # seconds to trace a program and load it from the compile cache


@dataclass(frozen=True)
class Part:
    """A task of the rehearsal: to train, or to measure, a block of a group."""

    group: Group
    measuring: bool

    @property
    def program(self) -> str:
        """Every part has a program of its own."""
        return self.group.measure_key if self.measuring else self.group.key

    @property
    def cost(self) -> float:
        """All alike."""
        return 1.0


def parts(whole: Plan, past: Past) -> list[Part]:
    """What there is to rehearse: every program but those measured in the past."""
    once = {group.measure_cost_key: group for group in whole.groups}
    training = [Part(group, False) for group in whole.groups]
    return training + [
        Part(group, True) for key, group in once.items() if key not in past.measures
    ]


def rehearse(
    whole: Plan,
    programs: list[Programs],
    past: Past,
    done: Callable[[float, int], None] = lambda work, count: None,
) -> tuple[Past, dict[int, int]]:
    """(speeds and measures of every program, bytes of a micro-block of each group).

    All devices work at once, as in a run: alone a core is faster. What `past` knows is
    only compiled (for the bytes), not timed again. done: told (1, 1) after every part.
    """
    found = Past({}, dict(past.speeds), dict(past.measures), LOADING)
    sizes: dict[int, int] = {}

    def work(part: Part, own: Programs) -> float:
        if part.measuring:
            return _measuring(part.group, whole, own)
        block = Block(Form.of(part.group.rung, part.group.trials[0]), own, Pace())
        some = part.group.trials[: block.size]
        block.fill([fresh(block.form, _endless(trial)) for trial in some])
        sizes[part.group.index] = block.bytes()
        return 0.0 if part.group.key in past.speeds else _training(block)

    for part, seconds in spread(parts(whole, past), programs, work):
        done(1.0, 1)
        if part.measuring:
            found.measures[part.group.measure_cost_key] = seconds
        elif seconds:
            found.speeds[part.program] = seconds
    return found, sizes


def _endless(trial: Trial) -> Trial:
    """The trial without an end: the same program, never stopped."""
    # no fit is below 0, where cross-entropy's can be 0
    recipe = dataclasses.replace(trial.cell.recipe, target_mse=-1.0, steps=10**9)
    return Trial(dataclasses.replace(trial.cell, recipe=recipe), trial.seed)


def _training(block: Block) -> float:
    """Seconds a network-step; 0 where that can't be told (every lane diverged)."""
    block.advance(SECONDS, False)
    steps, seconds = block.advance(SECONDS, False)
    return seconds / steps if steps else 0.0


def _measuring(group: Group, whole: Plan, own: Programs) -> float:
    """Seconds a network, of untrained ones."""
    form = Form.of(group.rung, group.trials[0])
    some = group.trials[: block_size(group.measured_on)]
    params = stack(fresh(form, trial).lane.params for trial in some)
    asked = ["fit", *(f"bound_{name}" for name in whole.bounds)]
    page = Page("", group, some)
    compiled, began = own.compile_seconds, time.perf_counter()
    measure(page, params, asked, whole.bounds, whole.experiment.delta, own)
    took = time.perf_counter() - began - (own.compile_seconds - compiled)
    return took / len(some)
