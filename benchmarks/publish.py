"""Puts a finished run into benchmarks/results/ and renews what the README shows of it.

    python benchmarks/publish.py runs/law law        (`make readme`)

Copies the records, the tables and the figure to results/<date>-<device>-<name>/ and
writes the verdict, the figure and the full table between the README's markers. Nobody
types a number.
"""

import re
import shutil
import sys
from datetime import date
from pathlib import Path

from isorobust.report import tabulate
from isorobust.report.formats import markdown, summary
from isorobust.results.join import Found
from isorobust.results.records import read

HERE = Path(__file__).parent
KEPT = ("records.jsonl", "table.md", "table.json", "bracket.svg", "timing.json")


def main() -> None:
    """Publishes the run of the first argument under the name of the second."""
    run, name = Path(sys.argv[1]), sys.argv[2]
    rows = read(run / "records.jsonl")
    device = re.sub(r"\W+", "-", rows[0]["device_kind"].lower())
    place = HERE / "results" / f"{date.today()}-{device}-{name}"
    place.mkdir(parents=True, exist_ok=True)
    for kept in KEPT:
        shutil.copy(run / kept, place / kept)
    readme = HERE.parent / "README.md"
    shown = section(rows, f"benchmarks/results/{place.name}")
    text, count = re.subn(
        r"(?s)(<!-- table -->\n).*(<!-- end of table -->)",
        lambda match: match[1] + shown + match[2],
        readme.read_text(),
    )
    if count != 1:
        sys.exit("README.md: the markers of the table are gone")
    readme.write_text(text)


def section(rows: list[dict], place: str) -> str:
    """What the README shows: verdict, figure, and the table folded away."""
    table = tabulate(Found.of(rows))
    row = rows[0]
    made = (
        f"{table.track} v{table.version}, {table.networks} networks, "
        f"{row['host_cpu']}, jax {row['software_jax']}, "
        f"Python {row['software_python']}; "
        f"records and all formats in [{place}]({place})."
    )
    folded = ["<details><summary>The whole table</summary>", "", markdown(table)]
    lines = [*summary(table), "", f"![brackets]({place}/bracket.svg)", "", made, ""]
    return "\n".join([*lines, *folded, "</details>", ""])


if __name__ == "__main__":
    main()
