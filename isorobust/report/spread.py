"""How things spread over cells and networks: ratios to floors, fits, bracket widths."""

from typing import Any

from isorobust.report.canvas import (
    ALARM,
    FAINT,
    INK,
    MUTED,
    PAIRS,
    canvas,
    plain_ticks,
    short,
    wrapped,
)
from isorobust.report.table import Block, Row, Table
from isorobust.results.join import CLOSED


def floors_there(table: Table) -> bool:
    """Whether a cell has a floor and a bracket."""
    return any(_over_floor(row) for block in table.blocks for row in block.rows)


def floors(table: Table) -> Any:
    """A line a cell from lower/floor to upper/floor, block by block; 1 is the floor.

    Geometric means over the networks that fitted. What lay left of 1 with its whole
    line would break the law.
    """
    blocks = [b for b in table.blocks if any(map(_over_floor, b.rows))]
    names = short([block.name for block in blocks])
    lines = {b.name: sorted(filter(None, map(_over_floor, b.rows))) for b in blocks}
    said = {name: wrapped(names[name], 26) for name in lines}
    rooms = {n: max(len(lines[n]) + 6, 4 * said[n].count("\n") + 8) for n in lines}
    figure = canvas(7.4, 0.8 + 0.032 * sum(rooms.values()))
    axis = figure.subplots()
    axis.set_xscale("log")
    axis.axvline(1, color=ALARM, lw=1)
    y, ticks = 0.0, []
    for i, (name, some) in enumerate(lines.items()):
        shade, begin = PAIRS[i % len(PAIRS)], y
        places = [y - j for j in range(len(some))]
        lower, upper = zip(*some, strict=True)
        axis.hlines(places, lower, upper, color=shade, lw=1.2)
        axis.plot(lower, places, "o", color=shade, ms=2.4, mew=0)
        axis.plot(upper, places, "|", color=shade, ms=4, mew=0.9)
        ticks.append((begin - (len(some) - 1) / 2, said[name]))
        y -= rooms[name]
    _rows(axis, ticks)
    axis.set_ylim(y + 3, 4)
    axis.set_xlim(left=min(0.9, axis.get_xlim()[0]))
    plain_ticks(axis, "x")
    axis.set_xlabel("Lipschitz constant over its floor: attained (dot) to certified")
    return figure


def _over_floor(row: Row) -> tuple[float, float] | None:
    if not (row.floor and row.lower and row.upper and row.floor.estimate):
        return None
    floor = row.floor.estimate
    return row.lower.estimate / floor, row.upper.estimate / floor


def _rows(axis: Any, ticks: list[tuple[float, str]]) -> None:
    axis.set_yticks([y for y, _ in ticks], [name for _, name in ticks])
    axis.tick_params(axis="y", length=0, labelcolor=INK)
    axis.spines["left"].set_visible(False)
    axis.grid(True, axis="x", color=FAINT, lw=0.3)


def success_there(table: Table) -> bool:
    """Whether networks were trained at all."""
    return bool(table.blocks)


def success(table: Table) -> Any:
    """The share of a cell's networks that reached their target, p/n by width.

    A full disc is all of them; a red ring, where one or more didn't; empty: none did.
    """
    names = short([block.name for block in table.blocks])
    columns = min(3, len(table.blocks))
    rows = -(-len(table.blocks) // columns)
    figure = canvas(7.4 if columns > 1 else 5.4, 2.1 * rows + 0.5)
    axes = figure.subplots(rows, columns, squeeze=False, sharex=True, sharey=True)
    for axis, block in zip(axes.flat, table.blocks, strict=False):
        _success(axis, block)
        axis.set_title(wrapped(names[block.name], 30))
    for axis in list(axes.flat)[len(table.blocks) :]:
        axis.remove()
    for row in axes:
        row[0].set_ylabel("width")
    for axis in axes.flat[max(0, len(table.blocks) - columns) : len(table.blocks)]:
        axis.set_xlabel("√(nd/p)")
        axis.tick_params(labelbottom=True)
    return figure


def _success(axis: Any, block: Block) -> None:
    axis.set(xscale="log", yscale="log")
    places: dict[tuple[float, int], list[Row]] = {}
    for row in block.rows:
        places.setdefault((float(f"{row.law_ratio:.1e}"), row.width), []).append(row)
    for (x, width), some in places.items():
        tried = sum(row.attempted for row in some)
        share = sum(row.reached for row in some) / tried
        ring = ALARM if share < 1 else PAIRS[0]
        axis.scatter(x, width, s=34, facecolor="#ffffff", edgecolor=ring, lw=0.9)
        if share:
            axis.scatter(x, width, s=34 * share, color=PAIRS[0], lw=0)
        if 0 < share < 1:
            axis.annotate(
                f"{share:.0%}", (x, width), xytext=(5, 4), color=ALARM,
                textcoords="offset points", fontsize=6.5,
            )  # fmt: skip
    fitted = block.verdict.networks - block.verdict.excluded
    axis.annotate(
        f"{fitted} of {block.verdict.networks}\nfitted", (1, 1), color=MUTED,
        xycoords="axes fraction", ha="right", va="top", fontsize=7,
    )  # fmt: skip
    axis.margins(0.12)
    plain_ticks(axis, "x")
    plain_ticks(axis, "y")


def widths_there(table: Table) -> bool:
    """Whether a network has both bounds."""
    return any(_widths(block) for block in table.blocks)


def widths(table: Table) -> Any:
    """The relative width upper/lower - 1 of every network's bracket, block by block.

    Only networks that reached their target. A tick marks the median; at the left edge
    stand those closed to 1e-9, whose constant is known.
    """
    blocks = [block for block in table.blocks if _widths(block)]
    names = short([block.name for block in blocks])
    figure = canvas(7.4, 0.9 + 0.42 * len(blocks))
    axis = figure.subplots()
    axis.set_xscale("log")
    ticks: list[tuple[float, str]] = []
    for i, block in enumerate(blocks):
        shade, values = PAIRS[i % len(PAIRS)], sorted(_widths(block))
        shown = [max(value, CLOSED) for value in values]
        # in their order from bottom to top of the band: a cumulative distribution
        heights = [-i - 0.32 + 0.64 * (j + 0.5) / len(shown) for j in range(len(shown))]
        axis.plot(shown, heights, ".", color=shade, ms=3, mew=0, alpha=0.7)
        middle = shown[len(shown) // 2]
        axis.plot([middle, middle], [-i - 0.36, -i + 0.36], color=INK, lw=1)
        closed = sum(value <= CLOSED for value in values)
        axis.annotate(
            f"{closed} of {len(values)} exact", (1, -i), color=MUTED, fontsize=7,
            xycoords=("axes fraction", "data"), ha="right", va="center",
        )  # fmt: skip
        ticks.append((-i, wrapped(names[block.name], 26)))
    _rows(axis, ticks)
    low, high = axis.get_xlim()
    axis.set_xlim(min(low, CLOSED / 2), max(high * 30, 1e-6))
    plain_ticks(axis, "x")
    axis.set_ylim(-len(blocks) + 0.4, 0.6)
    axis.set_xlabel("upper/lower - 1 (at most 1e-9: exact)")
    return figure


def _widths(block: Block) -> list[float]:
    found = []
    for row in block.rows:
        trials = row.trials
        if "upper_over_lower" in trials.heads:
            column = trials.heads.index("upper_over_lower")
            kept = [x for i, x in enumerate(trials.lines) if i not in trials.missed]
            found += [line[column] - 1 for line in kept if line[column] is not None]
    return found
