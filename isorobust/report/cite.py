"""How a table is cited: BibTeX of the table itself and of the papers it rests on."""

import re
from collections.abc import Iterator
from importlib.metadata import version
from pathlib import Path

from isorobust.report.origins import spoken
from isorobust.report.table import Table
from isorobust.report.words import subject
from isorobust.results.join import Found

PAPERS = Path(__file__).with_name("papers.bib")
LAW = "bubeck2023universal"
# key of papers.bib -> a column, or a family of cases, that rests on it
COLUMNS = {
    "fazlyab2019efficient": "upper_certificate",
    "fazlyab2023certified": "upper_liplt",
    "xu2024eclipse": "upper_eclipse",
}
FAMILIES = {
    "mcshane1934extension": ("McShane",),
    "bubeck2021law": ("Caps", "Groups"),
    "bombari2023beyond": ("NTK", "RandomFeatures"),
}
# BibTeX counts braces, whether a backslash is before them or not
ESCAPED = {c: "\\" + c for c in "&%$#_"} | {
    "\\": r"\textbackslash{}",
    "{": r"\textbraceleft{}",
    "}": r"\textbraceright{}",
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
}


def bibtex(run: Found, table: Table, digest: str) -> tuple[str, ...]:
    """The entry of the table, then those of the papers.

    The table's entry has its track and version, the hash of its task, the run's hash
    where it is known, and `digest`, that of its numbers (proof.table_hash).
    """
    return _entry(run, table, digest), *_papers(run, table)


def _entry(run: Found, table: Table, digest: str) -> str:
    rows = [*run.records, *run.rows]
    made = sorted({str(row.get("software_isorobust") or "unknown") for row in rows})
    key = re.sub(
        r"[^a-z0-9]+", "-", f"isorobust-{table.track}-v{table.version}".lower()
    )
    facts = [f"made by isorobust {', '.join(made)}"]
    facts += [f"task {table.task}"] if table.task else []
    runs = sorted({o.sha256 for o in run.origins if o.sha256})
    facts += [f"run {', '.join(runs)}"] if runs else []
    facts += [f"table SHA-256 {digest}"]
    if table.partial:
        facts.append(f"under way: {table.partial} rows are missing")
    fields = {
        "title": f"{{{_escaped(table.track)}}} v{table.version}: "
        "a table of the universal law of robustness",
        "author": "{The isorobust authors}",
        "year": "2026",
        "note": _escaped(f"{subject(table)}; {'; '.join(facts)}"),
        "version": version("isorobust"),
    }
    command = spoken(table.command) if table.command else None
    if command:
        fields["howpublished"] = rf"\texttt{{{_escaped(command)}}}"
    lines = [f"  {name:12} = {{{value}}}" for name, value in fields.items()]
    return f"@misc{{{key},\n" + ",\n".join(lines) + "\n}"


def _escaped(text: str) -> str:
    """The text on one line, as BibTeX and LaTeX take it."""
    plain = " ".join(text.split())
    return "".join(ESCAPED.get(c, c if c.isprintable() else "?") for c in plain)


def _papers(run: Found, table: Table) -> Iterator[str]:
    """The entries of papers.bib that the rows rest on, in the file's order."""
    wanted = {LAW}
    for key, column in COLUMNS.items():
        if any(row.get(column) is not None for row in run.records):
            wanted.add(key)
    families = {row.get("family") for row in run.rows}
    for key, names in FAMILIES.items():
        if families & set(names):
            wanted.add(key)
    if table.beside:
        wanted.add("bubeck2021law")
    for entry in PAPERS.read_text().strip().split("\n\n"):
        if entry.partition("{")[2].partition(",")[0] in wanted:
            yield entry
