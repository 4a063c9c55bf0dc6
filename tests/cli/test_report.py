"""The verb `report`: what it takes, what it joins, and what it refuses in one line."""

import errno
import json
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from isorobust.files import sealed
from isorobust.report import FILES, files, tabulate
from isorobust.results.gather import gather
from tests.cli.calls import printed, refused
from tests.report.test_report import record

PUBLISHED = Path(__file__).parents[2] / "benchmarks" / "results"


def rows(**change: object) -> list[dict]:
    return [record(c, s, **change) for c in range(7) for s in range(2)]


def write(file: Path, some: list[dict]) -> Path:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(json.dumps(row) + "\n" for row in some))
    return file


def test_runs_of_one_track_and_version_make_one_table(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    one = write(tmp_path / "a" / "records.jsonl", rows()).parent
    more = [record(c, s) for c in range(7) for s in (1, 2)]  # seed 1 is there already
    two = write(tmp_path / "b" / "records.jsonl", more)
    (found,) = gather([str(one), str(two)])
    assert (len(found.records), found.repeated) == (21, 7)
    said = printed(capsys, "report", one, two)
    assert said.startswith("# T v1: 21 networks") and "counted once" in said
    assert printed(capsys, "report", tmp_path).startswith("# T v1: 21 networks")


def test_a_trial_counts_once(tmp_path: Path) -> None:
    """Twice in one file, in a run that is named twice, or with another number."""
    file = write(tmp_path / "records.jsonl", rows() + rows())
    (found,) = gather([str(file)])
    assert (len(found.records), found.planned, found.repeated) == (14, 14, 14)
    (found,) = gather([str(file), f"{tmp_path}/../{tmp_path.name}/records.jsonl"])
    assert (len(found.records), len(found.origins), found.repeated) == (14, 1, 14)
    (found,) = gather([str(write(file, rows(host_cpu="a") + rows(host_cpu="b")))])
    assert (found.repeated, found.contradicted) == (14, 0)
    (found,) = gather([str(write(file, [*rows(), record(0, 0, upper=9.0)]))])
    assert (found.repeated, found.contradicted) == (1, 1)
    assert any("1 of those say something else" in d for d in tabulate(found).doubts)


def test_two_versions_never_share_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    bare = {"lower": None, "upper": None}  # no bracket: few figures, a quick test
    one = write(tmp_path / "a" / "records.jsonl", rows(**bare))
    two = write(tmp_path / "b" / "records.jsonl", rows(**bare, track_version=2))
    said = printed(capsys, "report", one, two)
    assert "# T v1: 14 networks" in said and "# T v2: 14 networks" in said
    both = printed(capsys, "report", one, two, "--format=html")
    assert both.count("<article") == 2 and 'href="#t1"' in both
    mixed = write(tmp_path / "c.jsonl", rows() + rows(track_version=2))
    assert printed(capsys, "report", mixed).count("# T v") == 2
    for form in ("csv", "json", "svg"):
        told = refused("report", one, two, f"--format={form}")
        assert "T v1, T v2 are 2 tables" in told


def test_it_writes_files_by_their_ending(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    file = write(tmp_path / "records.jsonl", rows())
    table = tabulate(gather([str(file)])[0])
    for name in ("table.md", "table.tex"):
        assert printed(capsys, "report", file, f"--out={tmp_path / name}") == ""
        assert (tmp_path / name).read_text() == FILES[name](table)
    printed(capsys, "report", file, "--figure=widths", f"--out={tmp_path / 'w.pdf'}")
    assert (tmp_path / "w.pdf").read_bytes().startswith(b"%PDF")
    printed(capsys, "report", file, f"--out={tmp_path}/all/")
    wanted = files(table)
    there = {f.name for f in (tmp_path / "all").iterdir()}
    pictures = {name.replace(".svg", ".pdf") for name in wanted if ".svg" in name}
    assert there == set(wanted) | pictures and "exponents.pdf" in there
    assert "published.svg" not in there


def test_a_full_disk_leaves_the_last_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    file = write(tmp_path / "records.jsonl", rows())
    kept, link = tmp_path / "kept.md", tmp_path / "link.md"
    kept.write_text("the last one")
    link.symlink_to(kept)

    def half(self: Path, content: bytes) -> int:
        with self.open("wb") as some:
            some.write(content[:9])
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as full:
        full.setattr(Path, "write_bytes", half)
        assert "No space left" in refused("report", file, f"--out={link}")
    assert kept.read_text() == "the last one"
    assert sorted(f.name for f in tmp_path.iterdir()) == [
        "kept.md", "link.md", "records.jsonl",
    ]  # fmt: skip
    printed(capsys, "report", file, f"--out={link}")
    assert link.is_symlink() and kept.read_text().startswith("# T v1")
    printed(capsys, "report", file, "--format=md", "--out=/dev/null")
    assert not Path("/dev/null").is_file()


@pytest.mark.parametrize("recorded", [True, False])
def test_what_is_published_keeps_its_predictions(
    tmp_path: Path, capsys: pytest.CaptureFixture, recorded: bool
) -> None:
    """Judged again where the rules are there, else as they were judged."""
    place = shutil.copytree(PUBLISHED / "2026-11-24-cpu-geometry", tmp_path / "g")
    if not recorded:
        (place / "experiment.json").unlink()
    said = printed(capsys, "report", place)
    kept = json.loads((place / "table.json").read_text())
    assert said.count("| FAIL |") == sum(c["passed"] is False for c in kept["checks"])
    assert f"of {len(kept['checks'])} predictions hold" in said
    assert ("as judged when the table was published" in said) != recorded
    assert "<details>" in said or max(len(p["lines"]) for p in kept["panels"]) <= 12


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["--format=pdf"], "is no text: needs --out=FILE.pdf"),
        (["--out=x.docx"], "of which format? allowed: csv, html"),
        (["--format=svg", "--figure=braket"], "did you mean 'bracket'?"),
        (["--figure=braket"], "did you mean 'bracket'?"),  # also where none is drawn
        (["--format=svg", "--out=./"], "a folder (--out=./) gets every format"),
        (["--out=/proc/nothing/x.md"], "No such file or directory"),
    ],
)
def test_refusals(tmp_path: Path, words: list[str], said: str) -> None:
    file = write(tmp_path / "records.jsonl", rows())
    assert said in refused("report", file, *words)


