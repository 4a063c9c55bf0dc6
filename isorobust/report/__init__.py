"""Renderings of records: one table object, several formats; never jax."""

from isorobust.report import scatter
from isorobust.report.figures import bracket
from isorobust.report.formats import as_csv, as_json, latex, markdown
from isorobust.report.table import Table, tabulate
from isorobust.results.join import Found

__all__ = ["FILES", "files", "tabulate"]

# file of a run -> how it is rendered from the table
FILES = {
    "table.md": markdown,
    "table.json": as_json,
    "table.csv": as_csv,
    "table.tex": latex,
    "bracket.svg": bracket,
}
# a table of cases alone has no bracket to draw
FILES_OF_CASES = [item for item in FILES.items() if item[0] != "bracket.svg"]
PUBLISHED = "published.svg"  # beside them where a rule speaks of a published figure


def files(run: Found, table: Table) -> dict[str, str]:
    """The text of every file that shows what a run has so far, and its table."""
    kinds = FILES.items() if table.blocks or not table.panels else FILES_OF_CASES
    shown = {name: render(table) for name, render in kinds}
    return shown | ({PUBLISHED: scatter.scatter(run)} if scatter.wanted(run) else {})
