"""Fits on synthetic truth."""

import numpy as np
import pytest

from isorobust.results import failures, scaling
from isorobust.results.cells import data_of
from isorobust.results.choice import choose


def synthetic(rng: np.random.Generator, spread: float, seeds: int = 4) -> list[dict]:
    """Cells on a grid with Lip = 2 n^.5 d^.4 p^-.3, cell effects of size `spread`."""
    rows = []
    for n in (100, 200, 400):
        for d in (8, 16, 32):
            for p in (500, 1000, 4000):
                effect = spread * rng.standard_normal()
                for _ in range(seeds):
                    log = np.log(2 * n**0.5 * d**0.4 * p**-0.3) + effect
                    log += 0.01 * rng.standard_normal() * (spread > 0)
                    rows.append(
                        {"cell": f"{n}-{d}-{p}", "n": n, "d": d, "p": p,
                         "reached": True, "law_ratio": np.sqrt(n * d / p),
                         "lower": float(np.exp(log))}
                    )  # fmt: skip
    return rows


def test_exponents_are_recovered(rng: np.random.Generator) -> None:
    fit = scaling.power_law(synthetic(rng, 0.0), "lower", ("n", "d", "p"), rng)
    assert fit is not None and fit.r2 == pytest.approx(1)
    for name, truth in (("n", 0.5), ("d", 0.4), ("p", -0.3)):
        assert fit.terms[name].estimate == pytest.approx(truth)
    assert (fit.cells, fit.networks, fit.excluded) == (27, 108, 0)


def test_affine_is_recovered(rng: np.random.Generator) -> None:
    rows = [r | {"lower": 3 + 1.4 * r["law_ratio"]} for r in synthetic(rng, 0.0)]
    fit = scaling.affine(rows, "lower", rng)
    assert fit is not None
    assert fit.terms["a"].estimate == pytest.approx(3)
    assert fit.terms["b"].estimate == pytest.approx(1.4)


def test_intervals_cover(rng: np.random.Generator) -> None:
    """200 tables with cell effects: 190 of the intervals, less three deviations."""
    held = 0
    for _ in range(200):
        fit = scaling.power_law(synthetic(rng, 0.2), "lower", ("n", "d", "p"), rng)
        assert fit is not None
        term = fit.terms["n"]
        assert term.low is not None and term.high is not None
        held += term.low <= 0.5 <= term.high
    assert 181 <= held <= 199


def test_more_seeds_do_not_narrow_an_interval_of_cells(
    rng: np.random.Generator,
) -> None:
    widths = []
    for seeds in (2, 32):
        rows = synthetic(np.random.default_rng(5), 0.2, seeds)
        term = scaling.power_law(rows, "lower", ("n", "d", "p"), rng).terms["n"]
        widths.append(term.high - term.low)
    assert widths[1] > 0.5 * widths[0]


def test_networks_that_did_not_fit_are_counted_not_used(
    rng: np.random.Generator,
) -> None:
    rows = synthetic(rng, 0.0)
    rows += [r | {"reached": False, "lower": 1e6} for r in rows[:7]]
    fit = scaling.power_law(rows, "lower", ("n", "d", "p"), rng)
    assert fit is not None and fit.excluded == 7
    assert fit.terms["n"].estimate == pytest.approx(0.5)


def test_no_fit_is_better_than_a_meaningless_one(rng: np.random.Generator) -> None:
    rows = [r for r in synthetic(rng, 0.0) if r["n"] == 100]
    assert scaling.power_law(rows, "lower", ("n", "d", "p"), rng) is None
    assert scaling.power_law([], "lower", ("n",), rng) is None
    assert scaling.affine(rows[:4], "lower", rng) is None


def test_mean_is_a_students_interval_of_logs() -> None:
    from scipy import stats

    values = [2.0, 3.0, 5.0, 4.0]
    low, high = stats.t.interval(
        0.95, 3, np.log(values).mean(), stats.sem(np.log(values))
    )
    found = scaling.mean(values)
    assert found.estimate == pytest.approx(stats.gmean(values))
    assert found.low == pytest.approx(np.exp(low))
    assert found.high == pytest.approx(np.exp(high))
    assert scaling.mean([2.0]).low is None


