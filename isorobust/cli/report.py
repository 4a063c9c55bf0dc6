"""Renders runs or records as a page, a table or a figure; needs no jax."""

import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from isorobust.door import BadInput, nearest

if TYPE_CHECKING:
    from isorobust.report.table import Table

FORMATS = ("md", "html", "json", "csv", "tex", "svg", "pdf")
JOINED = ("md", "html", "tex")  # where several tables stand one below the other


def arguments(parser: ArgumentParser) -> None:
    """Declares the arguments."""
    parser.add_argument(
        "runs",
        metavar="RUN",
        nargs="+",
        help="folders of runs (finished or not), published ones, or files of records; "
        "those of one track and version make one table",
    )
    parser.add_argument(
        "--format",
        choices=FORMATS,
        help="md by default, or as the ending of --out says",
    )
    parser.add_argument(
        "--figure",
        default="bracket",
        help="which figure svg and pdf are of: bracket (by default), exponents, "
        "floors, success, widths, published",
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="where to write it; a folder gets every format and figure",
    )


def call(args: Namespace) -> None:
    """Prints or writes the tables of the rows that there are so far."""
    from isorobust.report import figures, tabulate
    from isorobust.results.gather import fitting, gather

    out = Path(args.out) if args.out else None
    folder = out is not None and (out.is_dir() or str(args.out).endswith("/"))
    form = _format(args.format, None if folder else out)
    if folder and args.format:
        raise BadInput(
            f"--format={args.format}: a folder (--out={args.out}) gets every format; "
            "name a file"
        )
    if args.figure not in figures.FIGURES:
        raise BadInput(
            f"--figure={args.figure}: no such figure; "
            f"{nearest(args.figure, figures.FIGURES)}"
        )
    if form == "pdf" and out is None:
        raise BadInput("--format=pdf: is no text: needs --out=FILE.pdf")
    found = gather(args.runs)
    named = ", ".join(args.runs)
    with fitting(named):
        tables = [tabulate(each) for each in found]
    if (folder or form not in JOINED) and len(tables) > 1:
        names = ", ".join(f"{table.track} v{table.version}" for table in tables)
        raise BadInput(
            f"{names} are {len(tables)} tables, which "
            f"{f'--out={out}/' if folder else f'--format={form}'} doesn't join: "
            f"name runs of one track and version, or take {', '.join(JOINED)}"
        )
    if folder and out:
        with fitting(named):
            contents = _everything(tables[0])
        _write_all(contents, out)
        return
    with fitting(named):
        content = _rendered(tables, form, args.figure)
    _deliver(content, out)


def _format(asked: str | None, out: Path | None) -> str:
    ending = out.suffix.removeprefix(".") if out else ""
    if asked or not out:
        return asked or "md"
    if ending not in FORMATS:
        raise BadInput(f"--out={out}: of which format? {nearest(ending, FORMATS)}")
    return ending


def _rendered(tables: Sequence["Table"], form: str, figure: str) -> bytes:
    from isorobust.report import FILES, figures
    from isorobust.report.page import pages

    if form in ("svg", "pdf"):
        if form == "pdf":
            return figures.pdf(tables[0], figure)
        return figures.svg(tables[0], figure).encode()
    if form == "html":
        return pages(tables).encode()
    return "\n".join(FILES[f"table.{form}"](table) for table in tables).encode()


def _deliver(content: bytes, out: Path | None) -> None:
    if out is None:
        sys.stdout.write(content.decode())
        return
    from isorobust.report import write

    try:
        write(content, out)
    except OSError as error:
        raise BadInput(f"--out={out}: {error.strerror}") from None


def _everything(table: "Table") -> dict[str, bytes]:
    """Every format and figure by file, the figures as PDF too."""
    from isorobust.report import figures, files

    texts = {name: text.encode() for name, text in files(table).items()}
    return texts | {
        f"{name}.pdf": figures.pdf(table, name) for name in figures.drawn(table)
    }


def _write_all(contents: dict[str, bytes], folder: Path) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BadInput(f"--out={folder}: {error.strerror}") from None
    for name, content in contents.items():
        _deliver(content, folder / name)
