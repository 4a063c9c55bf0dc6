"""Measurements of anybody: rows of a JSONL or CSV file with named columns."""

import csv
import io
import json
import math
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from isorobust.door import BadInput, nearest

KINDS = (".jsonl", ".csv")
SMALL, LARGE = 1e-60, 1e60  # beyond them powers leave the floating-point numbers
SHOWN = 40  # characters of a value in a message
YES, NO = ("true", "1", "1.0", "yes"), ("false", "0", "0.0", "no")


@dataclass(frozen=True)
class Columns:
    """What the columns of a file are called.

    failed: says of a row that it did not fit (or, `reached`, that it did); limit: what
    a failed row's response is at least
    """

    response: str
    factors: tuple[str, ...]
    cluster: str
    failed: str | None = None
    reached: str | None = None
    limit: str | None = None

    @property
    def named(self) -> tuple[str, ...]:
        """All of them."""
        others = (self.failed, self.reached, self.limit)
        named = (self.response, *self.factors, self.cluster)
        return (*named, *(name for name in others if name))


@dataclass(frozen=True)
class Measured:
    """The rows that can be fitted, and how many can't.

    rows: with the response, the factors, the limit, "reached", "data" (the cluster) and
    "cell" (cluster and factors together)
    unasked: rows that a column "reached" calls failed, where no column was named for it
    """

    rows: list[dict]
    excluded: int
    unasked: int = 0


def read(file: Path, columns: Columns) -> Measured:
    """The file's rows. Raises BadInput with the line for what can't be meant.

    A row without a factor, or that fitted and has no response > 0, is left out.
    """
    there, rows = 0, []
    seen: dict[str, None] = {}
    found = list(_lines(file))
    if not found:
        raise BadInput(f"{file}: no row below the columns' names")
    for _, line in found:
        seen |= dict.fromkeys(line)
    for name in columns.named:
        if name not in seen:
            shelf = [key for key in seen if len(key) <= SHOWN]
            raise BadInput(f"{file}: no column {_short(name)}; {nearest(name, shelf)}")
    for number, line in found:
        there += 1
        row = _row(line, columns, f"{file}:{number}")
        if row is not None:
            rows.append(row)
    named = columns.failed or columns.reached
    fails = [str(line.get("reached")).strip().lower() in NO for _, line in found]
    return Measured(rows, there - len(rows), 0 if named else sum(fails))


def _lines(file: Path) -> Iterator[tuple[int, dict]]:
    """(line number, row) of the file."""
    if file.suffix.lower() not in KINDS:
        raise BadInput(
            f"{file}: must be a file whose name ends in {' or '.join(KINDS)}"
        )
    try:
        text = file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise BadInput(f"{file}: {error.strerror}") from None
    except UnicodeDecodeError:
        raise BadInput(f"{file}: not a text in UTF-8") from None
    if not text.strip():
        raise BadInput(f"{file}: empty")
    if file.suffix.lower() == ".csv":
        yield from _of_csv(file, text)
        return
    for number, line in enumerate(text.split("\n"), 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except (ValueError, RecursionError):
            row = None
        if not isinstance(row, dict):
            raise BadInput(f'{file}:{number}: not a JSON row such as {{"n": 256}}')
        yield number, row


def _of_csv(file: Path, text: str) -> Iterator[tuple[int, dict]]:
    reader = csv.reader(io.StringIO(text, newline=""), strict=True)
    try:
        head = next(reader)
        if len(set(head)) < len(head):
            twice = next(name for name in head if head.count(name) > 1)
            raise BadInput(f"{file}:1: two columns are called {_short(twice)}")
        for cells in reader:
            if cells and len(cells) != len(head):
                raise BadInput(
                    f"{file}:{reader.line_num}: {len(cells)} cells, and {len(head)} "
                    "columns in the first line"
                )
            if cells:
                yield reader.line_num, dict(zip(head, cells, strict=True))
    except csv.Error as error:
        raise BadInput(f"{file}:{reader.line_num}: {error}") from None


def _row(line: dict, columns: Columns, where: str) -> dict | None:
    """The row as fits take it, or None where it has to be left out."""
    factors = {name: _number(line, name, where) for name in columns.factors}
    for name, value in factors.items():
        if value is not None and value <= 0:
            raise BadInput(f"{where}: {name} = {value:g}: must be > 0 (its log counts)")
    failed = bool(columns.failed) and _answer(line, columns.failed, where)
    failed |= bool(columns.reached) and not _answer(line, columns.reached, where)
    cluster = line.get(columns.cluster)
    if cluster in (None, "") or not isinstance(cluster, (str, int, float)):
        said = _short(cluster)
        raise BadInput(f"{where}: {columns.cluster} = {said}: must name a cluster")
    row: dict[str, Any] = {"reached": not failed, "data": str(cluster), **factors}
    if failed and columns.limit:
        limit = _number(line, columns.limit, where)
        if limit is None or limit <= 0:
            raise BadInput(
                f"{where}: failed, and has no {columns.limit} > 0; without --limit it "
                "has bounds"
            )
        row[columns.limit] = limit
    if not failed:
        row[columns.response] = _number(line, columns.response, where)
        if not (row[columns.response] or 0) > 0:
            return None
    if None in factors.values():
        return None
    return row | {"cell": json.dumps([str(cluster), *factors.values()])}


def _number(line: dict, name: str, where: str) -> float | None:
    """The number of that column; None where it says nothing."""
    value: Any = line.get(name)
    if value is None or value == "":
        return None
    try:
        if isinstance(value, (bool, list, dict)):
            raise ValueError
        number = float(value)
    except (ValueError, OverflowError):
        number = math.nan
    if not (number == 0 or SMALL <= abs(number) <= LARGE):
        raise BadInput(
            f"{where}: {name} = {_short(value)}: must be a number ({SMALL:g} to "
            f"{LARGE:g} in size)"
        )
    return number


def _answer(line: dict, name: str | None, where: str) -> bool:
    """The yes or no of that column."""
    value = line.get(name or "")
    said = str(value).strip().lower()
    if isinstance(value, (list, dict)) or said not in (*YES, *NO):
        raise BadInput(f"{where}: {name} = {_short(value)}: must be true or false")
    return said in YES


def _short(value: Any) -> str:
    said = repr(value)
    return said if len(said) <= SHOWN else f"{said[:SHOWN]}... ({len(said)} characters)"
