"""A run's networks among published points: SVG, the same bytes for the same rows."""

import io
from typing import Any

import numpy as np

from isorobust.report.figures import PAIRS
from isorobust.results import published as bln
from isorobust.results.published import beside


def scatter(rows: list[dict], published: np.ndarray) -> str:
    """The largest random gradient against sqrt(n/k), as SVG.

    Grey: the published points [m, 2] and the line of Bubeck, Li, Nagaraj 2021; in
    colour, by block: the mean of every cell over the networks that reached their
    target, with a bar from the least to the largest of its seeds.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "isorobust", "svg.fonttype": "none"}):
        figure = Figure(figsize=(7.2, 5.4), layout="constrained")
        axis = figure.add_subplot()
        x, y = published.T
        said = f"Bubeck, Li, Nagaraj 2021, figure 2 ({len(x)} points)"
        axis.plot(x, y, ".", color="0.75", ms=4, label=said, gid="published")
        ends = np.array([x.min(), x.max()])
        fit = f"{bln.INTERCEPT} + {bln.SLOPE:.2f} √(n/k)"
        axis.plot(ends, bln.line(ends), color="0.4", lw=1, label=fit)
        for i, (name, cells) in enumerate(_blocks(rows).items()):
            _cells(axis, PAIRS[i % len(PAIRS)], name, cells)
        axis.set(xlabel="√(n/k)", ylabel="largest gradient at 1000 fresh points")
        below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.1)}
        axis.legend(fontsize=7, frameon=False, **below)
        text = io.StringIO()
        metadata = {"Date": None, "Creator": "isorobust"}
        figure.savefig(text, format="svg", metadata=metadata)
    return text.getvalue()


def _blocks(rows: list[dict]) -> dict[str, dict[str, list[tuple[float, float]]]]:
    """block -> cell -> (sqrt(n/k), largest random gradient) of each network."""
    found: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for row in rows:
        more = beside(row)
        if row["reached"] and "random_over_published" in more:
            cells = found.setdefault(row["block"], {})
            point = more["sqrt_n_over_k"], row["lower_random"]
            cells.setdefault(row["cell"], []).append(point)
    return found


def _cells(axis: Any, colour: str, name: str, cells: dict) -> None:
    x = np.array([points[0][0] for points in cells.values()])
    y = [[value for _, value in points] for points in cells.values()]
    mean = np.array([np.mean(each) for each in y])
    low, high = np.array([(min(each), max(each)) for each in y]).T
    axis.vlines(x, low, high, color=colour, lw=1.2)
    axis.plot(x, mean, "o", color=colour, ms=4, label=name, gid="ours")
