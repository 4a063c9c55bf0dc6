"""Puts a finished run into benchmarks/results/ and renews what the README shows of it.

    python benchmarks/publish.py runs/law law        (`make readme`)

Copies the records, the tables and the figures to results/<date>-<device>-<name>/ and
writes between the README's markers: of `law` the verdict, the figure and the full
table; of all published runs what was predicted and what was found. Nobody types a
number.
"""

import json
import re
import shutil
import sys
from datetime import date
from pathlib import Path

from isorobust.report import FILES, PUBLISHED, tabulate
from isorobust.report.formats import markdown, summary
from isorobust.results.join import Found
from isorobust.results.records import read

HERE = Path(__file__).parent
README = HERE.parent / "README.md"
KEPT = ("records.jsonl", "cases.jsonl", "timing.json", PUBLISHED, *FILES)


def main() -> None:
    """Publishes the run of the first argument under the name of the second."""
    run, name = Path(sys.argv[1]), sys.argv[2]
    place = HERE / "results" / f"{date.today()}-{_device(run)}-{name}"
    place.mkdir(parents=True, exist_ok=True)
    for kept in KEPT:
        if (run / kept).exists():
            shutil.copy(run / kept, place / kept)
    if name == "law":
        rows = read(run / "records.jsonl")
        renew("table", section(rows, f"benchmarks/results/{place.name}"))
    renew("predictions", predictions(HERE / "results"))


def _device(run: Path) -> str:
    """The kind of device that made the run, as a word of a folder's name."""
    for name in ("records.jsonl", "cases.jsonl"):
        if (run / name).exists() and (text := (run / name).read_text()):
            kind = json.loads(text.splitlines()[0])["device_kind"]
            return re.sub(r"\W+", "-", kind.lower())
    sys.exit(f"{run}: holds no finished run")


def renew(marker: str, shown: str) -> None:
    """Writes what the README shows between the two markers of this name."""
    text, count = re.subn(
        rf"(?s)(<!-- {marker} -->\n).*(<!-- end of {marker} -->)",
        lambda match: match[1] + shown + match[2],
        README.read_text(),
    )
    if count != 1:
        sys.exit(f"README.md: the markers of {marker!r} are gone")
    README.write_text(text)


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


def predictions(results: Path) -> str:
    """A line a published config: how many of its predictions hold, and which don't.

    Of several folders of one name the newest counts.
    """
    newest: dict[str, tuple[str, dict]] = {}
    for file in sorted(results.glob("*/table.json")):
        table = json.loads(file.read_text())
        if table.get("checks"):
            name = re.sub(r"^\d{4}-\d\d-\d\d-", "", file.parent.name)
            newest[name] = file.parent.name, table
    lines = ["| table | rests on | predictions that hold | that don't |"]
    lines += ["| --- | --- | ---: | --- |"]
    for folder, table in newest.values():
        checks = table["checks"]
        held = sum(check["passed"] is True for check in checks)
        failed = [check["claim"] for check in checks if check["passed"] is not True]
        link = f"[{table['track']} v{table['version']}](benchmarks/results/{folder})"
        rests = f"{table['networks']} networks, {table['cases']} rows of cases"
        missed = "; ".join(failed) or "-"
        lines += [f"| {link} | {rests} | {held} of {len(checks)} | {missed} |"]
    return "\n".join([*lines, ""])


if __name__ == "__main__":
    main()
