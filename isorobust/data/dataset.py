"""The data set of a trial: one generator for training, bounds and floors."""

import hashlib
import json
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from isorobust.experiment import Trial, describe

TEST_POINTS = 1000


@dataclass(frozen=True)
class Dataset:
    """The points of one trial, rounded once to float32 and the same everywhere after.

    x: [n, d], y: [n] float32 training points; component: [n] mixture component
    x_test: [m, d], y_test: [m] float32 fresh draws, m = 1000 (or what a file has left)
    noise_variance: sigma^2 [label^2]
    noise: [n] float64 z = y - E[y|x] at the training points; None where the target
        doesn't tell
    """

    x: np.ndarray
    y: np.ndarray
    component: np.ndarray
    x_test: np.ndarray
    y_test: np.ndarray
    noise_variance: float
    noise: np.ndarray | None = None


class Sizes(Protocol):
    """What decides a data set beside the seed: a Cell has it, and a solved Family."""

    @property
    def distribution(self) -> Any:
        """Law of x."""

    @property
    def target(self) -> Any:
        """Law of y given x."""

    @property
    def n(self) -> int:
        """Training points."""

    @property
    def d(self) -> int:
        """Input dimension."""


def data_key(trial: Trial) -> str:
    """Which data a trial sees: trials that differ in model or recipe share it."""
    return _key(trial.cell, trial.seed)


def _key(cell: Sizes, seed: int) -> str:
    parts = [describe(cell.distribution), describe(cell.target), cell.n, cell.d]
    return json.dumps([*parts, seed], sort_keys=True)


def generator(*identity: str) -> np.random.Generator:
    """A Philox generator keyed by a text: the same numbers wherever it is made."""
    words = hashlib.sha256("/".join(identity).encode()).digest()[:16]
    return np.random.Generator(np.random.Philox(key=int.from_bytes(words, "little")))


def known(cell: Sizes, delta: float) -> dict:
    """What is stated of the laws of x and y: fields of law.Setting.

    radius: R with |x_i| <= R but for probability delta / 2; None with an unknown c.
    """
    x, y = cell.distribution, cell.target
    c = x.isoperimetry(cell.d)
    return {
        "independent": y.independent,
        "noise_independent": getattr(y, "noise_independent", False),
        "components": x.components,
        "c": c,
        "radius": None if c is None else x.radius(cell.n, cell.d, delta / 2),
        "on_sphere": x.on_sphere,
        "delta": delta,
    }


def draw(trial: Trial) -> Dataset:
    """The data set of a trial: `drawn` of its cell and seed."""
    return drawn(trial.cell, trial.seed)


def drawn(cell: Sizes, seed: int) -> Dataset:
    """The data set of a cell and seed, at its exact shape; the same on every call.

    The first n rows do not depend on how many test points follow them.
    """
    key = _key(cell, seed)
    sample = cell.distribution.draw(generator("x", key), cell.n + TEST_POINTS, cell.d)
    train, test = sample[: cell.n], sample[cell.n :]
    y = cell.target.label(generator("y", key), train)
    y_test = cell.target.label(generator("y_test", key), test)
    noise = getattr(cell.target, "noise", None)
    return Dataset(
        x=train.x.astype(np.float32),
        y=y.astype(np.float32),
        component=train.component,
        x_test=test.x.astype(np.float32),
        y_test=y_test.astype(np.float32),
        noise_variance=cell.target.noise_variance(train),
        noise=noise and noise(train, y),
    )
