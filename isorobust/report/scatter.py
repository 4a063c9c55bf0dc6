"""The published points of a figure with ours beside them."""

from typing import Any

import numpy as np

from isorobust.report.beside import Beside
from isorobust.report.canvas import FAINT, MUTED, PAIRS, canvas, short, wrapped
from isorobust.report.table import Table
from isorobust.results import published


def there(table: Table) -> bool:
    """Whether a rule of the run spoke of the published figure."""
    return bool(table.beside)


def scatter(table: Table) -> Any:
    """Figure 2 of Bubeck, Li, Nagaraj 2021 with our networks.

    Grey: their 906 points and the least-squares line through them. In colour, a block
    each: the mean largest of 1000 random gradients over the networks of a cell that
    fitted, a bar from the least to the largest, and the line through the cells.
    """
    figure = canvas(7.4, 4.8)
    axis = figure.subplots()
    theirs = published.figure_2()
    axis.plot(*theirs.T, ".", color=FAINT, ms=3, mew=0, label="published: 906 points")
    ends = np.array([theirs[:, 0].min(), theirs[:, 0].max()])
    law = f"{published.INTERCEPT} + {published.SLOPE:.2f} x"
    line = [published.line(x) for x in ends]
    axis.plot(ends, line, color=MUTED, lw=1, label=law)
    names = short([block.block for block in table.beside])
    for i, block in enumerate(table.beside):
        _ours(axis, block, names[block.block], PAIRS[i % len(PAIRS)])
    axis.set(xlabel="√(n/k)", ylabel="largest of 1000 random gradients")
    figure.legend(loc="outside right upper")
    return figure


def _ours(axis: Any, block: Beside, name: str, shade: str) -> None:
    for point in block.points:
        axis.plot([point.x] * 2, [point.least, point.largest], color=shade, lw=1)
        axis.plot(point.x, point.mean, "o", color=shade, ms=4, mew=0)
    label = wrapped(name, 24)
    if block.fit:
        a, b = (block.fit.terms[term].estimate for term in "ab")
        ends = [min(p.x for p in block.points), max(p.x for p in block.points)]
        axis.plot(ends, [a + b * x for x in ends], color=shade, lw=1)
        label += f"\n{a:.2f} + {b:.2f} x, {block.fit.cells} cells"
    axis.plot([], [], "o", color=shade, ms=4, mew=0, label=label)
