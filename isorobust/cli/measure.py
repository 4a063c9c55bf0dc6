"""Brackets the Lipschitz constant of a network: a file.npz, or RUN:UID of a run."""

import json
import math
import sys
from argparse import ArgumentParser, Namespace
from typing import Any

from isorobust.door import BadInput


def arguments(parser: ArgumentParser) -> None:
    """Declares the arguments."""
    parser.add_argument(
        "net",
        metavar="NET",
        help="an .npz with W0, b0, W1, b1, ... ([out, in], [out]; `activation` is relu "
        "unless it says), or RUN:UID, a trained network of a run's folder",
    )
    parser.add_argument(
        "--domain",
        default="rd",
        help="rd (all of R^d), ball:R or sphere; rd by default",
    )
    parser.add_argument(
        "--budget", metavar="SECONDS", help="when to begin nothing more; 10 by default"
    )
    parser.add_argument(
        "--data",
        metavar="FILE.npz",
        help="x [n, d], maybe y [n]: points to look at too",
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def call(args: Namespace) -> None:
    """Prints the bracket, and what each bound had to say."""
    from isorobust.engine.cache import Cache
    from isorobust.lipschitz.bracket import BUDGET
    from isorobust.measurement import measure

    try:
        budget = BUDGET if args.budget is None else float(args.budget)
    except ValueError:
        budget = math.nan
    if not budget > 0:
        raise BadInput(f"--budget={args.budget}: must be a number of seconds > 0")
    Cache.open()
    found = measure(args.net, args.domain, budget, args.data)
    if args.json:
        print(json.dumps(as_json(found), indent=1, allow_nan=False))
    elif sys.stdout.isatty():
        _show(found)
    else:
        print("\n".join(["  ".join(row) for row in _rows(found)] + _told(found)))


def as_json(found: Any) -> dict:
    """The bracket as JSON: a method's side, value and seconds by its name."""
    return {
        "lower": found.lower,
        "upper": found.upper,
        "exact": found.exact,
        "domain": found.domain,
        "methods": {name: way._asdict() for name, way in found.methods.items()},
        "witness": found.witness,
    }


def _show(found: Any) -> None:
    from rich.console import Console
    from rich.table import Table

    header, *rows = _rows(found)
    table = Table(header[0].strip(), header[1].strip())
    for name in header[2:]:
        table.add_column(name.strip(), justify="right")
    for row in rows:
        table.add_row(*row)
    Console().print(table)
    print("\n".join(_told(found)))


def _rows(found: Any) -> list[list[str]]:
    """A header and a row a bound, padded to columns."""
    rows = [["bound", "side", "value", "seconds"]]
    for name, (side, value, seconds) in found.methods.items():
        rows.append([name, side, f"{value:.9g}", f"{seconds:.3f}"])
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        [
            cell.ljust(width) if i < 2 else cell.rjust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ]
        for row in rows
    ]


def _told(found: Any) -> list[str]:
    """The bracket in lines, then what wasn't asked and why."""
    ratio = found.upper / found.lower if found.lower else math.nan
    if not found.upper:
        ratio = 1.0
    lines = [
        f"L on {found.domain}: {found.lower!r} <= L <= {found.upper!r} "
        f"(upper/lower {ratio:.6g})"
    ]
    if found.exact is not None:
        lines = [f"L on {found.domain}: {found.exact!r}, exactly (to 1e-9)"]
    reasons: dict[str, list[str]] = {}
    for name, reason in found.skipped.items():
        reasons.setdefault(reason, []).append(name)
    lines += [f"not asked: {', '.join(names)}: {why}" for why, names in reasons.items()]
    return [*lines, _where(found)]


def _where(found: Any) -> str:
    """Where lower comes from: it may be no row's value."""
    line = "lower is attained at the witness that --json prints"
    looked = [way.value for way in found.methods.values() if way.side == "lower"]
    both = [name for name in ("branched", "exact") if name in found.methods]
    if both and found.lower > max(looked, default=0.0):
        line += f", which {' or '.join(both)} found"
    return line
