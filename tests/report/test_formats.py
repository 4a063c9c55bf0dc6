"""Markdown, LaTeX, CSV, JSON and HTML parsed again: the same numbers, cell by cell."""

import csv
import io
import json
import math
import re
import shutil
import subprocess
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest

from isorobust.report import FILES, tabulate
from isorobust.report.cells import COLUMNS, interval
from isorobust.report.latex import ESCAPED, safe
from isorobust.report.page import pages
from isorobust.report.table import Table
from isorobust.results.join import Found
from isorobust.results.scaling import Estimate
from tests.report.test_report import record

Body = list[list[str]]

HOSTILE = "<script>alert(1)</script> \\input{/etc/passwd} =cmd() | ~^%$#_&{} `x` [a](b)"


def of_markdown(text: str) -> list[Body]:
    """The bodies of all tables, in their order."""
    found: list[Body] = []
    lines = text.splitlines()
    for before, line in zip(["", *lines], lines, strict=False):
        if re.match(r"\| (:---|---:)", line):
            found.append([])
        elif line.startswith("| ") and before.startswith("| ") and found:
            cells = re.split(r"(?<!\\) \| ", line[2:-2])
            found[-1].append([unescape(re.sub(r"\\(.)", r"\1", c)) for c in cells])
    # of the line before a rule only the next tells that it is no body: heads drop out
    return [[row for row in body if row] for body in found]


def of_latex(text: str) -> list[Body]:
    """The bodies of all tabulars; parts of one table joined."""
    found: list[Body] = []
    back = {v: k for k, v in ESCAPED.items()}
    order = sorted(back, key=len, reverse=True)
    one = re.compile("|".join(map(re.escape, order)))
    pattern = r"(?s)\\caption\{(.*?)\}\n.*?\\midrule\n(.*?)\n\\bottomrule"
    for caption, body in re.findall(pattern, text):
        rows = [
            [one.sub(lambda m: back[m[0]], cell) for cell in row.split(" & ")]
            for row in body.replace(r" \\", "").split("\n")
        ]
        part = re.search(r"\(part (\d+) of", caption)
        if part and part[1] != "1":
            found[-1] += rows
        else:
            found.append(rows)
    return found


def of_csv(text: str) -> dict[str, Body]:
    """{first head, or block: rows}, the block's name off."""
    found: dict[str, Body] = {}
    for group in text.split("\n\n"):
        head, *rows = csv.reader(io.StringIO(group))
        for row in rows:
            cells = [c[1:] if c.startswith("'") else c for c in row]
            if head[0] == "block" and head[1] != "networks":
                found.setdefault(cells[0], []).append(cells[1:])
            else:
                found.setdefault(head[0], []).append(cells)
    return found


