"""The published points of a figure with ours beside them, as SVG by matplotlib."""

import io
from typing import Any

import numpy as np

from isorobust.report.figures import PAIRS, wrapped
from isorobust.results import published
from isorobust.results.join import Found
from isorobust.results.scaling import affine

SEED = 0  # of the bootstrap behind the lines: their estimates don't depend on it


def wanted(run: Found) -> bool:
    """Whether a rule of the run speaks of the published figure."""
    asked = (str(rule.statistic) for rule in run.rules)
    return any("sqrt_n_over_k" in words or "published" in words for words in asked)


def scatter(run: Found) -> str:
    """Figure 2 of Bubeck, Li, Nagaraj 2021 with our networks, as SVG.

    Grey: their 906 points and the least-squares line through them. In colour, a block
    each: the mean largest of 1000 random gradients over the networks of a cell that
    fitted, a bar from the least to the largest, and the line through the cells.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    with rc_context({"svg.hashsalt": "isorobust", "svg.fonttype": "none"}):
        figure = Figure(figsize=(6.4, 4.6), layout="constrained")
        axis = figure.add_subplot()
        theirs = published.figure_2()
        axis.plot(*theirs.T, ".", color="0.75", ms=3, label="published: 906 points")
        ends = np.array([theirs[:, 0].min(), theirs[:, 0].max()])
        law = f"{published.INTERCEPT} + {published.SLOPE:.2f} x"
        line = [published.line(x) for x in ends]
        axis.plot(ends, line, color="0.5", lw=1, label=law)
        for i, (block, points) in enumerate(_cells(run.records).items()):
            _ours(axis, block, points, PAIRS[i % len(PAIRS)])
        axis.set(xlabel="√(n/k)", ylabel="largest of 1000 random gradients")
        axis.legend(fontsize=7, frameon=False)
        text = io.StringIO()
        metadata = {"Date": None, "Creator": "isorobust", "Title": run.track}
        figure.savefig(text, format="svg", metadata=metadata)
    return text.getvalue()


def _cells(records: list[dict]) -> dict[str, dict[str, list[dict]]]:
    """{block: {cell: rows that fitted and have the bound}}."""
    found: dict[str, dict[str, list[dict]]] = {}
    for record in records:
        row = record | published.beside(record)
        if row["reached"] and row.get("random_over_published") is not None:
            cells = found.setdefault(row["block"], {})
            cells.setdefault(row["cell"], []).append(row)
    return found


def _ours(axis: Any, block: str, cells: dict[str, list[dict]], shade: str) -> None:
    for rows in cells.values():
        values = [row["lower_random"] for row in rows]
        x = rows[0]["sqrt_n_over_k"]
        axis.plot([x, x], [min(values), max(values)], color=shade, lw=1)
        axis.plot(x, np.mean(values), "o", color=shade, ms=4)
    rows = [row for some in cells.values() for row in some]
    rng = np.random.Generator(np.random.Philox(key=SEED))
    fit = affine(rows, "lower_random", rng, "sqrt_n_over_k")
    label = wrapped(block)
    if fit:
        a, b = (fit.terms[name].estimate for name in "ab")
        ends = sorted({row["sqrt_n_over_k"] for row in rows})
        ends = [ends[0], ends[-1]]
        axis.plot(ends, [a + b * x for x in ends], color=shade, lw=1)
        label += f"\n{a:.2f} + {b:.2f} x, {len(cells)} cells"
    axis.plot([], [], "o", color=shade, ms=4, label=label)
