"""The bracket of every cell against sqrt(nd/p), with floors, McShane and the published.

From a table's cells and, where cases are solved, from their panels.
"""

from dataclasses import dataclass
from typing import Any

from isorobust.report.canvas import (
    FAINT,
    INK,
    MUTED,
    PAIRS,
    canvas,
    plain_ticks,
    short,
    wrapped,
)
from isorobust.report.panels import Panel
from isorobust.report.table import Block, Table
from isorobust.results import published
from isorobust.results.scaling import Estimate

ABOVE = 4.0  # times the highest trained bound: McShane above is marked at the edge
NEEDED = ("law_ratio", "lower", "upper")


@dataclass(frozen=True)
class Cell:
    """A cell at x = sqrt(nd/p): attained lower, certified upper, floor if any."""

    x: float
    d: int
    n: int
    lower: float
    upper: float
    floor: float | None


def there(table: Table) -> bool:
    """Whether a cell has a bracket."""
    return bool(_series(table))


def bracket(table: Table) -> Any:
    """A panel a block: bars from the attained lower to the certified upper bound.

    Bounds are geometric means over the networks that fitted, coloured by d.
    """
    series = _series(table)
    names = short(list(series))
    columns = 1 if len(series) == 1 else 2 if len(series) <= 6 else 3
    rows = max(1, -(-len(series) // columns))
    wide = 34 if columns == 3 else 46  # characters of a title
    height = 2.2 if columns == 3 else 2.7
    figure = canvas(7.4 if columns > 1 else 5.4, height * rows + 0.5)
    values = [v for cells in series.values() for c in cells for v in (c.lower, c.upper)]
    together = bool(values) and max(values) < 60 * min(values)
    axes = figure.subplots(
        rows, columns, squeeze=False, sharex=together, sharey=together
    )
    shades = _shades(series)
    for axis, (name, cells) in zip(axes.flat, series.items(), strict=False):
        block = next((b for b in table.blocks if b.name == name), None)
        beyond = [cell for some in series.values() for cell in some]
        _panel(axis, table, block, cells, beyond if together else cells, shades)
        axis.set_title(wrapped(names[name], wide))
    for axis in list(axes.flat)[len(series) :]:
        axis.remove()
    for row in axes:
        row[0].set_ylabel("Lipschitz constant")
    for axis in list(axes.flat)[max(0, len(series) - columns) : len(series)]:
        axis.set_xlabel("√(nd/p)")
        axis.tick_params(labelbottom=True)
    _legend(figure, table, shades)
    return figure


def _series(table: Table) -> dict[str, list[Cell]]:
    found = {block.name: _of_block(block) for block in table.blocks}
    found |= {
        panel.name: _of_panel(panel)
        for panel in table.panels
        if all(head in panel.heads for head in (*NEEDED, "n", "d"))
    }
    return {name: cells for name, cells in found.items() if cells}


def _of_block(block: Block) -> list[Cell]:
    return [
        Cell(r.law_ratio, r.d, r.n, r.lower.estimate, r.upper.estimate,
             r.floor.estimate if r.floor else None)
        for r in block.rows if r.lower and r.upper
    ]  # fmt: skip


def _of_panel(panel: Panel) -> list[Cell]:
    cells = []
    for line in panel.lines:
        entry = dict(zip(panel.heads, line, strict=True))
        known = {head: _value(e.value) for head, e in entry.items()}
        x, lower, upper = (known[head] for head in NEEDED)
        n, d = known["n"], known["d"]
        if x and lower and upper and n and d:
            cells.append(Cell(x, int(d), int(n), lower, upper, known.get("floor")))
    return cells


def _value(value: Estimate | str | int | None) -> float | None:
    if isinstance(value, Estimate):
        return value.estimate
    return float(value) if isinstance(value, int) else None


def _shades(series: dict[str, list[Cell]]) -> dict[int, str]:
    sizes = sorted({cell.d for cells in series.values() for cell in cells})
    shades = list(PAIRS)
    if len(sizes) > len(shades):
        from matplotlib import colormaps
        from matplotlib.colors import to_hex

        ramp = colormaps["viridis"]([i / len(sizes) for i in range(len(sizes))])
        shades = [to_hex(shade) for shade in ramp]
    return dict(zip(sizes, shades, strict=False))


def _panel(
    axis: Any,
    table: Table,
    block: Block | None,
    cells: list[Cell],
    seen: list[Cell],
    shades: dict[int, str],
) -> None:
    """The cells of a block; seen: those whose range its axis has."""
    axis.set(xscale="log", yscale="log")
    pairs = sorted({(cell.d, cell.n) for cell in cells})
    ends = [min(c.x for c in seen) * 0.93, max(c.x for c in seen) * 1.07]
    axis.plot(ends, ends, color=MUTED, lw=0.8, zorder=1)
    for d, shade in shades.items():
        some = [cell for cell in cells if cell.d == d]
        # pairs (n, d) of one ratio stand beside each other, not on each other
        x = [c.x * 1.018 ** (pairs.index((d, c.n)) - len(pairs) / 2) for c in some]
        low, high = [c.lower for c in some], [c.upper for c in some]
        axis.vlines(x, low, high, color=shade, lw=2.2, zorder=3)
        axis.plot(x, low, "o", color=shade, ms=2.8, mew=0, zorder=3)
        floors = [(at, c.floor) for at, c in zip(x, some, strict=True) if c.floor]
        if floors:
            at, floor = zip(*floors, strict=True)
            axis.plot(at, floor, "_", color=shade, ms=6, mew=1.1, zorder=2)
    if block is not None:
        _beside(axis, table, block)
    axis.grid(True, color=FAINT, lw=0.3, which="major", zorder=0)
    plain_ticks(axis, "x")
    plain_ticks(axis, "y")


def _beside(axis: Any, table: Table, block: Block) -> None:
    """McShane's function on the same data, and the 906 published points."""
    low, high = axis.get_ylim()
    top = ABOVE * high  # a constant far above would flatten what is trained
    for line in table.frontier:
        if line.mcshane is not None and line.data in block.name:
            out = line.mcshane > top
            mark, y = ("^", top) if out else ("D", line.mcshane)
            x = line.law_ratio
            axis.plot(x, y, mark, mfc="none", mec=INK, ms=4, mew=0.8, zorder=2)
    if block.as_published:
        low, high = axis.get_ylim()
        theirs = published.figure_2()
        axis.plot(*theirs.T, ".", color=FAINT, ms=2, mew=0, zorder=0, rasterized=False)
        axis.set_ylim(min(low, theirs[:, 1].min()), max(high, theirs[:, 1].max()))


def _legend(figure: Any, table: Table, shades: dict[int, str]) -> None:
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], color=shade, lw=2.2, marker="o", ms=2.8, label=f"d = {d}")
        for d, shade in list(shades.items())[:12]
    ]
    floor: Any = {"marker": "_", "ls": "", "ms": 6, "mew": 1.1}
    marks += [
        Line2D([], [], color=MUTED, label="floor", **floor),
        Line2D([], [], color=MUTED, lw=0.8, label="√(nd/p)"),
    ]
    if any(line.mcshane is not None for line in table.frontier) and table.blocks:
        style: Any = {"marker": "D", "ls": "", "mfc": "none", "mec": INK, "ms": 4}
        marks.append(
            Line2D(
                [], [], label="McShane, no more parameters (triangle: above)", **style
            )
        )
    if any(block.as_published for block in table.blocks):
        marks.append(
            Line2D([], [], color=FAINT, marker=".", ls="", label="906 published points")
        )
    figure.legend(handles=marks, loc="outside lower center", ncols=5)
