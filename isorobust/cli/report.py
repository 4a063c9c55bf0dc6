"""Renders a run's table again, also while it is under way; needs no jax."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from isorobust.door import BadInput


def arguments(parser: ArgumentParser) -> None:
    """Declares the arguments."""
    parser.add_argument("run", metavar="RUN", help="the folder of a run")
    parser.add_argument(
        "--format", default="md", choices=("md", "json", "csv", "tex"), help="default: md"
    )


def call(args: Namespace) -> None:
    """Prints the table of the records that the run has so far."""
    from isorobust.report.table import RENDERINGS, tabulate
    from isorobust.results import records
    from isorobust.results.join import collect

    folder = Path(args.run)
    if folder.is_file():
        rows = records.read(folder)
        planned = len(rows)
    else:
        rows, planned = collect(folder)
    if not rows:
        raise BadInput(f"{folder}: no network is measured yet ({planned} planned)")
    print(RENDERINGS[args.format](tabulate(rows, planned)), end="")
