"""Renderings of records: one table object, several formats; never jax."""

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path

from isorobust.files import write_whole
from isorobust.report import figures
from isorobust.report.formats import as_csv, as_json, markdown
from isorobust.report.latex import latex
from isorobust.report.page import draw, page
from isorobust.report.table import Table, tabulate

__all__ = ["FILES", "PUBLISHED", "files", "tabulate", "write"]

# file of a run -> how it is rendered from the table
FILES: dict[str, Callable[[Table], str]] = {
    "table.md": markdown,
    "table.json": as_json,
    "table.csv": as_csv,
    "table.tex": latex,
    "report.html": page,
    **{f"{name}.svg": partial(figures.svg, name=name) for name in figures.FIGURES},
}
PUBLISHED = "published.svg"  # beside them where a rule speaks of a published figure


def files(table: Table) -> dict[str, str]:
    """The text of every file that shows what a run has so far.

    Figures that the table has nothing for are left out.
    """
    drawn = draw(table)
    pictures = {f"{name}.svg": text for name, text in drawn.items()}
    others = {
        name: render(table)
        for name, render in FILES.items()
        if not name.endswith((".svg", ".html"))
    }
    return others | {"report.html": page(table, drawn)} | pictures


def write(content: bytes, out: Path) -> None:
    """The file with this content, or as it was; a link stays one, so does a device."""
    place = Path(os.path.realpath(out))
    if place.exists() and not place.is_file():
        place.write_bytes(content)
    else:
        write_whole(place, content)
