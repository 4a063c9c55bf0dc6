"""The page in a real browser: no error, no request, sorting, opening, no overflow."""

import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from isorobust.report.page import page, pages
from isorobust.report.table import Table
from tests.report.test_formats import hostile

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "chrome")
QUIET = (
    "--no-sandbox", "--disable-gpu", "--disable-background-networking",
    "--disable-component-update", "--disable-sync", "--no-first-run",
)  # fmt: skip


@pytest.fixture(scope="module")
def browser() -> Iterator[Any]:
    sync = pytest.importorskip("playwright.sync_api")
    program = next(filter(None, map(shutil.which, BROWSERS)), None)
    if program is None:
        pytest.skip(f"none of {', '.join(BROWSERS)} is installed")
    with sync.sync_playwright() as play:
        try:
            found = play.chromium.launch(executable_path=program, args=list(QUIET))
        except sync.Error as error:
            pytest.skip(f"{program} doesn't start here: {str(error).splitlines()[0]}")
        yield found
        found.close()


@pytest.fixture(scope="module")
def files(published: Table, tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pages")
    (folder / "published.html").write_text(page(published))
    (folder / "hostile.html").write_text(pages([hostile()], [{}]))
    return folder


class Opened:
    """A page with what it said and asked for."""

    def __init__(self, browser: Any, file: Path, width: int, scheme: str) -> None:
        self.said: list[str] = []
        self.asked: list[str] = []
        size = {"width": width, "height": 900}
        self.tab = browser.new_page(viewport=size, color_scheme=scheme)
        self.tab.on("console", lambda message: self.said.append(message.text))
        self.tab.on("pageerror", lambda error: self.said.append(str(error)))
        self.tab.on("dialog", lambda dialog: self.said.append(dialog.message))
        self.tab.on("request", lambda request: self.asked.append(request.url))
        self.tab.goto(file.as_uri())

    def column(self, kind: str, place: int) -> list[str]:
        """The texts of a column of the first grid of its kind."""
        return self.tab.evaluate(
            "([kind, place]) => [...document.querySelector(`table[data-kind=${kind}]`)"
            ".tBodies].map(body => body.rows[0].cells[place].textContent)",
            [kind, place],
        )


@pytest.mark.parametrize(
    ("width", "scheme"), [(390, "light"), (1400, "light"), (390, "dark")]
)
@pytest.mark.parametrize("name", ["published", "hostile"])
def test_it_fits_and_is_silent(
    browser: Any, files: Path, name: str, width: int, scheme: str
) -> None:
    file = files / f"{name}.html"
    opened = Opened(browser, file, width, scheme)
    tab = opened.tab
    tab.evaluate("document.querySelectorAll('details').forEach(d => { d.open = true })")
    tab.evaluate("document.querySelectorAll('button.open').forEach(b => b.click())")
    wide = tab.evaluate("document.documentElement.scrollWidth")
    assert wide == width, f"the page is {wide} wide"
    paper = tab.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(map(int, paper[4:-1].split(",")))
    assert brightness < 200 if scheme == "dark" else brightness > 600
    ink = tab.evaluate("getComputedStyle(document.querySelector('h1')).color")
    assert abs(sum(map(int, ink[4:-1].split(","))) - brightness) > 400
    assert opened.said == [] and opened.asked == [file.as_uri()]
    assert tab.evaluate("document.scripts.length") == 1
    tab.close()


def test_a_column_sorts_and_a_row_opens(browser: Any, files: Path) -> None:
    opened = Opened(browser, files / "published.html", 1400, "light")
    tab = opened.tab
    head = tab.locator("table[data-kind=cells] >> nth=0").locator("th", has_text="p")
    head = head.filter(has_not_text="(").filter(has_not_text="u").first
    place = head.evaluate("head => head.cellIndex")
    before = opened.column("cells", place)
    for order in ("ascending", "descending"):
        head.locator("button").click()
        assert head.get_attribute("aria-sort") == order
        wanted = sorted(before, key=int, reverse=order == "descending")
        assert opened.column("cells", place) == wanted
    row = tab.locator("table[data-kind=cells] >> nth=0").locator("tr.row").first
    trials = tab.locator("table[data-kind=cells] >> nth=0").locator(".trials").first
    assert not trials.is_visible()
    row.locator("button.open").click()
    assert trials.is_visible()
    assert "isorobust measure runs/controls:" in trials.inner_text()
    assert {"seed", "uid", "stop", "lower", "upper"} <= set(trials.inner_text().split())
    assert row.locator("button.open").get_attribute("aria-expanded") == "true"
    row.locator("td").nth(3).click()  # anywhere else on the row closes it again
    assert not trials.is_visible()
    assert opened.said == []
    tab.close()


def test_names_that_begin_with_a_number_are_sorted(browser: Any, files: Path) -> None:
    tab = Opened(browser, files / "published.html", 1400, "light").tab
    rows = "".join(
        f"<tbody><tr><td>{name}</td></tr></tbody>"
        for name in ("2-layer b", "10-layer", "-", "2-layer C", "2-layer a")
    )
    head = '<thead><tr><th class="w"><button id="x">n</button></th></tr></thead>'
    found = tab.evaluate(
        """html => {
          document.body.innerHTML = html;
          return ["", ""].map(() => {
            sort(document.getElementById("x"));
            return [...document.querySelectorAll("td")].map(td => td.textContent);
          });
        }""",
        f"<table>{head}{rows}</table>",
    )
    up = ["2-layer a", "2-layer b", "2-layer C", "10-layer"]
    assert found == [[*up, "-"], [*up[::-1], "-"]]
    tab.close()


def test_what_was_not_measured_is_sorted_last(browser: Any, files: Path) -> None:
    tab = Opened(browser, files / "published.html", 1400, "light").tab
    texts = ["-", "1e-3", "12.5 [1, 20]", "3/4", "< 1e-12", "-2.5", "pass", "2"]
    ranks = tab.evaluate(
        "texts => texts.map(t => [rank(t), t]).sort(([a], [b]) => compared(a, b))"
        ".map(([, t]) => t)",
        texts,
    )
    assert ranks == ["-2.5", "< 1e-12", "1e-3", "3/4", "2", "12.5 [1, 20]", "pass", "-"]
    tab.close()
