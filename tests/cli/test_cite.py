"""`cite` and `verify`: what a reader does with a published table."""

import dataclasses
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from isorobust.door import BadInput
from isorobust.files import sha256
from isorobust.report import tabulate
from isorobust.report.cite import PAPERS, bibtex
from isorobust.report.proof import prove
from isorobust.results import tracks
from isorobust.results.join import Found, Origin
from tests.report.test_report import record

ROOT = Path(__file__).parent.parent.parent
RESULTS = ROOT / "benchmarks" / "results"


def newest(name: str) -> Path:
    return sorted(RESULTS.glob(f"*-cpu-{name}"))[-1]


def isorobust(*words: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "isorobust", *map(str, words)]
    return subprocess.run(command, capture_output=True, text=True, cwd=ROOT)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return Path(shutil.copytree(newest("controls"), tmp_path / "controls"))


def entries(text: str) -> dict[str, str]:
    """{key: entry} of BibTeX whose braces match."""
    found = {}
    for entry in re.split(r"\n\n(?=@)", text.strip()):
        assert entry.count("{") == entry.count("}"), entry
        assert re.match(r"@\w+\{[\w-]+,\n", entry) and entry.endswith("\n}")
        key = entry.partition("{")[2].partition(",")[0]
        assert key not in found  # BibTeX refuses a repeated entry
        found[key] = entry
    return found


def test_the_papers_are_whole() -> None:
    for key, entry in entries(PAPERS.read_text()).items():
        fields = set(re.findall(r"^  (\w+) +=", entry, re.M))
        assert fields >= {"title", "author", "year"}, key


def test_a_citation_names_version_task_and_hash() -> None:
    done = isorobust("cite", newest("law"), newest("controls"))
    assert (done.returncode, done.stderr) == (0, "")
    found = entries(done.stdout)
    table = found["isorobust-law-s-v2"]
    assert tracks.task_of("LAW-S", 2) in table
    digest = sha256((newest("law") / "table.json").read_bytes())
    assert f"table SHA-256 {digest}" in table and "420 networks" in table
    assert r"\texttt{isorobust run --config=configs/law.py" in table
    assert "isorobust-controls-v1" in found
    # LAW-S rests on LipSDP; McShane's functions are in CONTROLS
    keys = {"bubeck2023universal", "fazlyab2019efficient", "mcshane1934extension"}
    assert keys <= set(found)


def test_only_what_a_table_rests_on_is_cited() -> None:
    found = entries(isorobust("cite", newest("geometry")).stdout)
    assert set(found) == {"isorobust-geometry-v1", "bubeck2023universal"}
    assert "bombari2023beyond" in isorobust("cite", newest("kernels")).stdout
    assert "bubeck2021law" in isorobust("cite", newest("bln2021")).stdout


@pytest.mark.parametrize("odd", ["a}b", "{", "50 % & \\input{x}\n@misc{y, #_~^$<", ""])
def test_odd_names_are_only_text(odd: str) -> None:
    """In every field that has a text of the rows; braces in pairs, no comment."""
    rows = [record(0, 0) | {"track": odd, "software_isorobust": odd}]
    command = ["isorobust", "run", f"--set={odd}"]
    found = dataclasses.replace(Found.of(rows), origins=[Origin("x", command)])
    text = "\n\n".join(bibtex(found, tabulate(found), "0" * 64))
    assert set(entries(text)) == {
        "isorobust-" + (re.sub(r"[^a-z0-9]+", "-", odd).strip("-") + "-v1").lstrip("-"),
        "bubeck2023universal",
    }
    entry = text.partition("\n\n")[0]
    assert not re.search(r"(?<!\\)[%&$#_~^]|\\input", entry)
    assert entry.count("\n") == 7 and "isorobust run" in entry


def test_what_is_published_verifies(folder: Path) -> None:
    done = isorobust("verify", folder)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 7 and all(line[:5] in ("holds", "-    ") for line in lines)
    assert sha256((folder / "table.json").read_bytes()) in lines[-1]


