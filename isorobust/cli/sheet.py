"""Answers: numbers for JSON, tables for a terminal, padded where it is none."""

import json
import sys
from dataclasses import dataclass
from typing import Any

Row = tuple[str, ...]


@dataclass(frozen=True)
class Answer:
    """What a verb found.

    facts: for JSON; head, told: lines before and after the tables
    tables: of each a header and rows
    """

    facts: dict[str, Any]
    head: Row = ()
    tables: tuple[tuple[Row, list[Row]], ...] = ()
    told: Row = ()


def show(answer: Answer, as_json: bool) -> None:
    """Prints the answer: JSON, rich tables on a terminal, plain text otherwise."""
    if as_json:
        print(json.dumps(answer.facts, indent=1, allow_nan=False))
        return
    lines = [*answer.head]
    if sys.stdout.isatty():
        _rich(answer)
        return
    for header, rows in answer.tables:
        lines += ["", *_padded([header, *rows])]
    print("\n".join([*lines, "", *answer.told]).strip("\n"))


def number(value: float | None) -> str:
    """Four digits, or a dash."""
    return "-" if value is None else f"{value:.4g}"


def between(low: float, high: float) -> str:
    """A range of two numbers; one number where they look alike."""
    ends = f"{low:.3g}", f"{high:.3g}"
    return ends[0] if ends[0] == ends[1] else " to ".join(ends)


def _padded(rows: list[Row]) -> list[str]:
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    return [
        "  ".join(
            cell.ljust(width) for cell, width in zip(row, widths, strict=True)
        ).rstrip()
        for row in rows
    ]


def _rich(answer: Answer) -> None:
    from rich.console import Console
    from rich.table import Table

    print("\n".join(answer.head))
    for header, rows in answer.tables:
        table = Table(*header)
        for row in rows:
            table.add_row(*row)
        Console(markup=False).print(table)
    print("\n".join(answer.told))
