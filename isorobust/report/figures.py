"""The shelf of figures: each drawn from a table, the same bytes for the same table."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from isorobust.report import bracket, forest, scatter, spread
from isorobust.report.canvas import STYLE, cut, saved
from isorobust.report.table import Table


@dataclass(frozen=True)
class Figure:
    """there: whether a table has what it shows; draw: it; says: its caption."""

    there: Callable[[Table], bool]
    draw: Callable[[Table], Any]
    title: str
    says: str


FIGURES = {
    "bracket": Figure(
        bracket.there,
        bracket.bracket,
        "Brackets against the law's scale",
        "Every cell's Lipschitz constant, bracketed: the dot is attained (a gradient "
        "or a slope somebody can recompute), the end of the bar is certified; both are "
        "geometric means over the networks that fitted, and where no bar is seen the "
        "bracket is closed. A tick below is the cell's floor, what the law allows with "
        "explicit constants. The grey line is √(nd/p), whose constant the law leaves "
        "open: only bars that end below their floors would refute it.",
    ),
    "exponents": Figure(
        forest.there,
        forest.exponents,
        "Exponents, block by block",
        "Fitted exponents with 95 % intervals over data sets, or cells. Filled: of "
        "attained lower bounds; open: of certified upper bounds; a line without a dot: "
        "what networks that failed leave open. Dashed: the exponent of the law's own "
        "scale. The law is one-sided: a slower exponent above the floor doesn't refute "
        "it, and a steeper one doesn't confirm it.",
    ),
    "floors": Figure(
        spread.floors_there,
        spread.floors,
        "How far above the floor",
        "A line a cell, from attained/floor (dot) to certified/floor (tick), sorted "
        "within a block. The red line is the floor itself: a line wholly to its left "
        "would be a violation.",
    ),
    "success": Figure(
        spread.success_there,
        spread.success,
        "What fitted",
        "A disc where networks were tried; a red ring where some did not reach "
        "their target (empty: none did). Those are in no mean and no fit.",
    ),
    "widths": Figure(
        spread.widths_there,
        spread.widths,
        "How tight the brackets are",
        "A dot a network that reached its target: certified/attained - 1, as a "
        "cumulative distribution within each block. Black: the median. At the left "
        "edge the bracket is closed to 1e-9, and the constant is known.",
    ),
    "published": Figure(
        scatter.there,
        scatter.scatter,
        "Beside the published points",
        "Grey: the 906 points of figure 2 of Bubeck, Li and Nagaraj (2021), read off "
        "their vector figure, and the least-squares line through them. In colour: the "
        "largest of 1000 random gradients (attained, no certificate) of our networks, "
        "the mean of a cell with its least and largest.",
    ),
}


def svg(table: Table, name: str) -> str:
    """The figure as SVG."""
    return _saved(table, name, "svg").decode()


def pdf(table: Table, name: str) -> bytes:
    """The figure as PDF."""
    return _saved(table, name, "pdf")


def drawn(table: Table) -> list[str]:
    """The names of the figures that the table has something for."""
    return [name for name, figure in FIGURES.items() if figure.there(table)]


def _saved(table: Table, name: str, kind: str) -> bytes:
    from matplotlib import rc_context

    figure = FIGURES[name]
    with rc_context(STYLE):
        drawing = figure.draw(table) if figure.there(table) else _empty()
        title = f"{cut(table.track)} v{table.version}: {figure.title}"
        return saved(drawing, kind, title)


def _empty() -> Any:
    from isorobust.report.canvas import canvas

    figure = canvas(4.6, 1.2)
    figure.text(0.5, 0.5, "no cell has what this figure shows", ha="center")
    return figure
