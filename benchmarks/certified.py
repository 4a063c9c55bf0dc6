"""RESULTS

Question. What does training through the certificate (recipe `Certified`) buy over the
smallest path norm (`Path`), and does the law's own rate appear? ReLU networks, sphere,
balanced signs, MSE <= .1 (eps = .9), all constants on R^d. Four parts:

rows    eight two-layer shapes, 4 seeds, both recipes; "before": a prototype's median
grid    36 two-layer shapes with p / n near 1.3, 1.8, 2.6, 4.2; 2 seeds
deep    eight three-layer shapes, 2 seeds, both recipes
small   n = 16 d at small d, where networks stay far above eps sqrt(nd/p): is it the
        training (four times the steps), the domain (attained on the sphere, tangential,
        against R^d), the two layers (three at about the same p) or the data ("any f":
        the least constant of ANY function with that MSE on those points)?

Medians over a cell's networks that reached the target. Seconds are those of training,
of a network, against Path's in the same run.

Command.  python benchmarks/certified.py [--only=rows] [--workdir=runs/x] [--json]
Cost.     COST
"""

import argparse
import json
import statistics
import sys
from collections.abc import Callable, Iterable
from pathlib import Path as Folder

import numpy as np
from scipy.optimize import minimize

from isorobust.data import BalancedSigns, Sphere
from isorobust.data.dataset import draw
from isorobust.experiment import Cell, Experiment, Trial
from isorobust.models import MLP
from isorobust.pipeline import run
from isorobust.results.scaling import power_law
from isorobust.training import Certified, Path

TARGET = 0.1
# (n, d, width): the upper bound that a prototype of the recipe reached
BEFORE = {
    (256, 32, 12): 6.85,
    (256, 32, 32): 4.34,
    (256, 32, 64): 4.1,
    (256, 32, 128): 3.88,
    (256, 32, 256): 3.91,
    (512, 64, 12): 8.16,
    (512, 64, 32): 4.81,
    (512, 64, 128): 3.97,
}
SIZES = (
    (256, 64), (512, 128), (512, 64), (1024, 128), (256, 32),
    (1024, 64), (512, 32), (256, 16), (1024, 32),
)  # fmt: skip
RATIOS = (1.3, 1.8, 2.6, 4.2)
DEEP = {
    (256, 16): (11, 24),
    (256, 32): (10, 20),
    (512, 64): (12, 24),
    (512, 128): (8, 16),
}
SMALL = {(256, 16): (1.3, 4.2, 16), (512, 32): (1.3, 4.2, 16)}
Row = dict


def cell(n: int, d: int, width: int, recipe: object, depth: int = 2) -> Cell:
    """A cell of the benchmark."""
    return Cell(Sphere(), BalancedSigns(), MLP(width, depth), n, d, recipe)


def width(n: int, d: int, ratio: float, depth: int = 2) -> int:
    """The width at which p is nearest to ratio * n."""
    count = [MLP(k, depth).folded_params(d) for k in range(1, 2000)]
    return 1 + int(np.argmin(np.abs(np.array(count) - ratio * n)))


def experiments() -> dict[str, Experiment]:
    """Every part's."""
    both = (Path(TARGET), Certified(TARGET))
    rows = [cell(*size, recipe) for size in BEFORE for recipe in both]
    grid = [
        cell(n, d, width(n, d, ratio), Certified(TARGET))
        for n, d in SIZES
        for ratio in RATIOS
    ]
    deep = [
        cell(n, d, k, recipe, 3)
        for (n, d), widths in DEEP.items()
        for k in widths
        for recipe in both
    ]
    small = [
        cell(n, d, width(n, d, ratio, depth), recipe, depth)
        for (n, d), ratios in SMALL.items()
        for ratio in ratios
        for depth, recipe in (
            (2, Certified(TARGET)),
            (2, Certified(TARGET, steps=16000)),
            (3, Certified(TARGET)),
        )
    ]
    parts = {
        "rows": (rows, 4),
        "grid": (grid, 2),
        "deep": (deep, 2),
        "small": (small, 2),
    }
    return {
        name: Experiment(f"CERTIFIED-{name}", 1, tuple(cells), seeds=seeds)
        for name, (cells, seeds) in parts.items()
    }


