"""A micro-block: m slots of one program on one device, filled, trained, refilled.

Nothing here decides a bit: a lane's numbers depend on its trial alone.
"""

import dataclasses
import time
from dataclasses import dataclass
from typing import Any

import numpy as np

from isorobust.data.dataset import Dataset, data_key, draw, generator
from isorobust.engine.ladder import Rung, pad, pad_tree
from isorobust.engine.lanes import (
    DTYPE,
    Chunk,
    Programs,
    blank,
    block_size,
    device_bytes,
    stack,
    unstack,
)
from isorobust.experiment import Trial, describe, digest
from isorobust.training.recipes import traced
from isorobust.training.step import BUDGET, RUNNING, Data, Lane

REFILL_SECONDS = 2e-3  # about what harvesting and refilling a micro-block costs
FOREVER = 2**31 - 1


@dataclass(frozen=True)
class Form:
    """What the lanes of one program share: the padded model and the arrays' shapes.

    blank: a lane of zeros, at t = 0
    """

    rung: Rung
    model: Any
    blank: Lane

    @staticmethod
    def of(rung: Rung, trial: Trial) -> "Form":
        """The form of a trial's lane on the rung."""
        model = trial.cell.model
        model = model.padded(rung.width) if model.pads else model
        params = model.initial(np.random.default_rng(0), rung.d)
        return Form(rung, model, blank(model, traced(trial.cell.recipe), params))


@dataclass(frozen=True)
class Seat:
    """A trial in training or trained, on the host.

    lane: numpy arrays at the shapes of the rung; seconds: its share of the training
    """

    trial: Trial
    lane: Lane
    seconds: float = 0.0

    @property
    def stopped(self) -> bool:
        """Whether its recipe has stopped it."""
        return int(self.lane.status) != RUNNING


def fresh(form: Form, trial: Trial) -> Seat:
    """A trial before its first step."""
    params = pad_tree(initial(trial), form.blank.params)
    return Seat(trial, form.blank._replace(params=params))


@dataclass
class Pace:
    """Seconds that a step of a micro-block takes on a device, learnt as it goes."""

    seconds: float | None = None

    def learn(self, steps: int, seconds: float) -> None:
        """Takes in that so many steps took so long."""
        if steps:
            new = seconds / steps
            self.seconds = new if self.seconds is None else (self.seconds + new) / 2


class Block:
    """m slots on one device. seats: who sits there, as of the last look."""

    def __init__(self, form: Form, programs: Programs, pace: Pace) -> None:
        self.form, self.programs, self.pace = form, programs, pace
        self.size = block_size(form.rung)
        self.seats: list[Seat] = []
        self._inputs: dict[str, tuple[Any, Data]] = {}
        self._placed: tuple | None = None
        self._status = self._t = np.zeros(0, np.int32)

    @property
    def free(self) -> int:
        """Empty slots."""
        return self.size - len(self.seats)

    def fill(self, seats: list[Seat]) -> None:
        """Seats more trials in free slots."""
        if seats:
            self._seat([*self.look(), *seats])

    def advance(self, seconds: float, waiting: bool) -> tuple[int, float]:
        """Trains for about so many seconds; (network-steps made, seconds they took).

        waiting: somebody waits for a slot, so it pays to end when stopped lanes have
            stood idle for as long as refilling them takes
        """
        model, *arguments = self.place()
        steps, patience = 32, FOREVER
        if self.pace.seconds:
            steps = int(max(1, min(seconds / self.pace.seconds, FOREVER)))
            idle = self.size * REFILL_SECONDS / self.pace.seconds
            patience = int(max(1, min(idle, FOREVER))) if waiting else FOREVER
        run = self.programs.executable(
            Chunk(model), *arguments, np.int32(steps), np.int32(patience)
        )
        began = time.perf_counter()
        lanes = run(*arguments, np.int32(steps), np.int32(patience))
        status, t = np.asarray(lanes.status), np.asarray(lanes.t)
        took = time.perf_counter() - began
        self._placed = (model, *arguments[:2], lanes)
        return self._account(status, t, took), took

    def _account(self, status: np.ndarray, t: np.ndarray, took: float) -> int:
        made = (t - self._t)[: len(self.seats)]
        total = int(made.sum())
        self.pace.learn(int(made.max()), took)
        self.seats = [
            dataclasses.replace(
                seat, seconds=seat.seconds + took * steps / (total or 1)
            )
            for seat, steps in zip(self.seats, made.tolist(), strict=True)
        ]
        self._status, self._t = status, t
        return total

    def bytes(self) -> int:
        """Memory that a chunk takes on the device, by the compiler's analysis."""
        model, *arguments = self.place()
        numbers = np.int32(1), np.int32(1)
        made = self.programs.executable(Chunk(model), *arguments, *numbers)
        return device_bytes(made)

    def look(self) -> list[Seat]:
        """The seats with their lanes as they are now, brought to the host."""
        if self._placed is not None:
            lanes = self._placed[-1]
            self.seats = [
                dataclasses.replace(seat, lane=unstack(lanes, i))
                for i, seat in enumerate(self.seats)
            ]
        return self.seats

    def harvest(self) -> list[Seat]:
        """Takes out the seats that have stopped."""
        if np.all(self._status[: len(self.seats)] == RUNNING):
            return []
        seats = self.look()
        self._seat([seat for seat in seats if not seat.stopped])
        return [seat for seat in seats if seat.stopped]

    def park(self) -> list[Seat]:
        """Takes out every seat."""
        seats = self.look()
        self._seat([])
        return seats

    def _seat(self, seats: list[Seat]) -> None:
        assert len(seats) <= self.size
        kept = {seat.trial.uid for seat in seats}
        self._inputs = {uid: has for uid, has in self._inputs.items() if uid in kept}
        self.seats, self._placed = seats, None

    def place(self) -> tuple:
        """(model, recipes, data, lanes) on the device, for `Chunk`."""
        if self._placed is None:
            for seat in self.seats:
                if seat.trial.uid not in self._inputs:
                    self._inputs[seat.trial.uid] = inputs(self.form.rung, seat.trial)
            mine = [self._inputs[seat.trial.uid] for seat in self.seats]
            lanes: list[Any] = [seat.lane for seat in self.seats]
            # m is a constant: an empty slot holds a stopped copy
            mine += mine[-1:] * self.free
            idle = lanes[-1]._replace(status=np.asarray(BUDGET, np.int32))
            lanes += [idle] * self.free
            recipes, data = (stack(part) for part in zip(*mine, strict=True))
            state = stack(lanes)
            self._status, self._t = state.status, state.t
            self._placed = (
                self.form.model, *self.programs.put((recipes, data, state))
            )  # fmt: skip
        return self._placed


def inputs(rung: Rung, trial: Trial) -> tuple[Any, Data]:
    """(recipe, data) of a trial as a lane takes them."""
    return traced(trial.cell.recipe), padded_data(rung, draw(trial))


def initial(trial: Trial) -> dict:
    """A trial's first parameters; trials that differ in the recipe alone share them."""
    cell = trial.cell
    key = digest([describe(cell.model), data_key(trial)])
    return cell.model.initial(generator("init", key), cell.d)


def padded_data(rung: Rung, data: Dataset) -> Data:
    """The training set on the rung; padded points have weight 0."""
    n, d = rung.n, rung.d
    weights = np.ones(len(data.y), DTYPE)
    return Data(pad(data.x, (n, d)), pad(data.y, (n,)), pad(weights, (n,)))
