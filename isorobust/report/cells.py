"""What a table's cells say: numbers as text, the same for every format."""

import math
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from isorobust.report.panels import Entry
from isorobust.report.table import AFFINE, RESPONSES, Row, Table
from isorobust.report.trials import Trials
from isorobust.results.rules import Check
from isorobust.results.scaling import Estimate

SCIENTIFIC = 1e-6  # below it, and from the next on: powers of ten
LARGE = 1e7
ROUNDING = 1e-12  # what float64 leaves of a zero: smaller numbers are not told apart


def number(value: float | None) -> str:
    """Three significant digits; "-" for what was not measured."""
    if value is None:
        return "-"
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    if abs(value) < ROUNDING:
        return f"< {ROUNDING:.0e}"
    if abs(value) < SCIENTIFIC:
        return f"{value:.0e}"
    if abs(value) >= LARGE:
        return f"{value:.2e}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def ratio(value: float | None) -> str:
    """Four decimals: brackets differ in the third."""
    return "-" if value is None else f"{value:.4f}"


def interval(value: Estimate | None) -> str:
    """`estimate [low, high]`; of a number at the rounding of float64 no interval."""
    if value is None:
        return "-"
    if value.low is None or value.high is None or abs(value.estimate) < ROUNDING:
        return number(value.estimate)
    return f"{number(value.estimate)} [{number(value.low)}, {number(value.high)}]"


# heading -> cell of the table, the same for every format
COLUMNS: dict[str, Callable[[Row], str]] = {
    "n": lambda r: str(r.n),
    "d": lambda r: str(r.d),
    "width": lambda r: str(r.width),
    "p": lambda r: str(r.p),
    "sqrt(nd/p)": lambda r: number(r.law_ratio),
    "fit/tried": lambda r: f"{r.reached}/{r.attempted}",
    "diverged": lambda r: str(r.diverged),
    "floor": lambda r: number(r.floor.estimate if r.floor else None),
    "lower": lambda r: interval(r.lower),
    "upper": lambda r: interval(r.upper),
    "upper/lower": lambda r: ratio(r.upper_over_lower),
    "exact": lambda r: f"{r.exact}/{r.reached}",
    "min lower/floor": lambda r: number(r.lower_over_floor),
    "reach": lambda r: number(r.reach),
}
CHECKED = ("prediction", "found", "allowed", "rows", "verdict")
VERDICT = (
    "block", "networks", "fitted", "floors violated", "least upper/floor",
    "least reach", "b of lower", "b of upper",
)  # fmt: skip
_NUMBER = r"(-?[\d.]+(e[-+]?\d+)?|-|nan|-?inf)"
NUMERIC = re.compile(
    rf"(any|[<>]=?)? ?{_NUMBER}?(/\d+)?( to {_NUMBER})?"
    rf"( \[{_NUMBER}, {_NUMBER}\])?( \(.*\))?"
)


@dataclass(frozen=True)
class Grid:
    """A rectangle of texts, as every format shows it.

    kind: "predictions", "verdict", "cells" or "cases"; name: its caption
    trials: by line, what is behind it; () where nothing is
    """

    kind: str
    name: str
    heads: tuple[str, ...]
    body: tuple[tuple[str, ...], ...]
    trials: tuple[Trials, ...] = ()

    @property
    def words(self) -> tuple[bool, ...]:
        """By column, whether it holds words (set to the left) or numbers."""
        columns = [[line[i] for line in self.body] for i in range(len(self.heads))]
        return tuple(not all(map(NUMERIC.fullmatch, column)) for column in columns)


def grids(table: Table) -> Iterator[Grid]:
    """All grids of a table, in the order in which they are shown."""
    if table.checks:
        body = tuple(checked(check) for check in table.checks)
        yield Grid("predictions", "Predictions", CHECKED, body)
    if table.blocks:
        yield Grid("verdict", "Verdict", VERDICT, tuple(_verdicts(table)))
    for block in table.blocks:
        body = tuple(tuple(show(r) for show in COLUMNS.values()) for r in block.rows)
        trials = tuple(row.trials for row in block.rows)
        yield Grid("cells", block.name, tuple(COLUMNS), body, trials)
    for panel in table.panels:
        body = tuple(tuple(map(shown, line)) for line in panel.lines)
        yield Grid("cases", panel.name, panel.heads, body, panel.trials)


def checked(check: Check) -> tuple[str, ...]:
    """A prediction's line."""
    found = check.found
    value = "-"
    if found.value is not None:
        value = interval(Estimate(found.value, found.low, found.high))
    allowed = _allowed(check.low, check.high)
    if check.judged == "interval":
        allowed += " (interval)"
    rows = f"{found.rows}" + (f" (less {found.excluded})" if found.excluded else "")
    verdict = {True: "pass", False: "FAIL", None: f"none: {found.reason}"}
    return (check.claim, value, allowed, rows, verdict[check.passed])


def _allowed(low: float | None, high: float | None) -> str:
    """Between two ends, of which an open one is None."""
    if low is None:
        return "any" if high is None else f"<= {high:g}"
    return f">= {low:g}" if high is None else f"{low:g} to {high:g}"


def shown(entry: Entry) -> str:
    """The entry, with the number of seeds that have it where not all do."""
    value = entry.value
    if value is None:
        return "-"
    said = interval(value) if isinstance(value, Estimate) else str(value)
    whole = entry.count == entry.seeds
    return said if whole else f"{said} ({entry.count} of {entry.seeds})"


def _verdicts(table: Table) -> Iterator[tuple[str, ...]]:
    for name, v in ((block.name, block.verdict) for block in table.blocks):
        slopes = [v.fits.get(response, {}).get(AFFINE) for response in RESPONSES]
        yield (
            name,
            str(v.networks),
            str(v.networks - v.excluded),
            str(v.violations),
            number(v.smallest),
            number(v.reach),
            *(interval(fit.terms["b"] if fit else None) for fit in slopes),
        )


def plain(value: object) -> str:
    """A recorded value of one trial: six significant digits."""
    if value is None:
        return "-"
    return f"{value:.6g}" if isinstance(value, float) else str(value)