def test_squares_are_recovered_and_not_negative() -> None:
    rows = synthetic(np.random.default_rng(1), 0.0)
    for a, b in ((3.0, 1.4), (0.0, 2.0), (2.0, 0.0)):
        some = [
            r | {"lower": float(np.hypot(a, b * r["law_ratio"]))}
            for r in rows
        ]  # fmt: skip
        fit = scaling.squares(some, "lower")
        assert fit is not None
        found = [fit.terms[name].estimate for name in "ab"]
        assert found == pytest.approx([a, b], abs=1e-5)
    falling = [r | {"lower": 9 - 0.5 * r["law_ratio"]} for r in rows]
    there = scaling.squares(falling, "lower").terms["b"]
    assert there.estimate == 0 and there.low == 0 == there.high


def test_the_envelope_lies_below_one_network_in_twenty(
    rng: np.random.Generator,
) -> None:
    rows = synthetic(rng, 0.2, seeds=10)
    fit = scaling.envelope(rows, "lower", ("n", "d", "p"), rng)
    assert fit is not None and fit.cells == 27 and fit.networks == 270
    for name, truth in (("n", 0.5), ("d", 0.4), ("p", -0.3)):
        term = fit.terms[name]
        assert term.low <= term.estimate <= term.high
        assert term.low - 0.1 <= truth <= term.high + 0.1
    assert 0 < fit.r2 <= 1


def test_hubers_fit_shrugs_at_a_stray_cell(rng: np.random.Generator) -> None:
    rows = synthetic(rng, 0.02)
    stray = [
        r | ({"lower": 1e4 * r["lower"]} if r["cell"] == "400-32-500" else {})
        for r in rows
    ]
    pulled = scaling.power_law(stray, "lower", ("n", "d", "p"))
    steady = scaling.robust(stray, "lower", ("n", "d", "p"))
    assert abs(pulled.terms["n"].estimate - 0.5) > 0.5
    assert abs(steady.terms["n"].estimate - 0.5) < 0.1


def test_axes_are_left_out_one_end_at_a_time(rng: np.random.Generator) -> None:
    """p counts at n = 400 only: the exponent of p needs that end of the axis of n."""
    rows = [
        r | {"lower": r["p"] ** -0.5 if r["n"] == 400 else 1.0}
        for r in synthetic(rng, 0.0)
    ]
    fit = scaling.power_law(rows, "lower", ("n", "d", "p"))
    assert fit.terms["p"].estimate == pytest.approx(-0.5 / 3)
    assert fit.without["without n >= 400"]["p"] == pytest.approx(0, abs=1e-12)
    assert fit.without["without n <= 100"]["p"] == pytest.approx(-0.25)
    assert len(fit.without) == 6


def test_widths_that_share_data_sets_are_one_cluster() -> None:
    """An effect of the data, the same for all widths: cells alone are too narrow."""
    held = {"cells": 0, "data sets": 0}
    for key in range(60):
        rng = np.random.Generator(np.random.Philox(key=key))
        rows = synthetic(rng, 0.01)
        effect = {row["n"] * 1000 + row["d"]: rng.standard_normal() for row in rows}
        for row in rows:
            row["lower"] *= np.exp(0.3 * effect[row["n"] * 1000 + row["d"]])
        told = [r | {"distribution": "Sphere()", "target": "Signs()"} for r in rows]
        for some, unit in ((rows, "cells"), (told, "data sets")):
            fit = scaling.power_law(some, "lower", ("n", "d", "p"))
            assert fit.unit == unit and fit.clusters == (27 if some is rows else 9)
            held[unit] += fit.terms["n"].low <= 0.5 <= fit.terms["n"].high
    assert held["data sets"] >= 52 and held["cells"] <= 48


def test_families_that_share_data_sets_are_one_cluster(
    rng: np.random.Generator,
) -> None:
    """A solved family's row says its laws in its block; they are a network's too."""
    rows = synthetic(rng, 0.1)
    laws = {"distribution": "Sphere()", "target": "BalancedSigns()"}
    solved = {"family": "MinNorm", "block": "MinNorm(); Sphere(); BalancedSigns()"}
    for row in rows:
        assert data_of(row | laws) == data_of(row | solved) is not None
    fit = scaling.power_law([r | solved for r in rows], "lower", ("n", "d", "p"))
    assert fit.unit == "data sets" and fit.clusters == 9 and fit.cells == 27


def test_one_data_set_leaves_cells_as_the_unit(rng: np.random.Generator) -> None:
    rows = [
        {"cell": str(p), "distribution": "D", "target": "T", "n": 9, "d": 2, "p": p,
         "reached": True, "lower": p**-0.5 * (1 + 0.01 * rng.random())}
        for p in range(100, 900, 100)
    ]  # fmt: skip
    fit = scaling.power_law(rows, "lower", ("p",))
    assert (fit.unit, fit.clusters) == ("cells", 8) and fit.terms["p"].low is not None