@pytest.mark.parametrize(
    "name", ["table.json", "table.md", "table.csv", "table.tex", "cases.jsonl"]
)
@pytest.mark.parametrize("sums", [True, False], ids=["listed", "unlisted"])
def test_a_changed_digit_is_found(folder: Path, name: str, sums: bool) -> None:
    """With its hash beside it, and without: then the rows contradict the table."""
    text = (folder / name).read_text()
    place = re.search(r"(?<=[ :\"&|,])[1-9]\.\d{3,}", text)
    place = place or re.search(r"\d\.\d\d", text)
    assert place
    digit = "2" if text[place.start()] == "1" else "1"
    changed = text[: place.start()] + digit + text[place.start() + 1 :]
    (folder / name).write_text(changed)
    if not sums:
        (folder / "SHA256SUMS").unlink()
    done = isorobust("verify", folder)
    if not sums and name == "cases.jsonl" and done.returncode == 0:
        pytest.skip("a column that no table shows")
    assert done.returncode == 1
    assert "FAILS" in done.stdout and len(done.stderr.splitlines()) == 1


@pytest.mark.parametrize(
    ("sums", "said"),
    [
        ("", "SHA256SUMS: 0 files, and not named: "),
        ("no line of sums\n", "not as they were: a line without a name"),
        (f"{'0' * 64}  /dev/zero\n", "not as they were: /dev/zero"),
        (None, "SHA256SUMS: 0 files, and not named: "),
    ],
    ids=["empty", "garbage", "device", "folder"],
)
def test_sums_that_vouch_for_nothing(folder: Path, sums: str | None, said: str) -> None:
    (folder / "SHA256SUMS").unlink()
    if sums is None:
        (folder / "SHA256SUMS").mkdir()
    else:
        (folder / "SHA256SUMS").write_text(sums)
    (first, *_) = prove(folder)
    assert first.holds is False and said in first.said


def test_a_folder_around_a_table_is_none(folder: Path) -> None:
    """The files beside the table would pass unread."""
    (folder / "table.md").write_text("changed")
    with pytest.raises(BadInput, match=f"holds no rows itself; name {folder}"):
        list(prove(folder.parent))


def test_a_file_that_the_sums_do_not_name(folder: Path) -> None:
    """Else a figure is changed, and its line taken out."""
    sums = folder / "SHA256SUMS"
    lines = sums.read_text().splitlines(keepends=True)
    sums.write_text("".join(line for line in lines if "bracket.svg" not in line))
    (first, *_) = prove(folder)
    assert first.holds is False and first.said.endswith("not named: bracket.svg")


def test_what_is_not_there_is_said(folder: Path) -> None:
    for name in ("SHA256SUMS", "table.tex"):
        (folder / name).unlink()
    said = [finding.said for finding in prove(folder) if finding.holds is None]
    assert said[0].startswith("hashes: neither") and "table.tex: isn't there" in said


def test_another_task_under_a_frozen_version_is_found(folder: Path) -> None:
    from isorobust.files import sealed, unsealed

    file = folder / "experiment.json"
    about = unsealed(file) | {"task": "0123456789abcdef"}
    file.write_text(sealed(about))
    (folder / "SHA256SUMS").unlink()
    done = isorobust("verify", folder)
    assert done.returncode == 1
    assert "FAILS  task: 0123456789abcdef, CONTROLS v1 is" in done.stdout


@pytest.mark.parametrize("verb", ["cite", "verify"])
def test_what_is_no_run_is_one_line(verb: str, tmp_path: Path) -> None:
    for place in (tmp_path / "nowhere", tmp_path):
        done = isorobust(verb, place)
        assert (done.returncode, done.stdout) == (2, "")
        assert len(done.stderr.splitlines()) == 1 and str(place) in done.stderr


def test_the_citation_file_is_valid() -> None:
    """What the Citation File Format 1.2.0 requires, and no key that it doesn't know."""
    told = yaml.safe_load((ROOT / "CITATION.cff").read_text())
    assert set(told) >= {"cff-version", "message", "title", "authors"}
    known = {
        "cff-version", "message", "type", "title", "version", "date-released",
        "license", "authors", "keywords", "references", "abstract", "repository-code",
    }  # fmt: skip
    assert set(told) <= known and told["cff-version"] == "1.2.0"
    assert told["type"] == "software" and re.fullmatch(
        r"\d{4}-\d\d-\d\d", str(told["date-released"])
    )
    for thing in (told, *told["references"]):
        for author in thing["authors"]:
            assert {"name"} <= set(author) or {"family-names", "given-names"} <= set(
                author
            )
    for reference in told["references"]:
        assert {"type", "title", "authors"} <= set(reference)
        for identifier in reference.get("identifiers", ()):
            assert identifier["type"] in ("doi", "url", "swh", "other")