class Page(HTMLParser):
    """The grids of a page: (kind, name) -> rows of texts; scripts: how many."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.grids: dict[tuple[str, str], Body] = {}
        self.scripts = 0
        self.rows: Body | None = None
        self.inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        known = dict(attrs)
        self.scripts += tag == "script"
        if tag == "table" and known.get("class") == "grid":
            self.rows = self.grids[known["data-kind"], known["data-name"]] = []
        if tag == "tr" and self.rows is not None:
            self.inside = known.get("class") == "row"
            if self.inside:
                self.rows.append([])
        if tag == "td" and self.inside and known.get("class") != "more":
            assert self.rows is not None
            self.rows[-1].append("")

    def handle_endtag(self, tag: str) -> None:
        self.inside = self.inside and tag != "tr"

    def handle_data(self, data: str) -> None:
        if self.inside and self.rows and self.rows[-1]:
            self.rows[-1][-1] += data.strip("\n")


def agreeing(table: Table) -> dict[tuple[str, str], Body]:
    """What the five formats say, once they are found to say the same."""
    text = {name: FILES[name](table) for name in FILES if name.startswith("table.")}
    page = Page(pages([table], [{}])).grids  # without the seconds of its figures
    kinds = ("predictions", "verdict", "cells", "cases")
    markdown = of_markdown(text["table.md"])
    shown = [body for kind in kinds for key, body in page.items() if key[0] == kind]
    assert markdown == shown
    assert of_latex(text["table.tex"]) == list(page.values())
    sheets = of_csv(text["table.csv"])
    for (kind, name), body in page.items():
        first = {"predictions": "prediction", "verdict": "block"}.get(kind, name)
        assert sheets[first] == body, name
    return page


def test_what_is_published_in_five_formats(published: Table) -> None:
    page = agreeing(published)
    value = json.loads(FILES["table.json"](published))
    assert len(page) == 2 + len(value["blocks"]) + len(value["panels"])
    compared = 0
    for block in value["blocks"]:
        for row, cells in zip(block["rows"], page["cells", block["name"]], strict=True):
            told = dict(zip(COLUMNS, cells, strict=True))
            for head, field in JSON.items():
                compared += says(told[head], row[field])
            fitted = f"{row['reached']}/{row['attempted']}"
            assert told["fit/tried"] == fitted
            assert told["exact"] == f"{row['exact']}/{row['reached']}"
            floor = row["floor"] and row["floor"]["estimate"]
            compared += says(told["floor"], floor)
    for block, cells in zip(value["blocks"], page["verdict", "Verdict"], strict=True):
        verdict, (name, networks, fitted, *numbers) = block["verdict"], cells
        assert (name, int(networks)) == (block["name"], verdict["networks"])
        assert int(fitted) == verdict["networks"] - verdict["excluded"]
        slopes = [
            verdict["fits"].get(side, {}).get("a + b sqrt(nd/p)")
            for side in ("lower", "upper")
        ]
        expected = [verdict[key] for key in ("violations", "smallest", "reach")]
        expected += [fit and fit["terms"]["b"] for fit in slopes]
        for cell, number in zip(numbers, expected, strict=True):
            compared += says(cell, number)
    for panel in value["panels"]:
        for line, cells in zip(panel["lines"], page["cases", panel["name"]],
                               strict=True):  # fmt: skip
            for entry, cell in zip(line, cells, strict=True):
                compared += says(cell, entry["value"])
    for check, cells in zip(value["checks"], page["predictions", "Predictions"],
                            strict=True):  # fmt: skip
        found = check["found"]
        ends = {"low": found["low"], "high": found["high"]}
        compared += says(cells[1], {"estimate": found["value"], **ends})
    assert compared > 700


# heading -> field of a row in table.json
JSON = {
    "n": "n", "d": "d", "width": "width", "p": "p", "sqrt(nd/p)": "law_ratio",
    "diverged": "diverged", "lower": "lower", "upper": "upper",
    "upper/lower": "upper_over_lower", "min lower/floor": "lower_over_floor",
    "reach": "reach",
}  # fmt: skip


def says(cell: str, value: object) -> bool:
    """Whether the text is the value to the last digit printed; False for no number."""
    if isinstance(value, dict):
        estimate, _, rest = cell.partition(" [")
        ends = rest.partition("]")[0].split(", ") if rest else []
        for end, side in zip(ends, ("low", "high"), strict=False):
            assert says(end, value[side])
        return says(estimate, value["estimate"])
    if value is None:
        assert cell == "-"
        return False
    if isinstance(value, str) or cell.startswith("<"):
        assert cell == value or abs(float(value)) < 1e-12  # type: ignore[arg-type]
        return False
    number = cell.partition(" ")[0]
    mantissa, _, power = number.partition("e")
    digits = len(mantissa.partition(".")[2])
    unit = 10.0 ** (int(power or 0) - digits)
    assert math.isclose(float(number), value, rel_tol=0, abs_tol=0.500001 * unit)
    return True


def hostile() -> Table:
    """A table whose every name is out to harm."""
    change = {"block": HOSTILE, "track": HOSTILE, "stop": HOSTILE}
    rows = [record(c, s, **change, uid=f"={c}{s}") for c in range(7) for s in range(2)]
    case = {"kind": "family", "block": f"@{HOSTILE}", "cell": "c", "seed": 0}
    case |= {"n": 4, "function": "=HYPERLINK(1)", "lower": 1.5}
    shown = {case["block"]: ["n", "function", "lower"]}
    return tabulate(Found(HOSTILE, 1, rows, 15, rows=[case], shown=shown))


def test_hostile_names_are_only_text() -> None:
    table = hostile()
    page = agreeing(table)
    assert ("cells", HOSTILE) in page and ("cases", f"@{HOSTILE}") in page
    text = FILES["report.html"](table)
    assert Page(text).scripts == 1 and "<script>alert" not in text
    assert "<script" not in FILES["table.md"](table)
    tex = FILES["table.tex"](table)
    assert r"\input" not in tex and r"\textbackslash{}input\{" in tex
    cells = list(csv.reader(io.StringIO(FILES["table.csv"](table))))
    assert not [c for row in cells for c in row if re.match(r"[=+@]|-[^\d]", c)]
    assert any(cell == "'=HYPERLINK(1)" for row in cells for cell in row)
    assert any(cell == f"'@{HOSTILE}" for row in cells for cell in row)


def test_nothing_that_a_terminal_obeys() -> None:
    """Markdown is printed: no colour, no title of the window, no turned direction."""
    said = {"block": "\x1b[2J\x1b]0;x\x07", "track": "\u202ecod\x00"}
    table = tabulate(Found.of([record(c, 0, **said) for c in range(2)]))
    for name in ("table.md", "table.csv", "table.tex", "table.json"):
        assert FILES[name](table).replace("\n", "").isprintable(), name


@pytest.mark.parametrize("name", ["published", "hostile"])
def test_latex_compiles(name: str, published: Table, tmp_path: Path) -> None:
    tools = [t for t in ("pdflatex", "tectonic") if shutil.which(t)]
    if not tools:
        pytest.skip("neither pdflatex nor tectonic is installed")
    table = published if name == "published" else hostile()
    (tmp_path / "table.tex").write_text(FILES["table.tex"](table))
    packages = "".join(
        rf"\usepackage{{{p}}}" for p in ("booktabs", "array", "graphicx")
    )
    (tmp_path / "paper.tex").write_text(
        r"\documentclass{article}" + packages + r"\begin{document}\input{table}"
        r"Table \ref{" + label(table) + r"}.\end{document}"
    )
    halt = ["-interaction=nonstopmode", "-halt-on-error"] * (tools[0] == "pdflatex")
    for _ in range(1 + bool(halt)):  # labels take a second pass
        command = [tools[0], *halt, "paper.tex"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True)
        assert done.returncode == 0, done.stdout[-2000:].decode(errors="replace")
    assert (tmp_path / "paper.pdf").read_bytes().startswith(b"%PDF")
    said = done.stdout.decode(errors="replace")
    assert "undefined references" not in said and "multiply defined" not in said


def label(table: Table) -> str:
    return re.findall(r"\\label\{(.*)\}", FILES["table.tex"](table))[-1]


@pytest.mark.parametrize(
    ("letter", "set_as"),
    [("√", r"$\surd$"), ("\x00", "?"), ("é", "e"), ("中", "U+4E2D"), ("\n", "")],
)
def test_every_letter_can_be_set(letter: str, set_as: str) -> None:
    assert safe(letter) == set_as


def test_numbers_at_the_rounding_of_float64() -> None:
    """A squared error of 1e-31 is a zero: its interval would be one of noise."""
    assert interval(Estimate(3e-31, 1e-33, 1e-29)) == "< 1e-12"
    assert interval(Estimate(0.0, None, None)) == "0"
    assert interval(Estimate(3e-7, 1e-8, 2e-6)) == "3e-07 [1e-08, 0.00000200]"
    assert interval(Estimate(1.2e9, None, None)) == "1.20e+09"
