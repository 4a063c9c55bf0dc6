"""`isorobust fit`: what it prints of anybody's file, and one line for what can't be."""

import csv
import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import statsmodels.api as sm

from tests.cli import calls

TRUTH = {"n": 0.5, "d": 0.4, "p": -0.3}
CAP = 3.9  # of log L: networks above it fail
ASKED = ("--response=lip", "--factors=n,d,p", "--cluster=cell")
CENSORED = (*ASKED, "--censored=failed")


def rows(rng: np.random.Generator, seeds: int = 4, fails: bool = True) -> list[dict]:
    """36 cells with cell effects; networks above a limit fail."""
    found = []
    for n in (256, 512, 1024):
        for d in (32, 64, 128):
            for p in (500, 2000, 8000, 32000):
                line = 1 + 0.5 * np.log(n) + 0.4 * np.log(d) - 0.3 * np.log(p)
                line += 0.2 * rng.standard_normal()
                for _ in range(seeds):
                    log = line + 0.1 * rng.standard_normal()
                    failed = bool(fails and log > CAP)
                    found.append(
                        {"cell": f"{n} {d} {p}", "n": n, "d": d, "p": p, "note": "a,b",
                         "failed": failed, "cap": np.exp(CAP) if failed else None,
                         "lip": None if failed else float(np.exp(log))}
                    )  # fmt: skip
    return found


def written(folder: Path, some: list[dict], name: str = "sweep.jsonl") -> Path:
    file = folder / name
    if name.endswith(".csv"):
        with file.open("w", newline="") as text:
            writer = csv.DictWriter(text, list(some[0]))
            writer.writeheader()
            writer.writerows(some)
    else:
        file.write_text("".join(json.dumps(row) + "\n" for row in some))
    return file


def facts(capsys: pytest.CaptureFixture, *words: object) -> dict:
    return json.loads(calls.printed(capsys, "fit", *words, "--json"))


@pytest.fixture
def sweep(rng: np.random.Generator, tmp_path: Path) -> Path:
    return written(tmp_path, rows(rng))


