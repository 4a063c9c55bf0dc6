"""Renders a run's table again, also while it is under way; needs no jax."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from isorobust.door import BadInput


def arguments(parser: ArgumentParser) -> None:
    """Declares the arguments."""
    parser.add_argument("run", metavar="RUN", help="the folder of a run")
    parser.add_argument(
        "--format",
        default="md",
        choices=("md", "json", "csv", "tex", "svg"),
        help="md by default",
    )


def call(args: Namespace) -> None:
    """Prints the table of the records that the run has so far."""
    from isorobust.report import FILES, tabulate
    from isorobust.results import records
    from isorobust.results.join import Found, collect

    folder = Path(args.run)
    if folder.is_file():
        rows = records.read(folder)
        if not rows:
            raise BadInput(f"{folder}: no network is measured yet (no record)")
        found = Found.of(rows)
    else:
        found = collect(folder)
    if not (found.records or found.rows):
        raise BadInput(
            f"{folder}: no network is measured yet ({found.planned} planned)"
        )
    render = next(r for name, r in FILES.items() if name.endswith(args.format))
    print(render(tabulate(found)), end="")
