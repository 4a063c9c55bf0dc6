"""Prints BibTeX: the table with its hashes, and the papers it rests on."""

from argparse import ArgumentParser, Namespace


def arguments(parser: ArgumentParser) -> None:
    """Declares the arguments."""
    parser.add_argument(
        "runs", metavar="RUN", nargs="+", help="folders of runs, or published ones"
    )


def call(args: Namespace) -> None:
    """Prints an entry a table, and one a paper."""
    from isorobust.report import tabulate
    from isorobust.report.cite import bibtex
    from isorobust.results.gather import gather

    for found in gather(args.runs):
        print(bibtex(found, tabulate(found)), end="")
