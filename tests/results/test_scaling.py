"""Fits on synthetic truth."""

import numpy as np
import pytest

from isorobust.results import scaling


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
    """100 tables with cell effects: 84 of the 95 % intervals hold the truth."""
    held = 0
    for _ in range(100):
        fit = scaling.power_law(synthetic(rng, 0.2), "lower", ("n", "d", "p"), rng)
        assert fit is not None
        term = fit.terms["n"]
        assert term.low is not None and term.high is not None
        held += term.low <= 0.5 <= term.high
    assert held >= 84


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
