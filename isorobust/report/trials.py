"""The trials behind a row of a table: what each network or seed gave, as recorded."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

# of a network: columns shown where some network of the row has them
OF_NETWORKS = (
    "seed", "uid", "stop", "steps", "train_mse", "test_mse", "lower", "lower_by",
    "upper", "upper_by", "upper_over_lower", "floor", "floor_name",
    "upper_over_floor", "lower_sphere", "upper_sphere",
)  # fmt: skip
SHARED = ("lower_sphere", "upper_sphere", "upper_over_floor")  # no names of methods


@dataclass(frozen=True)
class Trials:
    """A line a trial; missed: which lines did not reach their target (in no mean)."""

    heads: tuple[str, ...] = ()
    lines: tuple[tuple[Any, ...], ...] = ()
    missed: tuple[int, ...] = ()


def of_networks(records: Sequence[dict]) -> Trials:
    """The networks of a cell, in the records' order."""
    rows = [
        row | {"lower_by": _by(row, "lower"), "upper_by": _by(row, "upper")}
        for row in records
    ]
    missed = tuple(i for i, row in enumerate(rows) if not row["reached"])
    return _of(rows, OF_NETWORKS, missed)


def of_cases(rows: Sequence[dict], heads: Sequence[str]) -> Trials:
    """The seeds of a case, with the columns that vary between them."""
    varying = [head for head in heads if len({str(row.get(head)) for row in rows}) > 1]
    return _of(rows, ("seed", *(head for head in varying if head != "seed")), ())


def _of(rows: Sequence[dict], heads: Sequence[str], missed: tuple[int, ...]) -> Trials:
    there = tuple(h for h in heads if any(row.get(h) is not None for row in rows))
    lines = tuple(tuple(row.get(head) for head in there) for row in rows)
    return Trials(there, lines, missed)


def _by(row: dict, side: str) -> str | None:
    """The method whose bound is the row's best on R^d; the first of equals."""
    best = row[side]
    if best is None:
        return None
    beginning = f"{side}_"
    for name, value in row.items():
        method = name.removeprefix(beginning)
        own = name.startswith(beginning) and not method.startswith("over_")
        if own and value == best and name not in SHARED:
            return method
    return None
