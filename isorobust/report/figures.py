"""Figures from a table: SVG by matplotlib, the same bytes for the same table."""

import io
from typing import Any

from isorobust.report.table import Block, Table

PAIRS = "#3b6fb6", "#c2572b", "#4a8f56", "#8558a8", "#a98321", "#5b6770"


def bracket(table: Table) -> str:
    """The bracket of every cell against sqrt(nd/p), a panel a block, as SVG.

    A bar runs from the attained lower to the certified upper bound (geometric means
    over the networks that fitted), coloured by d; a tick below it is the floor; the
    grey line is sqrt(nd/p) itself, whose constant the law leaves open.
    """
    from matplotlib import rc_context
    from matplotlib.figure import Figure

    blocks = [b for b in table.blocks if any(r.upper and r.lower for r in b.rows)]
    with rc_context({"svg.hashsalt": "isorobust", "svg.fonttype": "none"}):
        # fonttype none: text stays text, so the file is small and can be searched
        rows, columns = max(1, (len(blocks) + 1) // 2), 2 if len(blocks) > 1 else 1
        figure = Figure(figsize=(4.6 * columns, 3.7 * rows), layout="constrained")
        if not blocks:
            figure.text(0.5, 0.5, "no cell has a network that fitted", ha="center")
        for place, block in enumerate(blocks, 1):
            axis = figure.add_subplot(rows, columns, place)
            _panel(axis, block)
            axis.set_ylabel("Lipschitz constant on all of R^d")
        text = io.StringIO()
        metadata = {"Date": None, "Creator": "isorobust", "Title": table.track}
        figure.savefig(text, format="svg", metadata=metadata)
    return text.getvalue()


def _panel(axis: Any, block: Block) -> None:
    rows = [row for row in block.rows if row.upper and row.lower]
    colour = {
        d: PAIRS[i % len(PAIRS)] for i, d in enumerate(sorted({r.d for r in rows}))
    }
    pairs = sorted({(r.d, r.n) for r in rows})
    for row in rows:
        assert row.lower and row.upper
        # pairs (n, d) of one ratio stand beside each other, not on each other
        x = row.law_ratio * 1.018 ** (pairs.index((row.d, row.n)) - len(pairs) / 2)
        low, high = row.lower.estimate, row.upper.estimate
        axis.plot([x, x], [low, high], color=colour[row.d], lw=2.5)
        if row.floor:
            axis.plot(x, row.floor.estimate, "_", color=colour[row.d], ms=6)
    ends = [min(r.law_ratio for r in rows), max(r.law_ratio for r in rows)]
    axis.plot(ends, ends, color="0.6", lw=1)
    axis.plot([], [], color="0.6", lw=1, label="√(nd/p)")
    for d, shade in colour.items():
        axis.plot([], [], color=shade, lw=3, label=f"d = {d}")
    axis.plot([], [], "_", color="0.4", ms=6, label="floor")
    below = {"loc": "upper center", "bbox_to_anchor": (0.5, -0.16), "ncols": 5}
    axis.legend(fontsize=8, frameon=False, handlelength=1.2, **below)
    axis.set(xscale="log", yscale="log", xlabel="√(nd/p)")
    axis.set_title(wrapped(block.name), fontsize=8)
    for ticks in (axis.xaxis, axis.yaxis):
        ticks.set_major_formatter("{x:g}")
        ticks.set_minor_formatter("")
    low, high = axis.get_ylim()
    axis.set_yticks([t for t in (0.5, 1, 2, 4, 8, 16, 32, 64, 128) if low <= t <= high])
    axis.set_xticks([t for t in (0.5, 1, 2, 4, 8, 16, 32) if ends[0] <= t <= ends[1]])


def wrapped(name: str) -> str:
    """The block's name on two lines: network and data, then labels and recipe."""
    parts = name.split("; ")
    half = (len(parts) + 1) // 2
    return "; ".join(parts[:half]) + "\n" + "; ".join(parts[half:])
