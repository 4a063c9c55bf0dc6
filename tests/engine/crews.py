"""Training outside a run: what the tests of the engine share."""

import threading
from collections.abc import Iterable

import jax
import numpy as np

from isorobust.engine import lanes
from isorobust.engine.block import Seat
from isorobust.engine.plan import Group, program
from isorobust.engine.train import Crew, Queue
from isorobust.experiment import Trial


def equal(a: object, b: object) -> bool:
    """Whether two pytrees hold the same bits."""
    return jax.tree.all(jax.tree.map(np.array_equal, a, b))


def group(trials: Iterable[Trial]) -> Group:
    """The trials as one group, in this order."""
    trials = tuple(trials)
    return Group(0, program(trials[0])[0], trials)


def trained(
    groups: Iterable[Group],
    devices: Iterable[int] = (0,),
    begun: dict[str, Seat] | None = None,
    stop: threading.Event | None = None,
) -> dict[str, Seat]:
    """{uid: seat} of everything that begins, on the numbered devices."""
    groups, devices = list(groups), list(devices)
    programs = [lanes.Programs(lanes.devices()[i]) for i in devices]
    queue = Queue(groups, begun or {}, len(devices))
    crew = Crew(queue, programs, stop or threading.Event(), lambda *_: None)
    done = [seat for event in crew.finished(60) if event for seat in event[1]]
    assert len({seat.trial.uid for seat in done}) == len(done)
    return {seat.trial.uid: seat for _, seat in crew.alive()}
