"""Puts a finished run into benchmarks/results/ and renews what is shown of them all.

    python benchmarks/publish.py runs/law law
    python benchmarks/publish.py --renew     (`make readme`: all again from their rows)

A published folder <date>-<device>-<name>/ holds the rows, what the run recorded of its
experiment (less the list of trials, which the rows repeat), every table and figure, and
SHA256SUMS. From them come the index in benchmarks/README.md and what the README shows:
the verdict and the figure of `law`, and all predictions. Nobody types a number.
"""

import json
import re
import shutil
import sys
from collections.abc import Iterator
from datetime import date
from pathlib import Path

from isorobust.account.identity import task_of
from isorobust.files import SUMS, sealed, sha256, unsealed
from isorobust.report import files, tabulate
from isorobust.report.formats import summary
from isorobust.results.gather import gather

HERE = Path(__file__).parent
RESULTS = HERE / "results"
README, INDEX = HERE.parent / "README.md", HERE / "README.md"
ROWS = ("records.jsonl", "cases.jsonl", "timing.json")
RECORDED = ("sha256", "task", "bounds", "cases", "rules", "command")
DATED = re.compile(r"^(\d{4}-\d\d-\d\d)-(.+)$")


def main() -> None:
    """Publishes the run of the first argument under the name of the second."""
    if sys.argv[1:] == ["--renew"]:
        for folder in newest().values():
            render(folder)
    else:
        run, name = Path(sys.argv[1]), sys.argv[2]
        place = RESULTS / f"{date.today()}-{_device(run)}-{name}"
        place.mkdir(parents=True, exist_ok=True)
        for kept in ROWS:
            if (run / kept).exists():
                shutil.copy(run / kept, place / kept)
        about = unsealed(run / "experiment.json")
        (place / "experiment.json").write_text(sealed(_told(about, name)))
        render(place)
    law = newest()["cpu-law"]
    renew(README, "table", section(law))
    renew(README, "predictions", predictions())
    INDEX.write_text(index())


def newest() -> dict[str, Path]:
    """{device-name: the newest published folder of it}."""
    found = {}
    for folder in sorted(RESULTS.iterdir()):
        match = DATED.match(folder.name)
        if match:
            found[match[2]] = folder
    return found


def render(folder: Path) -> None:
    """Every table and figure from the folder's rows, and the hashes of all files."""
    kept = {*ROWS, "experiment.json"}
    (found,) = gather([str(folder)])
    for file in folder.iterdir():
        if file.name not in kept:
            file.unlink()
    for name, text in files(tabulate(found)).items():
        (folder / name).write_text(text)
    names = sorted(file.name for file in folder.iterdir())
    sums = [f"{sha256((folder / name).read_bytes())}  {name}\n" for name in names]
    (folder / SUMS).write_text("".join(sums))


def _told(about: dict, name: str) -> dict:
    """What is kept of an experiment.json: no list of trials, no path of a machine."""
    about = {"task": task_of(about["experiment"])} | about
    kept = {key: about[key] for key in RECORDED}
    words = [
        Path(word).name if i == 0 else word for i, word in enumerate(kept["command"])
    ]
    kept["command"] = [
        f"--workdir=runs/{name}" if word.startswith("--workdir=") else word
        for word in words
    ]
    return kept


def _device(run: Path) -> str:
    """The kind of device that made the run, as a word of a folder's name."""
    for name in ROWS[:2]:
        if (run / name).exists() and (text := (run / name).read_text()):
            kind = json.loads(text.splitlines()[0])["device_kind"]
            return re.sub(r"\W+", "-", kind.lower())
    sys.exit(f"{run}: holds no finished run")


def renew(file: Path, marker: str, shown: str) -> None:
    """Writes what a page shows between the two markers of this name."""
    text, count = re.subn(
        rf"(?s)(<!-- {marker} -->\n).*(<!-- end of {marker} -->)",
        lambda match: match[1] + shown + match[2],
        file.read_text(),
    )
    if count != 1:
        sys.exit(f"{file.name}: the markers of {marker!r} are gone")
    file.write_text(text)


def section(folder: Path) -> str:
    """What the README shows first: figure, verdict, and where the whole table is."""
    (found,) = gather([str(folder)])
    table, row = tabulate(found), found.records[0]
    place = f"benchmarks/results/{folder.name}"
    made = (
        f"{table.track} v{table.version}, {table.networks} networks, "
        f"{row['host_cpu']}, jax {row['software_jax']}, "
        f"Python {row['software_python']}. The whole [table]({place}/table.md), the "
        f"[page]({place}/report.html) (download it) and the "
        f"[records]({place}/records.jsonl)."
    )
    lines = [f"![brackets]({place}/bracket.svg)", "", *summary(table), "", made, ""]
    return "\n".join(lines)


def _tables() -> Iterator[tuple[Path, dict]]:
    for folder in newest().values():
        yield folder, json.loads((folder / "table.json").read_text())


def _held(table: dict) -> tuple[str, str]:
    """(how many predictions hold, which don't or can't be judged)."""
    checks = table["checks"]
    held = sum(check["passed"] is True for check in checks)
    failed = [
        check["claim"] + ("" if check["passed"] is False else " (can't be judged)")
        for check in checks
        if check["passed"] is not True
    ]
    return f"{held} of {len(checks)}" if checks else "-", "; ".join(failed) or "-"


def predictions() -> str:
    """A line a published table: how many of its predictions hold, and which don't."""
    lines = ["| table | rests on | predictions that hold | that don't |"]
    lines += ["| --- | --- | ---: | --- |"]
    for folder, table in _tables():
        if table["checks"]:
            link = f"[{table['track']} v{table['version']}]"
            link += f"(benchmarks/results/{folder.name})"
            rests = f"{table['networks']} networks, {table['cases']} rows of cases"
            lines += ["| " + " | ".join([link, rests, *_held(table)]) + " |"]
    return "\n".join([*lines, ""])


def index() -> str:
    """benchmarks/README.md: a line a published folder, the newest of each name."""
    lines = [
        "# Published tables",
        "",
        "Written by `python benchmarks/publish.py` from the folders themselves; "
        "`isorobust verify FOLDER` proves one, `isorobust cite FOLDER` cites it.",
        "",
        "| track | task | date | device | networks | did not fit | rows of cases | "
        "floors violated | predictions that hold | SHA-256 of table.json |",
        "| --- | --- | --- | --- | ---: | ---: | ---: | ---: | ---: | --- |",
    ]
    for folder, table in _tables():
        match = DATED.match(folder.name)
        assert match
        verdicts = [block["verdict"] for block in table["blocks"]]
        rows = json.loads(_first_row(folder))
        line = [
            f"[{table['track']} v{table['version']}](results/{folder.name})",
            f"`{table['task']}`" if table["task"] else "-",
            match[1],
            f"{rows['device_kind']}, {rows.get('host_cpu', '-')}",
            str(table["networks"]),
            str(sum(v["excluded"] for v in verdicts)),
            str(table["cases"]),
            str(sum(v["violations"] for v in verdicts)),
            _held(table)[0],
            f"`{sha256((folder / 'table.json').read_bytes())[:16]}`",
        ]
        lines.append("| " + " | ".join(line) + " |")
    return "\n".join([*lines, ""])


def _first_row(folder: Path) -> str:
    return next(
        (folder / name).read_text().partition("\n")[0]
        for name in ROWS[:2]
        if (folder / name).is_file()
    )


if __name__ == "__main__":
    main()
