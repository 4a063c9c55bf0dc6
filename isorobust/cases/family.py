"""A solvable family on a data set: the same data that a trained network would see."""

from dataclasses import dataclass, fields
from typing import Annotated, Any

import numpy as np

from isorobust.data.dataset import Dataset, drawn, generator
from isorobust.door import AtLeast
from isorobust.experiment import describe, digest
from isorobust.law import floors, theorem
from isorobust.law.setting import Setting, pair_numbers
from isorobust.models.interpolants.solution import Solution

# a bracket on one domain -> the floors' domains that it can be held against. The sphere
# carries the geodesic constant, which the chords of the other floors exceed.
HELD = {"rd": ("rd", "sphere"), "ball": ("rd", "sphere"), "sphere": ("sphere",)}


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
        c = self.distribution.isoperimetry(self.d)
        radius = float(np.linalg.norm(x, axis=2).max())
        if c is not None:
            radius = self.distribution.radius(self.n, self.d, delta / 2)
        solution = self.family.solve(x, y, radius, generator("solve", self.uid))
        return [
            self._row(solution, i, data, c if c is None else (c, radius), delta)
            for i, data in enumerate(sets)
        ]

    def _row(
        self, found: Solution, i: int, data: Dataset, known: Any, delta: float
    ) -> dict:
        setting = self._setting(found, i, data, known, delta)
        sizes = {name: getattr(self.family, name) for name in self.family.sizes}
        lower, upper = _real(found.lower[i]), _real(found.upper[i])
        closed = upper is not None and lower is not None and upper <= lower * (1 + 1e-9)
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
        row |= {
            "law_ratio": theorem.law_ratio(self.n, self.d, found.p),
            "floor_theorem": theorem.literal_floor(setting),
            "theorem_applies": theorem.literal_applies(setting),
        }
        valid = {
            name: floor
            for name in floors.__all__
            if (floor := getattr(floors, name)(setting)).value is not None
        }
        row |= {f"floor_{name}": None for name in floors.__all__}
        row |= {f"floor_{name}": floor.value for name, floor in valid.items()}
        row |= _verdict(upper, found.domain, valid)
        return row | {k: _real(v[i]) for k, v in found.columns.items()}

    def _setting(
        self, found: Solution, i: int, data: Dataset, known: Any, delta: float
    ) -> Setting:
        x, y = np.asarray(data.x, float), np.asarray(data.y, float)
        gap, eigenvalues = pair_numbers(x, y)
        rank = min(found.rank or self.d, self.d)
        sums = [abs(y[data.component == k].sum()) for k in np.unique(data.component)]
        sensible = found.rho is not None and found.log_j is not None
        c, radius = known if known and sensible else (None, None)
        rho = 0.0 if found.rho is None else float(found.rho[i])
        return Setting(
            n=self.n,
            d=self.d,
            p=found.p,
            width=rank,
            depth=2,
            slope=1.0,
            mse=float(found.mse[i]),
            noise_variance=data.noise_variance,
            signs=bool(np.all(np.abs(y) == 1)),
            independent=self.target.independent,
            imbalance=float(sum(sums) / self.n),
            components=self.distribution.components,
            c=c,
            radius=radius,
            on_sphere=self.distribution.on_sphere,
            rho=rho,
            largest=rho,
            label_gap=gap,
            pair_square=float(eigenvalues.sum()),
            pair_top=float(eigenvalues[:rank].sum()),
            delta=delta,
        )


def _real(value: float | np.floating | np.integer | np.bool_) -> float | None:
    """The number; None where there is none."""
    return float(value) if np.isfinite(value) else None


def _verdict(upper: float | None, domain: str, valid: dict[str, floors.Floor]) -> dict:
    """The highest floor that the bracket can be held against, and how they compare."""
    held = [f.value for f in valid.values() if f.domain in HELD[domain] and f.value]
    floor = max(held, default=None)
    if upper is None or floor is None:
        return {"floor": floor, "violated": None, "upper_over_floor": None}
    violated = bool(upper < floor)
    return {"floor": floor, "violated": violated, "upper_over_floor": upper / floor}