@pytest.mark.parametrize("interval", ["wild", "percentile"])
def test_other_intervals_are_near(
    rng: np.random.Generator, interval: scaling.Interval
) -> None:
    rows = synthetic(rng, 0.2)
    ours = scaling.power_law(rows, "lower", ("n", "d", "p")).terms["p"]
    other = scaling.power_law(rows, "lower", ("n", "d", "p"), rng, interval).terms["p"]
    assert other.estimate == ours.estimate
    assert other.high - other.low == pytest.approx(ours.high - ours.low, rel=0.35)


def test_failures_of_a_table(rng: np.random.Generator) -> None:
    """Counted, in bounds without a limit and in an estimate with one."""
    rows = synthetic(rng, 0.1, seeds=8)
    cap = float(np.quantile([row["lower"] for row in rows], 0.7))
    for row in rows:
        if row["lower"] > cap:
            row |= {"reached": False, "lower": None, "cap": cap}
    failed = sum(not row["reached"] for row in rows)
    unknown = failures.power_law(rows, "lower", ("n", "d", "p"))
    known = failures.power_law(rows, "lower", ("n", "d", "p"), "cap")
    naive = scaling.power_law(rows, "lower", ("n", "d", "p"))
    assert (unknown.kind, known.kind) == ("bounds", "estimates")
    assert unknown.failed == known.failed == naive.excluded == failed
    assert known.networks == len(rows) and known.excluded == 0
    for name, truth in (("n", 0.5), ("d", 0.4), ("p", -0.3)):
        assert unknown.terms[name].low <= truth <= unknown.terms[name].high
        assert known.terms[name].estimate == pytest.approx(truth, abs=0.12)
    better = abs(known.terms["n"].estimate - 0.5)
    assert better < abs(naive.terms["n"].estimate - 0.5)


LAWS = {
    "log-log in n, d, p": lambda r: r["n"] ** 0.2 * r["p"] ** -0.4,
    "log-log in sqrt(nd/p)": lambda r: r["law_ratio"] ** 0.7,
    "a + b sqrt(nd/p)": lambda r: 3 + 2 * r["law_ratio"],
    "a^2 + b^2 nd/p": lambda r: float(np.hypot(3, 2 * r["law_ratio"])),
    "constant": lambda r: 4.0,
}


@pytest.mark.parametrize("name", LAWS)
def test_the_law_behind_the_cells_is_chosen(
    name: str, rng: np.random.Generator
) -> None:
    """In most of 20 tables with cell effects; its error is theirs."""
    right = 0
    for _ in range(20):
        effects: dict[str, float] = {}
        rows = []
        for row in synthetic(rng, 0.0):
            effect = effects.setdefault(row["cell"], 0.02 * rng.standard_normal())
            rows.append(row | {"lower": LAWS[name](row) * float(np.exp(effect))})
        found = choose(rows, "lower")
        assert found is not None and (found.cells, found.clusters) == (27, 27)
        assert found.held_out[name] < 0.04 and found.largest[name] < 0.06
        right += found.simplest == name
    assert right >= 15


def test_held_out_is_the_refits(rng: np.random.Generator) -> None:
    """For least squares, the residuals over one less their leverage."""
    rows = synthetic(rng, 0.2)
    cells = scaling.averages(rows, "lower", ("n", "d", "p"))
    x = np.column_stack(
        [np.ones(27), *(np.log([c.factors[f] for c in cells]) for f in "ndp")]
    )
    y = np.array([cell.log for cell in cells])
    hat = x @ np.linalg.pinv(x)
    missed = (y - hat @ y) / (1 - np.diag(hat))
    found = choose(rows, "lower").held_out["log-log in n, d, p"]
    assert found == pytest.approx(np.sqrt(np.mean(missed**2)))


def test_a_model_that_predicts_no_constant_is_out(rng: np.random.Generator) -> None:
    rows = [r | {"lower": r["law_ratio"] ** -2} for r in synthetic(rng, 0.0)]
    found = choose(rows, "lower")
    assert found.held_out["a + b sqrt(nd/p)"] is None
    assert found.best != "a + b sqrt(nd/p)" and found.best.startswith("log-log")
    assert choose(rows[:8], "lower") is None and choose([], "lower") is None
