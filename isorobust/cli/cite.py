"""Prints BibTeX: the table with its hashes, and the papers it rests on."""

from argparse import ArgumentParser, Namespace
from pathlib import Path


def arguments(parser: ArgumentParser) -> None:
    """Declares the arguments."""
    parser.add_argument(
        "runs", metavar="RUN", nargs="+", help="folders of runs, or published ones"
    )


def call(args: Namespace) -> None:
    """Prints an entry a table, and one a paper."""
    from isorobust.report import tabulate
    from isorobust.report.cite import bibtex
    from isorobust.report.proof import table_hash
    from isorobust.results.gather import fitting, gather

    entries: dict[str, None] = {}  # a paper once, whichever tables rest on it
    for found in gather(args.runs):
        # of several runs joined there is no file yet
        place = Path(found.origins[0].place) if len(found.origins) == 1 else Path()
        with fitting(", ".join(args.runs)):
            table = tabulate(found)
            digest = table_hash(place, table)
            entries |= dict.fromkeys(bibtex(found, table, digest))
    print("\n\n".join(entries))
