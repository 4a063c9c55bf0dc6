"""One table object from records: its counts, its means, its figures."""

import re
import xml.etree.ElementTree as ET

import numpy as np
import pytest

from isorobust.report import FILES, files, forest, tabulate
from isorobust.report.formats import markdown
from isorobust.results import scaling
from isorobust.results.join import Found


def record(cell: int, seed: int, **change: object) -> dict:
    n, d, p = 100 * (1 + cell % 3), 10 + 5 * (cell // 3), 300 + 70 * cell * cell
    lower = 3 + np.sqrt(n * d / p) + 0.1 * seed
    row = {
        "track": "T", "track_version": 1, "block": "a & b_c; d", "cell": f"c{cell}",
        "seed": seed, "uid": f"{cell}-{seed}", "n": n, "d": d, "p": p, "width": 8,
        "schema_version": 1, "reached": True, "stop": "target",
        "law_ratio": float(np.sqrt(n * d / p)), "lower": lower,
        "upper": 1.25 * lower, "floor": 1.0, "upper_over_lower": 1.25,
        "lower_over_floor": lower, "upper_over_floor": 1.25 * lower, "reach": 2.0,
        "violated": False, "crossed": False, "theorem_applies": False,
    }  # fmt: skip
    return row | change


@pytest.fixture
def records() -> list[dict]:
    rows = [record(c, s) for c in range(9) for s in range(4)]
    nothing = dict.fromkeys(("upper_over_lower", "lower_over_floor", "reach"))
    rows[3] |= {"reached": False, "stop": "diverged", **nothing}
    return rows


def test_a_row_counts_and_averages(records: list[dict]) -> None:
    table = tabulate(Found.of(records, 40))
    (block,) = table.blocks
    first = block.rows[0]
    assert (first.attempted, first.reached, first.diverged) == (4, 3, 1)
    assert first.lower == scaling.mean([r["lower"] for r in records[:3]])
    assert first.lower_over_floor == min(r["lower"] for r in records[:3])
    assert (table.networks, table.partial) == (36, 4)
    assert block.verdict.excluded == 1 and block.verdict.violations == 0
    assert set(block.verdict.fits) == {"lower", "upper"}
    fits = block.verdict.fits["lower"]
    assert len(fits) == 7
    assert {fit.kind for fit in fits.values()} == {"estimates", "bounds"}
    assert (
        block.verdict.choices["lower"].best in block.verdict.choices["lower"].held_out
    )
    assert "4 networks have no record yet" in markdown(table)


def test_the_same_records_give_the_same_bytes(records: list[dict]) -> None:
    one, two = (files(tabulate(Found.of(records))) for _ in range(2))
    for name, text in one.items():
        assert text == two[name], name


def test_violations_are_shown(records: list[dict]) -> None:
    """Also those of networks that did not reach their target."""
    records[3] |= {"violated": True, "upper_over_floor": 0.5}
    (block,) = tabulate(Found.of(records)).blocks
    assert block.verdict.violations == 1 and block.verdict.smallest == 0.5
    assert "1 floors violated in 36 networks (smallest upper/floor 0.500)" in markdown(
        tabulate(Found.of(records))
    )


def test_failures_are_bounds_and_no_estimate(records: list[dict]) -> None:
    """Whose range is said in words, and drawn as a line without a dot."""
    table = tabulate(Found.of(records))
    name = "log-log in n, d, p, failures as bounds"
    fit = table.blocks[0].verdict.fits["lower"][name]
    assert fit.kind == "bounds" and fit.failed == 1
    (line,) = [x for x in markdown(table).splitlines() if f"lower, {name}" in x]
    ends = [
        tuple(map(float, pair)) for pair in re.findall(r"(\S+) to (\S+) \(with", line)
    ]
    assert ends == [pytest.approx(fit.between[k], rel=6e-3) for k in "ndp"]
    assert "1 of them failed" in line
    axis = forest.exponents(table).axes[0]
    models = [
        f for f in table.blocks[0].verdict.fits["lower"].values() if "n" in f.terms
    ]
    dots = sum(mark.get_marker() == "o" for mark in axis.lines)
    assert dots == 2 * (len(models) - 1)  # lower and upper, of all but this one


def test_brackets_are_summed_up_by_domain(records: list[dict]) -> None:
    for i, row in enumerate(records):
        row |= {"lower": 1.0, "upper": 1.0 if i < 10 else 1.1}
        row |= {"lower_sphere": 1.0, "upper_sphere": 1.3}
    (block,) = tabulate(Found.of(records)).blocks
    whole, sphere = block.verdict.brackets.values()
    assert (whole.networks, whole.exact, whole.median) == (35, 9, 1.1)
    assert (sphere.exact, sphere.p95) == (0, 1.3) and block.rows[0].exact == 3
    said = "upper/lower on R^d: median 1.1000, 95 % quantile 1.1000; 9 of 35"
    assert said in markdown(tabulate(Found.of(records)))


def test_the_figure_is_svg_and_marks_every_cell(records: list[dict]) -> None:
    text = FILES["bracket.svg"](tabulate(Found.of(records)))
    assert ET.fromstring(text).tag.endswith("svg")
    assert "√(nd/p)" in text and "d = 20" in text


def test_figures_of_names_with_odd_letters(records: list[dict]) -> None:
    odd = "</svg>\x1b\x00\u4e2d $x^{ & <b> " + "long; " * 40
    rows = [row | {"block": odd, "track": odd} for row in records]
    for name, text in files(tabulate(Found.of(rows))).items():
        if name.endswith(".svg"):
            assert ET.fromstring(text).tag.endswith("svg"), name


def test_a_table_of_nothing_that_fitted() -> None:
    rows = [
        record(c, s, reached=False, lower=None, upper=None, floor=None,
               upper_over_lower=None, lower_over_floor=None, upper_over_floor=None,
               reach=None, violated=None, crossed=None)
        for c in range(3) for s in range(2)
    ]  # fmt: skip
    table = tabulate(Found.of(rows))
    (block,) = table.blocks
    assert block.verdict.fits == {"lower": {}, "upper": {}}
    for render in FILES.values():
        assert render(table)
    assert "| - |" in markdown(table) and "6 networks did not reach" in markdown(table)


def test_a_floor_of_finite_classes_is_no_doubt_of_networks(records: list[dict]) -> None:
    """Where all were silent for having real weights; any other reason is told."""
    real = "the class isn't finite: its weights are real numbers"
    rows = [{**row, "floor_quantised_reason": real} for row in records]
    assert not [d for d in tabulate(Found.of(rows)).doubts if "quantised" in d]
    rows[0]["floor_quantised_reason"] = "labels are not all +-1"
    assert [d for d in tabulate(Found.of(rows)).doubts if "quantised" in d]
