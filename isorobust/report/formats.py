"""The table rendered to text formats, which cannot disagree."""

import csv
import dataclasses
import io
import json
import math
from collections.abc import Callable

from isorobust.report.panels import Entry
from isorobust.report.table import AFFINE, RESPONSES, Row, Table, Verdict
from isorobust.results.join import CLOSED
from isorobust.results.rules import Check
from isorobust.results.scaling import Estimate


def _number(value: float | None) -> str:
    """Three significant digits; "-" for what was not measured."""
    if value is None:
        return "-"
    if 0 < abs(value) < TINY:
        return f"{value:.0e}"
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


def _ratio(value: float | None) -> str:
    """Four decimals: brackets differ in the third."""
    return "-" if value is None else f"{value:.4f}"


def _interval(value: Estimate | None) -> str:
    """`estimate [low, high]`."""
    if value is None:
        return "-"
    if value.low is None or value.high is None:
        return _number(value.estimate)
    return f"{_number(value.estimate)} [{_number(value.low)}, {_number(value.high)}]"


# heading -> cell of the table, the same for every format
COLUMNS: dict[str, Callable[[Row], str]] = {
    "n": lambda r: str(r.n),
    "d": lambda r: str(r.d),
    "width": lambda r: str(r.width),
    "p": lambda r: str(r.p),
    "sqrt(nd/p)": lambda r: _number(r.law_ratio),
    "fit/tried": lambda r: f"{r.reached}/{r.attempted}",
    "diverged": lambda r: str(r.diverged),
    "floor": lambda r: _number(r.floor.estimate if r.floor else None),
    "lower": lambda r: _interval(r.lower),
    "upper": lambda r: _interval(r.upper),
    "upper/lower": lambda r: _ratio(r.upper_over_lower),
    "exact": lambda r: f"{r.exact}/{r.reached}",
    "min lower/floor": lambda r: _number(r.lower_over_floor),
    "reach": lambda r: _number(r.reach),
}

TINY = 1e-6
CHECKED = ["prediction", "found", "allowed", "rows", "verdict"]
LEGEND = (
    "lower: attained, upper: certified (geometric mean over the networks that fitted, "
    "95 % interval); exact: networks whose bracket is closed to 1e-9; floor: what the "
    "law allows; reach: upper / ((1 - sqrt(1 - eps)) sqrt(nd/p)); b: of "
    "a + b sqrt(nd/p), intervals by resampling cells; '-': not measured or nothing "
    "fitted. The law is one-sided: only an upper bound below a floor would refute it."
)


def markdown(table: Table) -> str:
    """GitHub-flavoured Markdown."""
    lines = [f"# {title(table)}", ""]
    if table.partial:
        kinds = "networks and cases" if table.cases else "networks"
        lines += [f"**Under way: {table.partial} {kinds} have no record yet.**", ""]
    if table.checks:
        lines += ["## Predictions", "", *predictions(table), ""]
    for block in table.blocks:
        body = [[show(row) for show in COLUMNS.values()] for row in block.rows]
        lines += [f"## {block.name}", "", *_grid(list(COLUMNS), body), ""]
        lines += [*_said(block.verdict), ""]
    for panel in table.panels:
        body = [[_shown(entry) for entry in line] for line in panel.lines]
        lines += [f"## {panel.name}", "", *_grid(list(panel.heads), body), ""]
    if table.blocks:
        lines += [LEGEND, "", "## Verdict", "", *summary(table), ""]
    return "\n".join(lines)


def title(table: Table) -> str:
    """Track, version, and what the table is of."""
    parts = [f"{table.networks} networks"] if table.networks or not table.cases else []
    parts += [f"{table.cases} rows of solved cases"] if table.cases else []
    return f"{table.track} v{table.version}: {', '.join(parts)}"


def predictions(table: Table) -> list[str]:
    """What was predicted and what was found, the lines of a Markdown table."""
    body = [_checked(check) for check in table.checks]
    held = sum(check.passed is True for check in table.checks)
    said = f"{held} of {len(table.checks)} predictions hold."
    return [said, "", *_grid(CHECKED, body)]


def _checked(check: Check) -> list[str]:
    found = check.found
    value = "-"
    if found.value is not None:
        value = _interval(Estimate(found.value, found.low, found.high))
    allowed = _allowed(check.low, check.high)
    if check.judged == "interval":
        allowed += " (interval)"
    rows = f"{found.rows}" + (f" (less {found.excluded})" if found.excluded else "")
    verdict = {True: "pass", False: "FAIL", None: f"none: {found.reason}"}
    return [check.claim, value, allowed, rows, verdict[check.passed]]


