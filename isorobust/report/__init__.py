"""Renderings of records: one table object, several formats; never jax."""

from isorobust.report.figures import bracket
from isorobust.report.formats import as_csv, as_json, latex, markdown
from isorobust.report.table import tabulate

__all__ = ["FILES", "tabulate"]

# file of a run -> how it is rendered from the table
FILES = {
    "table.md": markdown,
    "table.json": as_json,
    "table.csv": as_csv,
    "table.tex": latex,
    "bracket.svg": bracket,
}
