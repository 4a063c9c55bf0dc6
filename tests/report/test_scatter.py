"""The published points with ours: every point there, and the same bytes again."""

import re
import xml.etree.ElementTree as ET

from isorobust.report import PUBLISHED, files, tabulate
from isorobust.report.scatter import scatter, wanted
from isorobust.results.join import Found
from isorobust.results.rules import Rule, Slope, Summary
from tests.report.test_report import record


def run(column: str = "sqrt_n_over_k") -> Found:
    rows = [
        record(cell, seed, depth=2, lower_random=4.0 + cell + 0.1 * seed)
        for cell in range(7)
        for seed in range(3)
    ]
    rows[0] |= {"reached": False}
    rules = [Rule("b > 0", Slope("lower_random", column), (0.0, 9.0))]
    return Found("T", 1, rows, len(rows), rules=rules)


def test_every_point_is_drawn() -> None:
    text = scatter(run())
    ET.fromstring(text)
    marks = re.findall(r"<use ", text)
    # the legend's two, and ticks, come on top of the points
    assert 906 + 7 <= len(marks) <= 906 + 7 + 40
    assert "906 points" in text and "7 cells" in text
    assert text == scatter(run())


def test_it_is_drawn_where_a_rule_asks() -> None:
    assert wanted(run()) and not wanted(run("width"))
    assert PUBLISHED in files(run(), tabulate(run()))
    assert PUBLISHED not in files(run("width"), tabulate(run("width")))
    rule = Rule("x", Summary("random_over_published"), (0.0, 1.0))
    assert wanted(Found("T", 1, [], 0, rules=[rule]))