def _allowed(low: float | None, high: float | None) -> str:
    """Between two ends, of which an open one is None."""
    if low is None:
        return "any" if high is None else f"<= {high:g}"
    return f">= {low:g}" if high is None else f"{low:g} to {high:g}"


def _shown(entry: Entry) -> str:
    """The entry, with the number of seeds that have it where not all do."""
    value = entry.value
    said = _interval(value) if isinstance(value, Estimate) else str(value)
    if value is None:
        return "-"
    return (
        said
        if entry.count == entry.seeds
        else f"{said} ({entry.count} of {entry.seeds})"
    )


def summary(table: Table) -> list[str]:
    """The verdict, a line a block: the lines of a Markdown table."""
    head = ["block", "networks", "fitted", "floors violated", "least upper/floor"]
    head += ["least reach", "b of lower", "b of upper"]
    body = []
    for name, v in ((block.name, block.verdict) for block in table.blocks):
        slopes = [v.fits[response].get(AFFINE) for response in RESPONSES]
        line = [name, str(v.networks), str(v.networks - v.excluded), str(v.violations)]
        line += [_number(v.smallest), _number(v.reach)]
        body.append(
            line + [_interval(fit.terms["b"] if fit else None) for fit in slopes]
        )
    return _grid(head, body)


def _grid(head: list[str], body: list[list[str]]) -> list[str]:
    """A Markdown table."""
    lines = [head, ["---:"] * len(head), *body]
    return [f"| {' | '.join(line)} |" for line in lines]


def _said(verdict: Verdict) -> list[str]:
    """The verdict in words, a Markdown list."""
    said = [
        f"- {verdict.violations} floors violated in {verdict.networks} networks "
        f"(smallest upper/floor {_number(verdict.smallest)}); "
        f"{verdict.crossed} with lower > upper",
        f"- {verdict.excluded} networks did not reach their target "
        f"({verdict.diverged} diverged): in no mean and no fit",
        f"- the theorem's own hypothesis holds for {verdict.theorem_applies}",
    ]
    for domain, b in verdict.brackets.items():
        said.append(
            f"- upper/lower on {domain}: median {_ratio(b.median)}, 95 % quantile "
            f"{_ratio(b.p95)}; {b.exact} of {b.networks} networks exact (to {CLOSED:g})"
        )
    for response, fits in verdict.fits.items():
        for name, fit in fits.items():
            terms = ", ".join(f"{k} = {_interval(v)}" for k, v in fit.terms.items())
            said.append(
                f"- {response}, {name}: {terms} (R2 {fit.r2:.2f}, {fit.cells} cells, "
                f"{fit.networks} networks)"
            )
    return said


def as_json(table: Table) -> str:
    """JSON of the whole object."""
    return json.dumps(dataclasses.asdict(table), indent=1, allow_nan=False) + "\n"


def as_csv(table: Table) -> str:
    """One line a cell, its block first; each panel after an empty line."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    if table.blocks:
        writer.writerow(["block", *COLUMNS])
    for block in table.blocks:
        for row in block.rows:
            writer.writerow([block.name, *(show(row) for show in COLUMNS.values())])
    for panel in table.panels:
        if text.tell():
            text.write("\n")
        writer.writerow(["block", *panel.heads])
        for line in panel.lines:
            writer.writerow([panel.name, *map(_shown, line)])
    return text.getvalue()


def latex(table: Table) -> str:
    """A booktabs tabular a block."""
    escaped = {c: "\\" + c for c in "&%$#_{}"} | {
        "~": r"\textasciitilde{}",
        "^": r"\^{}",
    }

    def safe(text: str) -> str:
        return "".join(escaped.get(c, c) for c in text.replace("\\", "/"))

    def tabular(name: str, heads: list[str], body: list[list[str]]) -> list[str]:
        lines = [f"% {safe(name)}", r"\begin{tabular}{" + "r" * len(heads) + "}"]
        lines += [r"\toprule", " & ".join(map(safe, heads)) + r" \\", r"\midrule"]
        lines += [" & ".join(map(safe, cells)) + r" \\" for cells in body]
        return [*lines, r"\bottomrule", r"\end{tabular}", ""]

    lines = [f"% {title(table)}"]
    if table.checks:
        checked = [_checked(check) for check in table.checks]
        lines += tabular("predictions", CHECKED, checked)
    for block in table.blocks:
        body = [[show(row) for show in COLUMNS.values()] for row in block.rows]
        lines += tabular(block.name, list(COLUMNS), body)
    for panel in table.panels:
        body = [[_shown(entry) for entry in line] for line in panel.lines]
        lines += tabular(panel.name, list(panel.heads), body)
    return "\n".join(lines)