def by_cell(records: Iterable[Row]) -> list[Row]:
    """A cell's medians over its networks that reached the target."""
    cells: dict[str, list[Row]] = {}
    for row in records:
        cells.setdefault(row["cell"], []).append(row)
    found = []
    for rows in cells.values():
        fitted = [row for row in rows if row["reached"]]
        same = ("recipe", "n", "d", "width", "depth", "p", "law_ratio")
        about = {name: rows[0][name] for name in same}
        about |= {"fitted": len(fitted), "tried": len(rows)}
        for name in ("lower", "upper", "lower_sphere", "train_seconds", "steps"):
            values = [row[name] for row in fitted] or [float("nan")]
            about[name] = statistics.median(values)
        found.append(about)
    return found


def reach(row: Row) -> float:
    """upper / (eps sqrt(nd/p))."""
    return row["upper"] / ((1 - TARGET) * row["law_ratio"])


def pairs_table(records: list[Row]) -> list[str]:
    """The table of the parts `rows` and `deep`: Certified beside Path."""
    cells = by_cell(records)
    lines = [
        "| (n, d, width) | sqrt(nd/p) | Path: lower, upper | Certified: lower, upper | "
        "upper/lower | upper/(.9 sqrt(nd/p)) | before | fitted | seconds: Path's |",
        "| --- |" + " ---: |" * 8,
    ]
    kinds = [[c for c in cells if c["recipe"].startswith(k)] for k in ("Path", "Cert")]
    for path, own in zip(*kinds, strict=True):
        size = own["n"], own["d"], own["width"]
        words = [
            f"{size}",
            f"{own['law_ratio']:.2f}",
            f"{path['lower']:.2f}, {path['upper']:.2f}",
            f"{own['lower']:.2f}, {own['upper']:.2f}",
            f"{own['upper'] / own['lower']:.3f}",
            f"{reach(own):.2f}",
            f"{BEFORE.get(size, '-') if own['depth'] == 2 else '-'}",
            f"{own['fitted']}/{own['tried']}",
            f"{own['train_seconds'] / path['train_seconds']:.2f}",
        ]
        lines.append(f"| {' | '.join(words)} |")
    return [*lines, "", closed(records)]


def closed(records: list[Row]) -> str:
    """How far apart the two sides are."""
    own = [r for r in records if r["recipe"].startswith("Cert") and r["reached"]]
    apart = [row["upper"] / row["lower"] for row in own]
    return (
        f"Upper / lower over {len(own)} networks: median {np.median(apart):.4f}, "
        f"95 % below {np.percentile(apart, 95):.3f}"
    )


def grid_table(records: list[Row]) -> list[str]:
    """The table of the part `grid`, and the slope where n <= 4d."""
    cells = by_cell(records)
    heads = " | ".join(f"p/n = {ratio}" for ratio in RATIOS)
    lines = [f"| (n, d) | {heads} |", "| --- |" + " ---: |" * len(RATIOS)]
    for i in range(0, len(cells), len(RATIOS)):
        some = cells[i : i + len(RATIOS)]
        words = " | ".join(f"{reach(c):.2f}" for c in some)
        lines.append(f"| {(some[0]['n'], some[0]['d'])} | {words} |")
    lines += ["", closed(records)]
    for name, least in (("n <= 4d", 4), ("n <= 8d", 8)):
        near = [row for row in records if row["n"] <= least * row["d"]]
        rng = np.random.default_rng(0)
        fit = power_law(near, "upper", ("law_ratio",), rng)
        if fit is not None:
            slope, worst = fit.terms["law_ratio"], max(map(reach, by_cell(near)))
            lines.append(
                f"{name}: upper/(.9 sqrt(nd/p)) <= {worst:.2f}; slope of log upper on "
                f"log sqrt(nd/p) {slope.estimate:.2f} [{slope.low:.2f}, "
                f"{slope.high:.2f}], R2 {fit.r2:.3f}, {fit.cells} cells"
            )
    return lines


