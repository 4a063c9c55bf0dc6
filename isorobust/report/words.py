"""What a table says in sentences: its title, its legend, a block's verdict."""

from isorobust.report.cells import interval, number, ratio
from isorobust.report.table import Table, Verdict
from isorobust.results.choice import Choice
from isorobust.results.join import CLOSED
from isorobust.results.scaling import Fit

LEGEND = (
    "lower: attained, upper: certified (geometric mean over the networks that fitted, "
    "95 % interval); exact: networks whose bracket is closed to 1e-9; floor: what the "
    "law allows; reach: upper / ((1 - sqrt(1 - eps)) sqrt(nd/p)); b: of "
    "a + b sqrt(nd/p), 95 % interval (CR2) with data sets, or cells, as the unit; '-': "
    "not measured or nothing fitted. The law is one-sided: only certified upper "
    "bounds below its floor, in more draws than its delta allows, would refute it."
)


def title(table: Table) -> str:
    """Track, version, and what the table is of."""
    task = f" (task {table.task})" if table.task else ""
    return f"{table.track} v{table.version}{task}: {subject(table)}"


def subject(table: Table) -> str:
    """What the table is of: so many networks, so many rows of cases."""
    parts = [f"{table.networks} networks"] if table.networks or not table.cases else []
    parts += [f"{table.cases} rows of solved cases"] if table.cases else []
    return ", ".join(parts)


def held(table: Table) -> str:
    """How many of the predictions hold."""
    count = sum(check.passed is True for check in table.checks)
    return f"{count} of {len(table.checks)} predictions hold."


def said(verdict: Verdict) -> list[str]:
    """The verdict on a block, a sentence each."""
    told = [
        f"{verdict.violations} floors violated in {verdict.networks} networks "
        f"(smallest upper/floor {number(verdict.smallest)}); "
        f"{verdict.crossed} with lower > upper",
        f"{verdict.excluded} networks did not reach their target "
        f"({verdict.diverged} diverged): in no mean and no fit",
        f"the theorem's own hypothesis holds for {verdict.theorem_applies}",
    ]
    for domain, b in verdict.brackets.items():
        told.append(
            f"upper/lower on {domain}: median {ratio(b.median)}, 95 % quantile "
            f"{ratio(b.p95)}; {b.exact} of {b.networks} networks exact (to {CLOSED:g})"
        )
    for response, fits in verdict.fits.items():
        told += [f"{response}, {name}: {_fitted(fit)}" for name, fit in fits.items()]
        if response in verdict.choices:
            told.append(f"{response}: {_chosen(verdict.choices[response])}")
    return told


def _fitted(fit: Fit) -> str:
    """A fit's terms, what they rest on, and how far an end of an axis moves them."""
    terms = [f"{k} = {interval(v)}" for k, v in fit.terms.items()]
    if fit.kind == "bounds":
        terms = [
            f"{k} from {number(fit.between[k][0])} to {number(fit.between[k][1])} "
            f"(with their intervals {number(v.low)} to {number(v.high)})"
            for k, v in fit.terms.items()
        ]
    unit = f", {fit.clusters} {fit.unit}" if fit.unit != "cells" else ""
    failed = f", {fit.failed} of them failed" if fit.failed else ""
    rests = f"R2 {fit.r2:.2f}, {fit.cells} cells{unit}, {fit.networks} networks{failed}"
    moved = ""
    if fit.without:
        ends = [
            f"{k} {number(min(values))} to {number(max(values))}"
            for k in fit.terms
            if (values := [some[k] for some in fit.without.values() if k in some])
        ]
        moved = f"; without an end of an axis: {', '.join(ends)}"
    return f"{', '.join(terms)} ({rests}){moved}"


def _chosen(choice: Choice) -> str:
    """Which law predicts cells it hasn't seen, and by how much it misses."""

    def least(missed: dict[str, float | None]) -> str:
        known = {name: v for name, v in missed.items() if v is not None}
        best = min(known, key=lambda name: known[name])
        return f"{best} (rms of log L {number(known[best])})"

    said = (
        f"held-out {choice.unit} are predicted best by {least(choice.held_out)}; "
        f"within a standard error the simplest is {choice.simplest}"
    )
    if any(value is not None for value in choice.largest.values()):
        said += f"; the largest sqrt(nd/p) from the rest, by {least(choice.largest)}"
    return said
