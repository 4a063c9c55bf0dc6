"""The table of the law: one object made from records."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from isorobust.report import beside, trials
from isorobust.report.beside import Beside
from isorobust.report.doubts import doubts
from isorobust.report.origins import provenance
from isorobust.report.panels import Panel, between, panels
from isorobust.report.trials import Trials
from isorobust.results import failures, published, scaling
from isorobust.results.choice import Choice, choose
from isorobust.results.join import CLOSED, Found
from isorobust.results.rules import Check, judge
from isorobust.results.sandwich import Line, sandwich
from isorobust.results.scaling import Estimate, Fit

RESPONSES = ("lower", "upper")
DOMAINS = {"R^d": "", "sphere": "_sphere"}  # domain -> ending of its columns
AFFINE = "a + b sqrt(nd/p)"
SEED = 0  # of the bootstrap: the same records give the same table


@dataclass(frozen=True)
class Row:
    """One cell: counts over its networks, and numbers over those that fitted.

    trials: every network of the cell; not in table.json, for records.jsonl has them
    """

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
    exact: int
    lower_over_floor: float | None
    reach: float | None
    trials: Trials


@dataclass(frozen=True)
class Bracket:
    """How tight upper / lower is over `networks`; exact: how many closed to 1e-9."""

    networks: int
    exact: int
    median: float | None
    p95: float | None


@dataclass(frozen=True)
class Verdict:
    """What a block's networks say about the law.

    violations: networks whose certified upper bound lies below a floor, whether they
        fitted or not
    crossed: networks whose lower bound exceeds their upper bound (a defect of ours)
    smallest: the least upper / floor; reach: the least upper / the law's own scale
    brackets: by domain, of the networks that fitted
    fits: by response, then by model; choices: by response, which predicts best
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
    brackets: dict[str, Bracket]
    fits: dict[str, dict[str, Fit]]
    choices: dict[str, Choice]


@dataclass(frozen=True)
class Block:
    """The cells that may be pooled: same data law, model family, recipe and target.

    as_published: networks of the kind that results/published.py has points of
    """

    name: str
    rows: tuple[Row, ...]
    verdict: Verdict
    as_published: bool


@dataclass(frozen=True)
class Table:
    """A whole table.

    task: the hash of what the track's version asks, where it is recorded
    cases: rows of cases; partial: trials and such rows planned but not there so far
    checks: what was predicted beforehand, held against all of them
    frontier: floors, trained networks and McShane's function at one (n, d, p)
    beside: our networks on a published figure, where a rule speaks of it
    doubts: what a reader has to know before believing a number, in words
    provenance: (what, value), of machines and versions: not in table.json
    command: the words that started the run, where recorded and one
    """

    track: str
    version: int
    task: str | None
    networks: int
    cases: int
    partial: int
    checks: tuple[Check, ...]
    blocks: tuple[Block, ...]
    panels: tuple[Panel, ...]
    frontier: tuple[Line, ...]
    beside: tuple[Beside, ...]
    doubts: tuple[str, ...]
    provenance: tuple[tuple[str, str], ...]
    command: tuple[str, ...] | None


def tabulate(run: Found) -> Table:
    """The table of what a run of one track and version has so far."""
    blocks: dict[str, list[dict]] = {}
    for record in run.records:
        blocks.setdefault(record["block"], []).append(record)
    networks = [
        {"kind": "network"} | record | published.beside(record)
        for record in run.records
    ]
    checks = judge(run.rules, networks + run.rows) or tuple(run.checks)
    frontier = sandwich(networks + run.rows)
    tasks = {o.task for o in run.origins} - {None}
    commands = {tuple(o.command or ()) for o in run.origins} - {()}
    return Table(
        track=run.track,
        version=run.version,
        task=tasks.pop() if len(tasks) == 1 else None,
        networks=len(run.records),
        cases=len(run.rows),
        partial=run.planned - len(run.records) - len(run.rows),
        checks=checks,
        panels=panels(run.rows, run.shown) + between(frontier),
        blocks=tuple(
            Block(
                name,
                tuple(_rows(some)),
                _verdict(some),
                all(map(published.of_that_kind, some)),
            )
            for name, some in blocks.items()
        ),
        frontier=frontier,
        beside=beside.of_run(run),
        doubts=doubts(run, checks),
        provenance=provenance(run),
        command=commands.pop() if len(commands) == 1 else None,
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
        exact=bracket(fitted, "").exact,
        lower_over_floor=over("lower_over_floor", min),
        reach=over("reach", lambda v: scaling.mean(v).estimate),
        trials=trials.of_networks(records),
    )


def _verdict(records: list[dict]) -> Verdict:
    ratios = [r["upper_over_floor"] for r in records if r["upper_over_floor"]]
    fitted = [r for r in records if r["reached"]]
    return Verdict(
        networks=len(records),
        excluded=sum(not r["reached"] for r in records),
        diverged=sum(r["stop"] == "diverged" for r in records),
        violations=sum(bool(r["violated"]) for r in records),
        crossed=sum(bool(r["crossed"]) for r in records),
        theorem_applies=sum(bool(r["theorem_applies"]) for r in records),
        smallest=min(ratios, default=None),
        reach=min((r["reach"] for r in fitted if r["reach"]), default=None),
        brackets={
            domain: tight
            for domain, suffix in DOMAINS.items()
            if (tight := bracket(fitted, suffix)).networks
        },
        fits={response: _fits(records, response) for response in RESPONSES},
        choices={
            response: choice
            for response in RESPONSES
            if (choice := choose(records, response))
        },
    )


def _fits(records: list[dict], response: str) -> dict[str, Fit]:
    """The fits of a response that can be had, by model."""
    rng = np.random.Generator(np.random.Philox(key=SEED))
    ndp = ("n", "d", "p")
    naive = scaling.power_law(records, response, ndp)
    found = {
        "log-log in sqrt(nd/p)": scaling.power_law(records, response, ("law_ratio",)),
        "log-log in n, d, p": naive,
        "log-log in n, d, p, Huber's loss": scaling.robust(records, response, ndp),
        "5 % envelope in n, d, p": scaling.envelope(records, response, ndp, rng),
        AFFINE: scaling.affine(records, response),
        "a^2 + b^2 nd/p": scaling.squares(records, response),
    }
    if not all(record["reached"] for record in records):
        bounded = failures.power_law(records, response, ndp)
        found["log-log in n, d, p, failures as bounds"] = bounded
    return {name: fit for name, fit in found.items() if fit}


def bracket(records: list[dict], suffix: str) -> Bracket:
    """upper / lower of the records where both are known, in a domain of DOMAINS."""
    pairs = [(r.get(f"upper{suffix}"), r.get(f"lower{suffix}")) for r in records]
    ratios = [upper / lower for upper, lower in pairs if upper and lower]
    return Bracket(
        networks=len(ratios),
        exact=sum(bool(ratio <= 1 + CLOSED) for ratio in ratios),
        median=float(np.median(ratios)) if ratios else None,
        p95=float(np.quantile(ratios, 0.95)) if ratios else None,
    )
