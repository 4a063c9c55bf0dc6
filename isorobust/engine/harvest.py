"""Seats on their way to the disk and back: pages of stopped ones, the state of all."""

import time
from collections.abc import Callable, Iterable
from typing import Any

import jax
import numpy as np

from isorobust.engine.block import Form, Seat
from isorobust.engine.lanes import stack
from isorobust.engine.plan import Group
from isorobust.engine.store import Store
from isorobust.engine.train import Crew
from isorobust.training.step import STOPS

PAGE = 16  # networks a page: they are written, and measured, together
LEAST_SECONDS = 1.0  # between two states
SHARE = 0.015  # of the time that states may take


class Harvest:
    """Takes in what a crew trains: full pages are written at once, states now and then.

    about: the columns that every row of a page gets
    """

    def __init__(self, store: Store, crew: Crew, about: Callable[[], dict]) -> None:
        self.store, self.crew, self.about = store, crew, about
        self._open: dict[int, list[Seat]] = {}
        self._saved, self._cost = time.monotonic(), 0.0

    def put(self, group: Group, seats: Iterable[Seat]) -> None:
        """Takes in seats that have stopped."""
        there = self._open.setdefault(group.index, [])
        there += seats
        while len(there) >= PAGE:
            self._write(there)

    def save(self, at_once: bool = False) -> None:
        """Writes the state, where the last one is old enough: at most SHARE of time."""
        began = time.monotonic()
        if at_once or began - self._saved > max(LEAST_SECONDS, self._cost / SHARE):
            self.store.write_state(to_state(self.crew.alive()))
            self._saved = time.monotonic()
            self._cost = self._saved - began

    def end(self) -> None:
        """Writes the pages that aren't full, and removes the state."""
        for there in self._open.values():
            if there:
                self._write(there)
        self.store.write_state([])

    def _write(self, there: list[Seat]) -> None:
        page = there[:PAGE]
        del there[:PAGE]
        params = stack(seat.lane.params for seat in page)
        about = self.about()
        self.store.write_page(params, [_row(seat) | about for seat in page])
        self.crew.forget(page)


def _row(seat: Seat) -> dict:
    return {
        "uid": seat.trial.uid,
        "stop": STOPS[int(seat.lane.status)],
        "steps": int(seat.lane.t),
        "train_seconds": seat.seconds,
    }


def to_state(alive: Iterable[tuple[Group, Seat]]) -> list[tuple[Any, list[dict]]]:
    """(stacked leaves of the lanes, one dict a lane) of each group."""
    found: dict[int, list[Seat]] = {}
    for group, seat in alive:
        found.setdefault(group.index, []).append(seat)
    return [
        (
            _named(stack(seat.lane for seat in seats)),
            [{"uid": s.trial.uid, "train_seconds": s.seconds} for s in seats],
        )
        for seats in found.values()
    ]


def from_state(
    groups: Iterable[Group], parts: Iterable[tuple[Any, list[dict]]]
) -> dict[str, Seat]:
    """{uid: seat} of the trials of these groups that the state holds."""
    trials = {trial.uid: (group, trial) for group in groups for trial in group.trials}
    forms: dict[int, Form] = {}
    seats = {}
    for leaves, rows in parts:
        for i, row in enumerate(rows):
            if row["uid"] not in trials:
                continue  # its page was written after the state
            group, trial = trials[row["uid"]]
            if group.index not in forms:
                forms[group.index] = Form.of(group.rung, trial)
            shape = jax.tree.structure(forms[group.index].blank)
            mine = [np.array(leaf[i]) for _, leaf in sorted(leaves.items())]
            lane = jax.tree.unflatten(shape, mine)
            seats[trial.uid] = Seat(trial, lane, row["train_seconds"])
    return seats


def _named(lanes: Any) -> dict[str, np.ndarray]:
    return {f"{i:03d}": leaf for i, leaf in enumerate(jax.tree.leaves(lanes))}
