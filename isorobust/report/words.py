"""What a table says in sentences: its title, its legend, a block's verdict."""

from isorobust.report.cells import interval, number, ratio
from isorobust.report.table import Table, Verdict
from isorobust.results.join import CLOSED

LEGEND = (
    "lower: attained, upper: certified (geometric mean over the networks that fitted, "
    "95 % interval); exact: networks whose bracket is closed to 1e-9; floor: what the "
    "law allows; reach: upper / ((1 - sqrt(1 - eps)) sqrt(nd/p)); b: of "
    "a + b sqrt(nd/p), intervals by resampling cells; '-': not measured or nothing "
    "fitted. The law is one-sided: only an upper bound below a floor would refute it."
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
        for name, fit in fits.items():
            terms = ", ".join(f"{k} = {interval(v)}" for k, v in fit.terms.items())
            told.append(
                f"{response}, {name}: {terms} (R2 {fit.r2:.2f}, {fit.cells} cells, "
                f"{fit.networks} networks)"
            )
    return told