ROW = json.dumps(record(0, 0))


def changed(**change: object) -> str:
    return json.dumps(record(0, 0) | change)


HOSTILE = [
    (ROW.replace('"reach": 2.0', '"reach": NaN'), "NaN is no number of JSON"),
    (ROW.replace('"reach": 2.0', '"reach": -Infinity'), "-Infinity is no number"),
    (ROW.replace('"reach": 2.0', '"reach": 1e999'), "reach' = inf: must be finite"),
    (changed(note="x" * 10**6), "at most 4000 characters"),
    (changed(**{"k" * 10**6: 1}), "at most 4000 characters"),
    (changed(note=["x"] * 10**5), "at most 4000 characters"),
    (changed(schema_version=7), "schema_version = 7: this isorobust reads 1"),
    (changed(n="<b>"), "'n' = '<b>': must be a whole number >= 1"),
    (changed(n=0), "must be a whole number >= 1"),
    (changed(d=10**40), "must be less than 2^63"),
    (changed(lower="=cmd()"), "'lower' = '=cmd()': must be a number >= 0, or null"),
    (changed(upper=-1.0), "must be a number >= 0, or null"),
    (changed(upper_sphere="\\input{x}"), "must be a number >= 0, or null"),
    (changed(block=["a"]), "'block' = ['a']: must be a text"),
    (changed(law_ratio=None), "'law_ratio' = None: must be a number > 0"),
    (changed(law_ratio=0), "must be a number > 0"),
    (changed(block="\ud800"), "must be Unicode: it has half of a letter"),
    (changed(**{"\udfff": 1}), "must be Unicode: it has half of a letter"),
    (changed(reached="yes"), "must be true or false"),
    (changed(seed=1.5), "must be a whole number"),
    ("[" * 100_000, "not a JSON row"),
    ("[1, 2]", "must be a JSON object"),
    ("9" * 10_000, "not a JSON row"),
    ('{"kind": "family", "track": "T"}', "has no column track_version, block"),
    ("\x00", "not a JSON row"),
]  # fmt: skip


