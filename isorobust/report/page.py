"""The table as one HTML page that needs nothing else: it opens from file://.

Every text passes through jinja2's escaping; only figures drawn here are taken as HTML.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from isorobust.report import figures
from isorobust.report.canvas import ALARM, FAINT, INK, MUTED, PAIRS, PAPER, short
from isorobust.report.cells import Grid, grids, number, plain
from isorobust.report.origins import spoken, workdir
from isorobust.report.table import Table
from isorobust.report.words import LEGEND, held, said, subject

# colour of a figure -> variable of the page, which has a value for light and for dark
VARIABLES = {
    INK: "ink", MUTED: "muted", FAINT: "rule", PAPER: "paper", ALARM: "alarm",
} | {shade: f"pair{i}" for i, shade in enumerate(PAIRS)}  # fmt: skip

Drawn = Mapping[str, str]  # figure's name -> SVG


@dataclass(frozen=True)
class Section:
    """A grid as the page shows it.

    brief: its name, less what it shares with the others; told: sentences below it;
    flags: by line, "" or what is to be seen in it ("missed", "failed", "passed", ...)
    remake: by line, how to make it again
    """

    grid: Grid
    brief: str
    told: tuple[str, ...]
    flags: tuple[str, ...]
    remake: tuple[tuple[str, ...], ...]


def page(table: Table, drawn: Drawn | None = None) -> str:
    """The page of one table; drawn: its figures where they are drawn already."""
    return pages([table], None if drawn is None else [drawn])


def pages(tables: Sequence[Table], drawn: Sequence[Drawn] | None = None) -> str:
    """One page of several tables, a part each: two tracks never share one."""
    from jinja2 import Environment, PackageLoader, StrictUndefined

    environment = Environment(
        loader=PackageLoader("isorobust", "report"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"plain": plain, "split": split}
    some = drawn or [draw(table) for table in tables]
    parts = [
        _part(table, svgs, f"t{i}")
        for i, (table, svgs) in enumerate(zip(tables, some, strict=True))
    ]
    template = environment.get_template("page.html.j2")
    return template.render(parts=parts, legend=LEGEND) + "\n"


def draw(table: Table) -> dict[str, str]:
    """The figures that the table has something for, as SVG."""
    return {name: figures.svg(table, name) for name in figures.drawn(table)}


def split(cell: str) -> tuple[str, str]:
    """A cell's estimate, and the interval behind it with its blank."""
    estimate, blank, rest = cell.partition(" [")
    return estimate, blank + rest


def _part(table: Table, drawn: Drawn, name: str) -> dict[str, Any]:
    from markupsafe import Markup

    sections: dict[str, list[Section]] = {}
    shown = list(grids(table))
    brief = {
        kind: short([grid.name for grid in shown if grid.kind == kind])
        for kind in {grid.kind for grid in shown}
    }
    for grid in shown:
        section = _section(table, grid, brief[grid.kind][grid.name])
        sections.setdefault(grid.kind, []).append(section)
    pictures = [
        (figures.FIGURES[key], Markup(inlined(text, f"{name}-{key}")))
        for key, text in drawn.items()
    ]
    return {
        "id": name,
        "table": table,
        "headline": _headline(table),
        "subject": subject(table),
        "facts": list(_facts(table)),
        "held": held(table),
        "sections": sections,
        "pictures": pictures,
    }


def _headline(table: Table) -> str:
    """The verdict in a sentence."""
    violated = sum(block.verdict.violations for block in table.blocks)
    if violated:
        return f"{violated} networks are certified below a floor of the law."
    if table.blocks:
        return (
            f"No certified upper bound lies below a floor in {table.networks} networks."
        )
    return "Solved cases: constants known exactly or bracketed, held against the law."


def _facts(table: Table) -> Iterator[tuple[str, str, str]]:
    """(what, value, flag) of the strip below the title."""
    verdicts = [block.verdict for block in table.blocks]
    if verdicts:
        fitted = sum(v.networks - v.excluded for v in verdicts)
        flag = "missed" if fitted < table.networks else ""
        yield "networks fitted", f"{fitted} of {table.networks}", flag
        violated = sum(v.violations for v in verdicts)
        yield "floors violated", str(violated), "failed" if violated else ""
        least = min((v.smallest for v in verdicts if v.smallest), default=None)
        yield "least upper/floor", number(least), ""
        exact = sum(row.exact for block in table.blocks for row in block.rows)
        yield "known exactly", f"{exact} of {fitted}", ""
    if table.cases:
        yield "rows of solved cases", str(table.cases), ""
    if table.checks:
        count = sum(check.passed is True for check in table.checks)
        flag = "failed" if any(c.passed is False for c in table.checks) else ""
        yield "predictions hold", f"{count} of {len(table.checks)}", flag


def _section(table: Table, grid: Grid, brief: str) -> Section:
    told: tuple[str, ...] = ()
    flags = [""] * len(grid.body)
    if grid.kind == "predictions":
        words = {True: "passed", False: "failed", None: "open"}
        flags = [words[check.passed] for check in table.checks]
    if grid.kind == "verdict":
        flags = [
            "failed" if b.verdict.violations or b.verdict.crossed
            else "missed" if b.verdict.excluded else ""
            for b in table.blocks
        ]  # fmt: skip
    if grid.kind == "cells":
        block = next(block for block in table.blocks if block.name == grid.name)
        told = tuple(said(block.verdict))
        flags = ["missed" if r.reached < r.attempted else "" for r in block.rows]
    remake = tuple(_remade(table, trials) for trials in grid.trials)
    return Section(grid, brief, told, tuple(flags), remake)


def _remade(table: Table, trials: Any) -> tuple[str, ...]:
    """The commands that make a line's trials again, as far as they are known."""
    lines = []
    command = spoken(table.command) if table.command else None
    if command:
        lines.append(command)
    if "uid" in trials.heads and trials.lines:
        where = workdir(table.command) or "RUN"
        uid = trials.lines[0][trials.heads.index("uid")]
        lines.append(f"isorobust measure {where}:{uid}")
    return tuple(lines)


def inlined(svg: str, name: str) -> str:
    """The SVG as an element of a page: its own ids, and the page's colours.

    name: what makes the ids its own
    """
    svg = re.sub(r"(?s)^.*?(?=<svg )", "", svg)
    svg = re.sub(r"(?s)\s*<metadata>.*?</metadata>", "", svg)
    svg = re.sub(r"(?s)\s*<defs>\s*<style[^>]*>.*?</style>\s*</defs>", "", svg)
    svg = re.sub(r' (width|height)="[\d.]+pt"', "", svg, count=2)
    svg = re.sub(r' id="', f' id="{name}-', svg)
    svg = re.sub(r'(href="|url\()#', rf"\1#{name}-", svg)
    for colour, variable in VARIABLES.items():
        svg = re.sub(rf"(?<=: ){colour}(?=[;\"])", f"var(--{variable})", svg)
    return svg.replace("<svg ", '<svg role="img" ', 1)
