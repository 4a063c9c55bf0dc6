"""The table of the law: one object made from records, rendered to text formats."""

import csv
import dataclasses
import io
import json
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from isorobust.results import scaling
from isorobust.results.scaling import Estimate, Fit

RESPONSES = ("lower", "upper")
AFFINE = "a + b sqrt(nd/p)"
SEED = 0  # of the bootstrap: the same records give the same table


@dataclass(frozen=True)
class Row:
    """One cell: counts over its networks, and numbers over those that fitted."""

    n: int
    d: int
    width: int
    p: int
    law_ratio: float
    attempted: int
    reached: int
    diverged: int
    floor: Estimate | None
    lower: Estimate | None
    upper: Estimate | None
    upper_over_lower: float | None
    lower_over_floor: float | None
    reach: float | None


@dataclass(frozen=True)
class Verdict:
    """What a block's networks say about the law.

    violations: networks whose certified upper bound lies below a floor, whether they
        fitted or not
    crossed: networks whose lower bound exceeds their upper bound (a defect of ours)
    smallest: the least upper / floor; reach: the least upper / the law's own scale
    fits: by response, then by model
    excluded: networks that did not reach their target: in no mean and no fit
    """

    networks: int
    excluded: int
    diverged: int
    violations: int
    crossed: int
    theorem_applies: int
    smallest: float | None
    reach: float | None
    fits: dict[str, dict[str, Fit]]


@dataclass(frozen=True)
class Block:
    """The cells that may be pooled: same data law, model family, recipe and target."""

    name: str
    rows: tuple[Row, ...]
    verdict: Verdict


@dataclass(frozen=True)
class Table:
    """A whole table. partial: trials planned but without a record so far."""

    track: str
    version: int
    networks: int
    partial: int
    blocks: tuple[Block, ...]


def tabulate(records: list[dict], planned: int) -> Table:
    """The table of some records of one track and version."""
    blocks: dict[str, list[dict]] = {}
    for record in records:
        blocks.setdefault(record["block"], []).append(record)
    return Table(
        track=records[0]["track"],
        version=records[0]["track_version"],
        networks=len(records),
        partial=planned - len(records),
        blocks=tuple(
            Block(name, tuple(_rows(some)), _verdict(some))
            for name, some in blocks.items()
        ),
    )


def _rows(records: list[dict]) -> list[Row]:
    cells: dict[str, list[dict]] = {}
    for record in records:
        cells.setdefault(record["cell"], []).append(record)
    return [_row(some) for some in cells.values()]


def _row(records: list[dict]) -> Row:
    fitted = [r for r in records if r["reached"]]

    def over(name: str, summary: Callable) -> Any:
        values = [r[name] for r in fitted if r[name]]
        return summary(values) if values else None

    same = {name: records[0][name] for name in ("n", "d", "width", "p", "law_ratio")}
    return Row(
        **same,
        attempted=len(records),
        reached=len(fitted),
        diverged=sum(r["stop"] == "diverged" for r in records),
        floor=over("floor", scaling.mean),
        lower=over("lower", scaling.mean),
        upper=over("upper", scaling.mean),
        upper_over_lower=over("upper_over_lower", lambda v: float(np.median(v))),
        lower_over_floor=over("lower_over_floor", min),
        reach=over("reach", lambda v: scaling.mean(v).estimate),
    )


def _verdict(records: list[dict]) -> Verdict:
    ratios = [r["upper_over_floor"] for r in records if r["upper_over_floor"]]
    fitted = [r for r in records if r["reached"]]
    rng = np.random.Generator(np.random.Philox(key=SEED))
    fits: dict[str, dict[str, Fit]] = {}
    for response in RESPONSES:
        found = {
            "log-log in sqrt(nd/p)": scaling.power_law(
                records, response, ("law_ratio",), rng
            ),
            "log-log in n, d, p": scaling.power_law(
                records, response, ("n", "d", "p"), rng
            ),
            AFFINE: scaling.affine(records, response, rng),
        }
        fits[response] = {name: fit for name, fit in found.items() if fit}
    return Verdict(
        networks=len(records),
        excluded=sum(not r["reached"] for r in records),
        diverged=sum(r["stop"] == "diverged" for r in records),
        violations=sum(bool(r["violated"]) for r in records),
        crossed=sum(bool(r["crossed"]) for r in records),
        theorem_applies=sum(r["theorem_applies"] for r in records),
        smallest=min(ratios, default=None),
        reach=min((r["reach"] for r in fitted if r["reach"]), default=None),
        fits=fits,
    )


def _number(value: float | None) -> str:
    """Three significant digits; "-" for what was not measured."""
    if value is None:
        return "-"
    if value == 0 or not math.isfinite(value):
        return f"{value:g}"
    return f"{value:.{max(0, 2 - math.floor(math.log10(abs(value))))}f}"


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
    "upper/lower": lambda r: _number(r.upper_over_lower),
    "min lower/floor": lambda r: _number(r.lower_over_floor),
    "reach": lambda r: _number(r.reach),
}

LEGEND = (
    "lower: attained, upper: certified (geometric mean over the networks that fitted, "
    "95 % interval); floor: what the law allows; reach: upper / "
    "((1 - sqrt(1 - eps)) sqrt(nd/p)); b: of a + b sqrt(nd/p), intervals by resampling "
    "cells; '-': not measured or nothing fitted. The law is one-sided: only an upper "
    "bound below a floor would refute it."
)


def markdown(table: Table) -> str:
    """GitHub-flavoured Markdown."""
    lines = [f"# {table.track} v{table.version}: {table.networks} networks", ""]
    if table.partial:
        lines += [f"**Under way: {table.partial} networks have no record yet.**", ""]
    for block in table.blocks:
        body = [[show(row) for show in COLUMNS.values()] for row in block.rows]
        lines += [f"## {block.name}", "", *_grid(list(COLUMNS), body), ""]
        lines += [*_said(block.verdict), ""]
    return "\n".join([*lines, LEGEND, "", "## Verdict", "", *summary(table), ""])


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
    """One line a cell, its block first."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(["block", *COLUMNS])
    for block in table.blocks:
        for row in block.rows:
            writer.writerow([block.name, *(show(row) for show in COLUMNS.values())])
    return text.getvalue()


def latex(table: Table) -> str:
    """A booktabs tabular a block."""
    escaped = {c: "\\" + c for c in "&%$#_{}"} | {
        "~": r"\textasciitilde{}",
        "^": r"\^{}",
    }

    def safe(text: str) -> str:
        return "".join(escaped.get(c, c) for c in text.replace("\\", "/"))

    lines = [f"% {table.track} v{table.version}, {table.networks} networks"]
    for block in table.blocks:
        body = [[show(row) for show in COLUMNS.values()] for row in block.rows]
        lines += [
            f"% {safe(block.name)}",
            r"\begin{tabular}{" + "r" * len(COLUMNS) + "}",
        ]
        lines += [r"\toprule", " & ".join(map(safe, COLUMNS)) + r" \\", r"\midrule"]
        lines += [" & ".join(map(safe, cells)) + r" \\" for cells in body]
        lines += [r"\bottomrule", r"\end{tabular}", ""]
    return "\n".join(lines)
