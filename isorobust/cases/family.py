"""A solvable family on a data set: the same data that a trained network would see."""

from dataclasses import dataclass, fields
from typing import Annotated, Any

import numpy as np

from isorobust.data.dataset import Dataset, drawn, generator, known
from isorobust.door import AtLeast, lacks
from isorobust.experiment import CONTRACTS, describe, digest
from isorobust.law.columns import columns
from isorobust.law.setting import Setting, of_data
from isorobust.models.interpolants.solution import Solution

# a bracket on one domain -> the floors' domains that it can be held against. The sphere
# carries the geodesic constant, which the chords of the other floors exceed.
HELD = {"rd": ("rd", "sphere"), "ball": ("rd", "sphere"), "sphere": ("sphere",)}

ASKED = {
    "distribution": CONTRACTS["distribution"],
    "target": CONTRACTS["target"],
    "family": ("solve", "sizes", "shown"),
}

ROUNDING = 1e-9  # a bracket this tight is closed, and a floor this near attained


@dataclass(frozen=True)
class Family:
    """An exactly solvable family (models/interpolants) fitted to n points in d.

    distribution, target, n, d: as of a Cell, and the same data for the same seed
    family: how it is fitted
    """

    distribution: Any
    target: Any
    family: Any
    n: Annotated[int, AtLeast(1)]
    d: Annotated[int, AtLeast(1)]

    kind = "family"

    @property
    def uid(self) -> str:
        """Identity: 16 hexadecimal digits of the SHA-256 of the canonical JSON."""
        return digest(describe(self))

    @property
    def block(self) -> str:
        """The rows that a table may pool: all but sizes is the same."""
        named = {
            f.name: getattr(self.family, f.name)
            for f in fields(self.family)
            if f.name not in self.family.sizes
        }
        said = ", ".join(f"{k}={v}" for k, v in named.items())
        parts = f"{type(self.family).__name__}({said})", self.distribution, self.target
        return "; ".join(str(part) for part in parts)

    @property
    def shown(self) -> tuple[str, ...]:
        """The columns of a table."""
        first = ("n", "d", *self.family.sizes, "p", "law_ratio", "train_mse")
        bracket = ("lower", "upper", "floor", "upper_over_floor")
        return (*first, *bracket, *self.family.shown)

    def check(self) -> str | None:
        """What is wrong with the parts taken together."""
        for name, words in ASKED.items():
            complaint = lacks(getattr(self, name), words, name)
            if complaint:
                return complaint
        if getattr(self.target, "classes", False):
            return "target = Classes: a family has one real output"
        for part in (self.distribution, self.target, self.family):
            complaint = part.objection(self) if hasattr(part, "objection") else None
            if complaint:
                return complaint
        return None

    def rows(self, seeds: int, delta: float) -> list[dict]:
        """One row a seed: sizes, fit, bracket, floors, and the family's own columns."""
        sets = [drawn(self, seed) for seed in range(seeds)]
        x = np.stack([np.asarray(data.x, float) for data in sets])
        y = np.stack([np.asarray(data.y, float) for data in sets])
        stated = known(self, delta)
        radius = stated["radius"]
        if radius is None:
            radius = float(np.linalg.norm(x, axis=2).max())
        solution = self.family.solve(x, y, radius, generator("solve", self.uid))
        return [self._row(solution, i, data, stated) for i, data in enumerate(sets)]

    def _row(self, found: Solution, i: int, data: Dataset, stated: dict) -> dict:
        setting = self._setting(found, i, data, stated)
        sizes = {name: getattr(self.family, name) for name in self.family.sizes}
        lower, upper = _real(found.lower[i]), _real(found.upper[i])
        # nan compares as False: no bracket is closed that lacks a side
        closed = bool(found.upper[i] <= found.lower[i] * (1 + ROUNDING))
        row: dict[str, Any] = {
            "kind": self.kind,
            "block": self.block,
            "family": type(self.family).__name__,
            "cell": self.uid,
            "seed": i,
            "n": self.n,
            "d": self.d,
            **sizes,
            "p": found.p,
            "train_mse": setting.mse,
            "noise_variance": setting.noise_variance,
            "epsilon": setting.epsilon,
            "reached": setting.epsilon > 0,
            "domain": found.domain,
            "lower": lower,
            "upper": upper,
            "exact": upper if closed else None,
        }
        row |= columns(setting)
        row |= _verdict(row, found.domain)
        return row | {k: _real(v[i]) for k, v in found.columns.items()}

    def _setting(self, found: Solution, i: int, data: Dataset, stated: dict) -> Setting:
        x, y = np.asarray(data.x, float), np.asarray(data.y, float)
        rank = min(found.rank or self.d, self.d)
        return Setting(
            **of_data(x, y, data.component, rank, data.noise),
            **stated,
            p=found.p,
            mse=float(found.mse[i]),
            noise_variance=data.noise_variance,
            rho=None if found.rho is None else float(found.rho[i]),
            log_j=None if found.log_j is None else float(found.log_j[i]),
            bits=found.bits,
            rank=rank,
        )


def _real(value: float | np.floating | np.integer | np.bool_) -> float | None:
    """The number; None where there is none."""
    return float(value) if np.isfinite(value) else None


def _verdict(row: dict, domain: str) -> dict:
    """The highest floor that the bracket can be held against, and how they compare."""
    floor = max((row[f"floor_{d}"] or 0.0 for d in HELD[domain]), default=0.0) or None
    upper = row["upper"]
    if upper is None or floor is None:
        return {"floor": floor, "violated": None, "upper_over_floor": None}
    # McShane's function with m = d is the data floor, to roundoff
    violated = bool(upper < floor * (1 - ROUNDING))
    return {"floor": floor, "violated": violated, "upper_over_floor": upper / floor}