def test_uncensored_it_is_statsmodels(
    rng: np.random.Generator, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    some = rows(rng, fails=False)
    found = facts(capsys, written(tmp_path, some), *CENSORED)
    x = sm.add_constant(np.log([[row[f] for f in "ndp"] for row in some]))
    theirs = sm.OLS(np.log([row["lip"] for row in some]), x).fit()
    for value, name in zip(theirs.params[1:], "ndp", strict=True):
        assert found["naive"][name]["estimate"] == pytest.approx(value, rel=1e-6)
        assert found["exponents"][name] == found["naive"][name]
    assert found["r2"] == pytest.approx(theirs.rsquared)
    assert (found["rows"], found["clusters"], found["excluded"]) == (144, 36, 0)
    assert found["kind"] == "estimates" and found["censored"] == 0


@pytest.mark.parametrize("name", ["sweep.jsonl", "sweep.csv"])
def test_known_limits(
    name: str, rng: np.random.Generator, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    some = rows(rng, seeds=16)
    found = facts(capsys, written(tmp_path, some, name), *CENSORED, "--limit=cap")
    assert found["kind"] == "estimates" and not found["between"]
    assert found["censored"] == sum(row["failed"] for row in some) > 50
    assert found["rows"] == len(some) and found["clusters"] == 36
    for factor, truth in TRUTH.items():
        term = found["exponents"][factor]
        assert term["low"] <= truth <= term["high"]
        assert term["low"] < term["estimate"] < term["high"]
    better = abs(found["exponents"]["n"]["estimate"] - TRUTH["n"])
    assert better < abs(found["naive"]["n"]["estimate"] - TRUTH["n"])


def test_without_a_limit_there_are_bounds_and_it_says_so(
    sweep: Path, capsys: pytest.CaptureFixture
) -> None:
    found = facts(capsys, sweep, *CENSORED)
    assert found["kind"] == "bounds" and "bounds" in found["assumed"]
    for factor, truth in TRUTH.items():
        low, high = found["between"][factor]
        term = found["exponents"][factor]
        assert term["low"] < low <= found["naive"][factor]["estimate"] <= high
        assert term["low"] <= truth <= term["high"] and high < term["high"]
    printed = calls.printed(capsys, "fit", sweep, *CENSORED)
    assert "bounds" in printed and "no limit is known" in printed


def test_it_names_the_other_models(sweep: Path, capsys: pytest.CaptureFixture) -> None:
    found = facts(capsys, sweep, *CENSORED)
    assert {"Huber's loss", "5 % envelope", "a + b sqrt(nd/p)"} <= set(found["models"])
    assert found["choice"]["best"] == "log-log in n, d, p"
    assert not found["wild"]  # 36 clusters
    assert "without n <= 256" in found["models"]["log-log over cells"]["without"]
    few = facts(capsys, sweep, "--response=lip", "--factors=d,p", "--censored=failed")
    assert "a + b sqrt(nd/p)" not in few["models"] and few["choice"] is None


def test_a_model_that_misses_nothing_is_told(
    rng: np.random.Generator, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    some = [row | {"lip": 1.0} for row in rows(rng, fails=False)]
    said = calls.printed(capsys, "fit", written(tmp_path, some), *ASKED)
    assert "best by constant" in said and "rms error of the log: constant 0," in said


def test_few_clusters_have_the_wild_bootstrap_beside(
    rng: np.random.Generator, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    some = [row | {"data": f"{row['n']} {row['d']}"} for row in rows(rng, fails=False)]
    file = written(tmp_path, some)
    found = facts(capsys, file, "--response=lip", "--cluster=data")
    assert found["clusters"] == 9
    for name, term in found["wild"].items():
        assert term["low"] < found["exponents"][name]["estimate"] < term["high"]
    assert facts(capsys, file, "--response=lip", "--cluster=data") == found
    assert found["models"]["Huber's loss"]["unit"] == "data sets"


def test_rows_without_a_response_are_counted(
    rng: np.random.Generator, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    some = rows(rng, fails=False)
    for i, value in enumerate((None, 0, -3.5)):
        some[i]["lip"] = value
    some[5]["n"] = None
    for name in ("sweep.jsonl", "sweep.csv"):
        found = facts(capsys, written(tmp_path, some, name), *ASKED)
        assert (found["rows"], found["excluded"]) == (140, 4)


def test_reached_is_the_other_way_round(
    rng: np.random.Generator, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    some = [row | {"reached": not row["failed"]} for row in rows(rng)]
    file = written(tmp_path, some)
    assert facts(capsys, file, *ASKED, "--reached=reached") == facts(
        capsys, file, *CENSORED
    )


def broken(number: int, **change: object) -> object:
    def alter(some: list[dict]) -> list[dict]:
        some[number - 1] |= change
        return some

    return alter


BAD = {
    "a text": (broken(7, lip="tall"), ":7: lip = 'tall': must be a number"),
    "NaN": (broken(7, lip=float("nan")), ":7: lip = nan: must be a number"),
    "inf": (broken(7, n=float("inf")), ":7: n = inf: must be a number"),
    "tiny": (broken(7, lip=1e-99), ":7: lip = 1e-99: must be a number (1e-60 to 1e+60"),
    "a list": (broken(7, d=[1]), ":7: d = [1]: must be a number"),
    "a bool": (broken(7, d=True), ":7: d = True: must be a number"),
    "huge": (broken(7, lip=10**400), ":7: lip = 1000"),
    "a long text": (broken(7, lip="y" * 10**6), "... (1000002 characters)"),
    "a factor of 0": (broken(7, p=0), ":7: p = 0: must be > 0"),
    "no yes or no": (broken(7, failed="perhaps"), ":7: failed = 'perhaps': must be"),
    "no cluster": (broken(7, cell=None), ":7: cell = None: must name a cluster"),
    "one n": (lambda some: [r | {"n": 5} for r in some], "n is the same in all rows"),
    "p of n": (lambda some: [r | {"p": r["n"] ** 2} for r in some], "p is a power law"),
    "few": (lambda some: some[:20], "clusters (column cell): 5; 3 factors need"),
    "no response": (lambda some: [r | {"lip": 0} for r in some], "no row that fitted"),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_row_is_one_line(
    name: str, rng: np.random.Generator, tmp_path: Path
) -> None:
    alter, told = BAD[name]
    file = written(tmp_path, alter(rows(rng, fails=False)))
    said = calls.refused("fit", file, *CENSORED)
    assert str(file) in said and told in said and len(said) < 300 + len(str(file))


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (("--response=lpi",), "no column 'lpi'; allowed: cap, cell,"),
        (("--response=lpi",), "did you mean 'lip'?"),
        (("--response=lip", "--factors=n,d,d"), "must be names, each once"),
        (("--response=lip", "--factors=n,lip"), "lip is the response"),
        (("--response=lip", "--factors=n,data"), "data: can't be response"),
        (("--response=lip", "--limit=cap"), "--limit goes with --censored"),
        ((*ASKED, "--censored="), "--censored=: must be the name of a column"),
        ((*CENSORED, "--limit="), "--limit=: must be the name of a column"),
        (("--response=law_ratio",), "law_ratio: is sqrt(n d / p) beside factors n, d"),
        ((*CENSORED, "--reached=failed"), "give one of them"),
        ((*ASKED, "--cluster=failed"), "clusters (column failed): 1; 3 factors"),
        (("--response=lip", "--censored=n"), ":1: n = 256: must be true or false"),
        (("--response=lip", "--factors=note"), ":1: note = 'a,b': must be a number"),
    ],
)
def test_bad_flags_are_one_line(sweep: Path, words: tuple, told: str) -> None:
    assert told in calls.refused("fit", sweep, *words)


def test_a_failed_row_without_its_limit(
    rng: np.random.Generator, tmp_path: Path
) -> None:
    some = rows(rng)
    number = next(i for i, row in enumerate(some, 1) if row["failed"])
    some[number - 1]["cap"] = None
    said = calls.refused("fit", written(tmp_path, some), *CENSORED, "--limit=cap")
    assert f":{number}: failed, and has no cap > 0" in said


@pytest.mark.parametrize(
    ("name", "content", "told"),
    [
        ("a.txt", b"n,d\n", "must be a file whose name ends in .jsonl or .csv"),
        ("a.jsonl", b"", "empty"),
        ("a.jsonl", b"\xff\xfe\x00", "not a text in UTF-8"),
        ("a.jsonl", b'{"n": 1}\n[1]\n', ":2: not a JSON row"),
        ("a.jsonl", b"[" * 100000, ":1: not a JSON row"),
        ("a.csv", b"n,n\n1,2\n", ":1: two columns are called 'n'"),
        ("a.csv", b"n,d\n1,2\n1\n", ":3: 1 cells, and 2 columns"),
        ("a.csv", b"n,d\n1," + b"y" * 10**6 + b"\n", ":2: field larger than"),
        ("a.csv", b"n,d\n", "no row below the columns' names"),
    ],
)
def test_a_file_that_is_none(
    name: str, content: bytes, told: str, tmp_path: Path
) -> None:
    file = tmp_path / name
    file.write_bytes(content)
    assert told in calls.refused("fit", file)


def test_no_file(tmp_path: Path) -> None:
    assert "No such file" in calls.refused("fit", tmp_path / "none.csv")
    folder = tmp_path / "b.csv"
    folder.mkdir()
    assert "Is a directory" in calls.refused("fit", folder)


def test_it_ends_with_2_and_needs_no_jax(sweep: Path) -> None:
    code = "import sys; sys.modules['jax'] = None\nfrom isorobust.cli import fit"
    subprocess.run([sys.executable, "-c", code], check=True)
    done = subprocess.run(
        [sys.executable, "-m", "isorobust", "fit", sweep, "--response=lpi"],
        capture_output=True,
        text=True,
        env=os.environ,
    )
    assert done.returncode == 2 and done.stderr.count("\n") == 1


def test_a_line_without_spread_is_found_exactly(
    tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture
) -> None:
    some = [
        row | {"lip": 2 * row["n"] ** 0.5 * row["d"] ** 0.4 * row["p"] ** -0.3}
        for row in rows(rng, fails=False)
    ]
    some = [row | {"failed": row["lip"] > 30, "cap": 30} for row in some]
    found = facts(capsys, written(tmp_path, some), *CENSORED, "--limit=cap")
    assert found["censored"] > 5
    for factor, truth in TRUTH.items():
        assert found["exponents"][factor]["estimate"] == pytest.approx(truth)


def test_numbers_of_any_size(
    tmp_path: Path, rng: np.random.Generator, capsys: pytest.CaptureFixture
) -> None:
    """Units shift the constant alone."""
    some = rows(rng)
    large = [
        row
        | {"n": row["n"] * 1e50, "p": row["p"] * 1e-50, "cap": 1e50 * (row["cap"] or 0)}
        | ({"lip": row["lip"] * 1e50} if row["lip"] else {})
        for row in some
    ]
    for words in (CENSORED, (*CENSORED, "--limit=cap")):
        plain = facts(capsys, written(tmp_path, some), *words)["exponents"]
        scaled = facts(capsys, written(tmp_path, large), *words)["exponents"]
        for factor in TRUTH:
            assert scaled[factor] == pytest.approx(plain[factor], rel=1e-5)


def test_a_column_that_tells_of_failures_is_pointed_at(
    rng: np.random.Generator, tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    """A run's records say `reached`: whoever leaves it out is told, on stderr."""
    some = [
        {**row, "lip": row["lip"] or 60.0, "reached": not row["failed"]}
        for row in rows(rng)
    ]
    file = written(tmp_path, some)
    missed = sum(row["failed"] for row in some)
    done = calls.said(capsys, "fit", file, *ASKED)
    assert f"says of {missed} rows that they did not fit" in done.err
    assert not calls.said(capsys, "fit", file, *ASKED, "--reached=reached").err