@pytest.mark.parametrize(("line", "said"), HOSTILE, ids=[s[:40] for _, s in HOSTILE])
def test_a_hostile_record_is_one_line(tmp_path: Path, line: str, said: str) -> None:
    file = tmp_path / "records.jsonl"
    file.write_text(f"{ROW}\n{line}\n")
    told = refused("report", file)
    assert told.startswith(f"{file}:2: ") and said in told and len(told) < 400


@pytest.mark.filterwarnings("ignore::RuntimeWarning")  # numpy's, of the overflow
@pytest.mark.parametrize(
    "change", [{"upper": 1e300, "lower": 1e-300}, {"floor_x_reason": {"a": 1}}]
)
@pytest.mark.parametrize(
    "words", [("report", "--format=json"), ("cite",), ("verify",)], ids=lambda w: w[0]
)
def test_what_no_table_can_be_made_of_is_one_line(
    tmp_path: Path, words: tuple[str, ...], change: dict
) -> None:
    """In every verb: such numbers leave floating point in squares, and JSON with it."""
    some = rows()
    some[0] |= change
    write(tmp_path / "records.jsonl", some)
    verb, *flags = words
    assert "the rows don't fit together" in refused(verb, tmp_path, *flags)


def test_a_rule_that_is_misspelt_beside_the_records(tmp_path: Path) -> None:
    statistic = {"kind": "Summary", "column": "n", "where": ["d > x"]}
    rule = {"claim": "c", "statistic": statistic, "within": [0, 1]}
    about = sealed({"rules": [rule | {"judged": "estimate"}]})
    (tmp_path / "experiment.json").write_text(about)
    write(tmp_path / "records.jsonl", rows())
    assert "must be such as 'd >= 64'" in refused("report", tmp_path)


def test_a_hypothesis_that_was_not_looked_at(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    file = write(tmp_path / "records.jsonl", [record(0, 0, theorem_applies=None)])
    assert "hypothesis holds for 0 of 1" in printed(capsys, "report", file)


@pytest.mark.parametrize("name", sorted({*record(0, 0)} - {"schema_version"}))
def test_every_missing_column_is_named(tmp_path: Path, name: str) -> None:
    row = record(0, 0)
    del row[name]
    file = write(tmp_path / "records.jsonl", [row])
    assert f"{file}:1: has no column {name}" == refused("report", file)


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"family": "McShane", "n": 1, "d": 2}, "don't fit together"),
        ({"track_version": [1]}, "= [1]: must be a whole number >= 1"),
        ({"track_version": "x"}, "= 'x': must be a whole number >= 1"),
        ({"n": 1.5, "upper": [1]}, "'upper' = [1]: must be a number >= 0"),
        ({"n": float(2**60), "lower": 1e308, "upper": 1e308}, ""),
        ({"n": "<script>", "lower": None}, ""),
    ],
)
def test_cases_without_what_they_need(
    tmp_path: Path, capsys: pytest.CaptureFixture, row: dict, said: str
) -> None:
    """Shown as text where that is possible, else refused in one line."""
    case = {"kind": "family", "track": "T", "track_version": 1, "block": "b; x; y"}
    case |= {"cell": "c", "seed": 0} | row
    network = record(0, 0, distribution="x", target="y", recipe="r", target_mse=0.1)
    write(tmp_path / "records.jsonl", [network])
    write(tmp_path / "cases.jsonl", [case])
    if said:
        assert said in refused("report", tmp_path)
    else:
        assert "<script" not in printed(capsys, "report", tmp_path)


@pytest.mark.parametrize("text", ["{", "[]", '{"panels": [1]}', '{"checks": [{}]}'])
def test_a_damaged_table_beside_the_records(tmp_path: Path, text: str) -> None:
    write(tmp_path / "records.jsonl", rows())
    (tmp_path / "table.json").write_text(text)
    assert f"{tmp_path / 'table.json'}: is no table" in refused("report", tmp_path)


def test_a_refusal_leaves_with_code_2_and_no_traceback(tmp_path: Path) -> None:
    file = tmp_path / "records.jsonl"
    file.write_text(changed(note="x" * 10**6))
    command = [sys.executable, "-m", "isorobust", "report", str(file), "--format=html"]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
