"""The table as Markdown, JSON and CSV, which cannot disagree."""

import csv
import dataclasses
import io
import json
import re
from typing import Any

from isorobust.report.cells import COLUMNS, Grid, grids
from isorobust.report.table import Table
from isorobust.report.words import LEGEND, held, said, title

__all__ = ["COLUMNS", "as_csv", "as_json", "markdown", "summary"]

FEW = 12  # lines of cases that are shown without folding them away

# a spreadsheet takes a text that begins so for a formula, unless it is a number
FORMULA = re.compile(r"[=+\-@\t\r]")
HARMLESS = re.compile(r"-|-?[\d.]+(e[-+]?\d+)?( \[[-\d.e+<, ]*\])?( \(\d+ of \d+\))?")


def markdown(table: Table) -> str:
    """GitHub-flavoured Markdown."""
    lines = [f"# {_quiet(title(table))}", ""]
    if table.partial:
        kinds = "networks and cases" if table.cases else "networks"
        lines += [f"**Under way: {table.partial} {kinds} have no record yet.**", ""]
    verdicts = {block.name: block.verdict for block in table.blocks}
    shown = list(grids(table))
    for grid in (grid for grid in shown if grid.kind == "predictions"):
        lines += ["## Predictions", "", held(table), "", *_grid(grid), ""]
    if table.blocks:
        lines += ["## Verdict", "", *summary(table), "", LEGEND, ""]
    for grid in (grid for grid in shown if grid.kind == "cells"):
        told = [f"- {_quiet(line)}" for line in said(verdicts[grid.name])]
        lines += [f"## {_quiet(grid.name)}", "", *_grid(grid), "", *told, ""]
    for grid in (grid for grid in shown if grid.kind == "cases"):
        lines += _folded(grid)
    if table.doubts:
        lines += ["## Doubts and exclusions", ""]
        lines += [*(f"- {_quiet(doubt)}" for doubt in table.doubts), ""]
    return "\n".join(lines)


def summary(table: Table) -> list[str]:
    """The verdict, a line a block: the lines of a Markdown table."""
    return [
        line for grid in grids(table) if grid.kind == "verdict" for line in _grid(grid)
    ]


def _folded(grid: Grid) -> list[str]:
    """A grid under its heading, folded away where it is long."""
    name = _quiet(grid.name)
    if len(grid.body) <= FEW:
        return [f"## {name}", "", *_grid(grid), ""]
    lines = f"<details><summary>{len(grid.body)} cases</summary>"
    return [f"## {name}", "", lines, "", *_grid(grid), "", "</details>", ""]


def _grid(grid: Grid) -> list[str]:
    rules = [":---" if words else "---:" for words in grid.words]
    body = [list(map(_quiet, line)) for line in (grid.heads, *grid.body)]
    lines = [body[0], rules, *body[1:]]
    return [f"| {' | '.join(line)} |" for line in lines]


def _quiet(text: str) -> str:
    """The text without what Markdown or HTML would take for more than text."""
    text = _shown(" ".join(text.split())).replace("&", "&amp;").replace("<", "&lt;")
    return re.sub(r"[\\|`]|(?<=\])(?=\()", r"\\\g<0>", text)


def _shown(text: str) -> str:
    """The text without what a terminal or an editor obeys: control, direction."""
    return "".join(c if c.isprintable() or c.isspace() else "?" for c in text)


def as_json(table: Table) -> str:
    """JSON of the object at full precision, less the trials and their provenance.

    Those are in records.jsonl and cases.jsonl, and honest runs differ in provenance.
    """
    value: dict[str, Any] = dataclasses.asdict(table)
    del value["provenance"], value["command"]
    for row in (row for block in value["blocks"] for row in block["rows"]):
        del row["trials"]
    for panel in value["panels"]:
        del panel["trials"]
    return json.dumps(value, indent=1, allow_nan=False) + "\n"


def as_csv(table: Table) -> str:
    """One line a cell, its block first; then cases, verdict and predictions.

    Each grid after an empty line. Text that a spreadsheet would run begins with '.
    """
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    shown = list(grids(table))
    cells = [grid for grid in shown if grid.kind == "cells"]
    others = [grid for grid in shown if grid.kind == "cases"]
    last = [grid for grid in shown if grid.kind in ("verdict", "predictions")]
    for group in filter(None, [cells, *([grid] for grid in (*others, *last))]):
        named = group[0].kind in ("cells", "cases")
        if text.tell():
            text.write("\n")
        heads = ("block", *group[0].heads) if named else group[0].heads
        writer.writerow(map(_still, heads))
        for grid in group:
            for line in grid.body:
                writer.writerow(map(_still, (grid.name, *line) if named else line))
    return text.getvalue()


def _still(text: str) -> str:
    """The text as a spreadsheet shows it, and doesn't run it."""
    runs = FORMULA.match(text) and not HARMLESS.fullmatch(text)
    return _shown("'" + text if runs else text)
