"""Which law of n, d, p predicts cells that it hasn't seen."""

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from isorobust.results.cells import Average, averages, enough, independent, tells
from isorobust.results.losses import non_negative

SHARE = 0.2  # of the cells, those of largest sqrt(nd/p), that the rest has to predict
FOLDS = 100  # at most so many parts of clusters, each held out once
SEED = 0
FACTORS = ("n", "d", "p", "law_ratio")
Solve = Callable[[np.ndarray, np.ndarray], np.ndarray]


def _least(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    return np.linalg.lstsq(x, y)[0]


@dataclass(frozen=True)
class Model:
    """A candidate: what its columns are, on which scale of L it is fitted, and how.

    power: L^power is a line in the columns; 0 means log L is
    """

    columns: Callable[[dict[str, np.ndarray]], list[np.ndarray]]
    power: int
    solve: Solve = _least

    def logs(self, x: np.ndarray, y: np.ndarray, new: np.ndarray) -> np.ndarray | None:
        """log L of `new` cells, fitted to log L = y; None where it isn't positive."""
        there = np.exp(self.power * y) if self.power else y
        found = new @ self.solve(x, there)
        if self.power == 0:
            return found
        return np.log(found) / self.power if np.all(found > 0) else None


MODELS = {
    "constant": Model(lambda f: [], 0),
    "log-log in sqrt(nd/p)": Model(lambda f: [np.log(f["law_ratio"])], 0),
    "log-log in n, d, p": Model(lambda f: [np.log(f[name]) for name in "ndp"], 0),
    "a + b sqrt(nd/p)": Model(lambda f: [f["law_ratio"]], 1),
    "a^2 + b^2 nd/p": Model(lambda f: [f["law_ratio"] ** 2], 2, non_negative),
}


@dataclass(frozen=True)
class Choice:
    """The models by the rms error of log L on cells that they were not fitted to.

    best: of the least error on held-out clusters
    simplest: of the fewest coefficients among those whose mean squared error is above
        the best's by at most its standard error over clusters (Breiman et al. 1984,
        section 3.4.3): of nested models the larger one is often the best
    held_out: each cluster predicted from all others; of more than 100, a hundredth
    largest: the fifth of the cells with the largest sqrt(nd/p) predicted from the rest
    None: it can't be fitted, or predicts L <= 0
    """

    best: str
    simplest: str
    held_out: dict[str, float | None]
    largest: dict[str, float | None]
    cells: int
    clusters: int
    unit: str


def choose(rows: list[dict], response: str) -> Choice | None:
    """The models of MODELS held against each other; None with too few cells."""
    cells = averages(rows, response, FACTORS)
    if not cells:
        return None
    y = np.array([cell.log for cell in cells])
    codes, unit = independent(list(range(len(cells))), [c.data for c in cells], 4)
    if not enough(np.ones((len(y), 1)), codes):
        return None
    count = int(codes.max()) + 1
    rng = np.random.Generator(np.random.Philox(key=SEED))
    part = rng.permutation(count)[codes] % FOLDS
    ratio = np.array([cell.factors["law_ratio"] for cell in cells])
    top = ratio >= np.quantile(ratio, 1 - SHARE, method="higher")
    held, largest, sizes = {}, {}, {}
    for name, model in MODELS.items():
        x = _design(model, cells)
        sizes[name] = x.shape[1]
        held[name] = _missed(model, x, y, [part == g for g in range(part.max() + 1)])
        largest[name] = _missed(model, x, y, [top])
    able = {n: np.bincount(codes, m**2) for n, m in held.items() if m is not None}
    best = min(able, key=lambda name: float(able[name].sum()))
    spare = float(np.std(able[best])) * count**0.5
    near = [name for name in able if able[name].sum() <= able[best].sum() + spare]
    simplest = min(near, key=lambda name: (sizes[name], float(able[name].sum())))
    return Choice(
        best,
        simplest,
        {name: _rms(missed) for name, missed in held.items()},
        {name: _rms(missed) for name, missed in largest.items()},
        len(cells),
        count,
        unit,
    )


def _design(model: Model, cells: list[Average]) -> np.ndarray:
    factors = {name: np.array([c.factors[name] for c in cells]) for name in FACTORS}
    return np.column_stack([np.ones(len(cells)), *model.columns(factors)])


def _rms(missed: np.ndarray | None) -> float | None:
    return None if missed is None else float(np.sqrt(np.nanmean(missed**2)))


def _missed(
    model: Model, x: np.ndarray, y: np.ndarray, parts: list[np.ndarray]
) -> np.ndarray | None:
    """By how much log L [cells] of each part is missed by the fit to all others.

    NaN outside of the parts.
    """
    missed = np.full(len(y), np.nan)
    for part in parts:
        rest = x[~part]
        if not tells(rest):
            return None
        found = model.logs(rest, y[~part], x[part])
        if found is None:
            return None
        missed[part] = found - y[part]
    return missed