def small_table(records: list[Row]) -> list[str]:
    """The table of the part `small`."""
    lines = [
        "| (n, d) | layers, width | steps | p/n | .9 sqrt(nd/p) | attained on R^d | "
        "on the sphere | upper | any f |",
        "| --- | ---: |" + " ---: |" * 7,
    ]
    floors: dict = {}
    for c in by_cell(records):
        size = c["n"], c["d"]
        if size not in floors:
            floors[size] = smoothest(*size)
        words = [
            f"{size}",
            f"{c['depth']}, {c['width']}",
            f"{c['steps']}",
            f"{c['p'] / c['n']:.1f}",
            f"{(1 - TARGET) * c['law_ratio']:.2f}",
            f"{c['lower']:.2f}",
            f"{c['lower_sphere']:.2f}",
            f"{c['upper']:.2f}",
            f"{floors[size]:.2f}",
        ]
        lines.append(f"| {' | '.join(words)} |")
    return lines


def smoothest(n: int, d: int) -> float:
    """The least constant (chordal) of any f with MSE <= TARGET on seed 0's points.

    f of constant L has values f_i - f_j <= L |x_i - x_j|; of all that keep this between
    opposite labels, the least MSE. Its dual is maximised: sound wherever that stops.
    """
    data = draw(Trial(cell(n, d, 1, Path()), 0))
    x, up = np.asarray(data.x, float), np.asarray(data.y) > 0
    apart = np.linalg.norm(x[up][:, None] - x[~up][None], axis=2)
    low, high = 0.2, 20.0
    while high / low > 1.005:
        middle = (low * high) ** 0.5
        if least_mse(apart, middle) > TARGET:
            low = middle
        else:
            high = middle
    return low


def least_mse(apart: np.ndarray, slope: float) -> float:
    """From below: mean (f - y)^2 of f_+ = 1 - m 1, f_- = -1 + m'1 for duals m >= 0."""
    gap = np.maximum(2 - slope * apart, 0.0)

    def dual(flat: np.ndarray) -> tuple[float, np.ndarray]:
        m = flat.reshape(apart.shape)
        rows, columns = m.sum(1), m.sum(0)
        value = 0.5 * (rows @ rows + columns @ columns) - np.sum(m * gap)
        slopes = np.where(gap > 0, rows[:, None] + columns - gap, 0.0)
        return value, slopes.ravel()

    limits = [(0, None if g > 0 else 0) for g in gap.ravel()]
    start = np.zeros(apart.size)
    found = minimize(dual, start, jac=True, method="L-BFGS-B", bounds=limits)
    return -2 * found.fun / sum(apart.shape)


TABLES: dict[str, Callable[[list[Row]], list[str]]] = {
    "rows": pairs_table,
    "grid": grid_table,
    "deep": pairs_table,
    "small": small_table,
}


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        usage=argparse.SUPPRESS,
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--only", action="append", choices=list(TABLES), default=[])
    parser.add_argument("--workdir", type=Folder, default=None)
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args()
    for name, experiment in experiments().items():
        if args.only and name not in args.only:
            continue
        print(f"{name}: {len(experiment.trials())} networks", file=sys.stderr)
        folder = args.workdir and args.workdir / name
        records = run(experiment, folder).records
        if args.json:
            print(json.dumps({"part": name, "cells": by_cell(records)}))
        else:
            print("", f"{name}", "", *TABLES[name](records), sep="\n")


if __name__ == "__main__":
    main()
