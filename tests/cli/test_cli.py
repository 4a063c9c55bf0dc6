"""The door: one line for what is wrong, exit code 2, and nothing left half-written."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import isorobust.cli.main as cli
from isorobust.door import BadInput

HERE = Path(__file__).parent.parent
TINY = f"--config={HERE}/experiments.py:tiny"


def call(*words: str, **more: object) -> subprocess.CompletedProcess:
    command = [sys.executable, "-m", "isorobust", *words]
    return subprocess.run(command, capture_output=True, text=True, **more)


def refused(done: subprocess.CompletedProcess) -> str:
    """The one line of a refusal."""
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert done.stderr.startswith("isorobust: ") and done.stderr.count("\n") == 1
    assert "Traceback" not in done.stderr and not done.stdout
    return done.stderr


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ([], "which verb?"),
        (["rnu"], "did you mean 'run'?"),
        (["--version"], "did you mean 'version'?"),
        (["run"], "required: --config, --workdir"),
        (["run", "--confg=x"], "did you mean '--config'?"),
        (["plan", "--config=configs/lwa.py"], "no such file"),
        (["plan", TINY, "--set=seeds"], "must be field=value"),
        (["plan", TINY, "--set=bounds=pth"], "did you mean 'path'?"),
        (["report", "nowhere"], "holds no run"),
        (["report", ".", "--format=docx"], "invalid choice"),
        (["run", TINY, "--workdir=w", "--devices=x"], "must be a whole number >= 1"),
        (["run", TINY, "--workdir=w", "--devices=0"], "must be a whole number >= 1"),
    ],
)
def test_refusals_at_the_door(words: list[str], said: str) -> None:
    """In this process: the same code as the command, without a process's seconds."""
    with pytest.raises(BadInput, match=said.replace("?", r"\?")):
        args = cli.parse(["isorobust", *words])
        args.call(args)


def test_a_refusal_is_one_line_and_code_2(tmp_path: Path) -> None:
    done = call("run", TINY, "--set=model.width=0", f"--workdir={tmp_path}/run")
    assert "model.width = 0: must be a whole number >= 1" in refused(done)
    assert not (tmp_path / "run").exists()


def test_a_folder_that_can_not_be_written(tmp_path: Path) -> None:
    done = call("run", TINY, "--workdir=/proc/nothing")
    assert "--workdir=/proc/nothing" in refused(done)


LAW = str(HERE.parent / "benchmarks" / "results" / "2026-11-24-cpu-law")


@pytest.mark.parametrize("words", [("verify", LAW), ("report", LAW, "--format=html")])
def test_a_reader_that_has_gone(words: tuple[str, ...]) -> None:
    """As of `| head -1`: whether a verb prints at once or at its end."""
    command = [sys.executable, "-m", "isorobust", *words]
    there = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert there.stdout and there.stderr
    there.stdout.close()
    said = there.stderr.read().decode()
    there.stderr.close()
    assert (there.wait(), said) == (141, "")


def test_no_room_for_what_is_printed() -> None:
    with Path("/dev/full").open("w") as full:
        command = [sys.executable, "-m", "isorobust", "cite", LAW]
        done = subprocess.run(command, stdout=full, stderr=subprocess.PIPE, text=True)
    assert done.returncode == 2 and done.stderr.count("\n") == 1
    assert "No space left" in done.stderr


def test_a_name_too_long_for_a_file() -> None:
    assert "File name too long" in refused(call("report", "x" * 300))


def test_output_is_utf_8_whatever_the_terminal() -> None:
    ascii_only = os.environ | {"PYTHONIOENCODING": "ascii"}
    command = [sys.executable, "-m", "isorobust", "report", LAW, "--format=html"]
    done = subprocess.run(command, capture_output=True, env=ascii_only)
    assert done.returncode == 0 and "·" in done.stdout.decode()


@pytest.mark.parametrize("kilobytes", [100, 200, 280])
def test_a_full_disk(tmp_path: Path, kilobytes: int) -> None:
    """Full within orbax or within ours: one line; the same command goes on later."""
    disk, run = tmp_path / "disk", tmp_path / "disk" / "run"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={kilobytes}k", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True).returncode:
        pytest.skip("mounting a small file system takes root")
    try:
        said = refused_tail(call("run", TINY, f"--workdir={run}"))
        assert "No space left" in said or "disk" in said
        rows = run / "records.jsonl"  # whole, or not there
        assert not rows.exists() or len(rows.read_text().splitlines()) == 20
        grow = ["mount", "-o", "remount,size=50m", str(disk)]
        subprocess.run(grow, check=True)
        done = call("run", TINY, f"--workdir={run}")
        assert done.returncode == 0 and (run / "records.jsonl").exists(), done.stderr
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def refused_tail(done: subprocess.CompletedProcess) -> str:
    """The last line of a refusal that came after progress was shown."""
    assert done.returncode == 2, (done.stdout, done.stderr)
    assert "Traceback" not in done.stderr and not done.stdout
    last = done.stderr.strip().splitlines()[-1]
    assert last.startswith("isorobust: ")
    return last


def test_version_names_what_a_record_would() -> None:
    import json

    done = call("version")
    assert done.returncode == 0 and not done.stderr
    assert {"software_jax", "device_kind", "host_cpu"} <= set(json.loads(done.stdout))


@pytest.mark.parametrize("buffered", [True, False])
def test_whoever_reads_may_leave(buffered: bool) -> None:
    """`isorobust version | head -0`: silence and a code, no traceback."""
    gone, pipe = os.pipe()
    os.close(gone)
    command = [sys.executable, *([] if buffered else ["-u"]), "-m", "isorobust"]
    plain = {k: v for k, v in os.environ.items() if k != "PYTHONUNBUFFERED"}
    done = subprocess.run(
        [*command, "version"], stdout=pipe, stderr=subprocess.PIPE, env=plain
    )
    os.close(pipe)
    assert (done.returncode, done.stderr) == (141, b"")


def test_plan_prints_the_programs() -> None:
    done = call("plan", TINY)
    assert done.returncode == 0 and "programs" in done.stderr
    assert "20 networks in 4 cells, 1 training programs, at most" in done.stdout
    (row,) = [line for line in done.stdout.splitlines() if "64x8x8" in line]
    _, recipe, networks, blocks, kilobytes, *_ = row.strip("│").split("│")[0:6]
    assert (recipe.strip(), networks.strip(), blocks.strip()) == ("Adam", "20", "5")
    assert 0 < float(kilobytes) < 1000
    said = done.stdout.splitlines()[-1]
    assert re.fullmatch(r"training .* s \(.*\), measuring .*, together .*", said), said


def test_plan_untimed_is_quick_and_says_less() -> None:
    done = call("plan", TINY, "--untimed", "--devices=1")
    assert done.returncode == 0 and not done.stderr
    (row,) = [line for line in done.stdout.splitlines() if "64x8x8" in line]
    assert row.strip("│").split("│")[4].strip() == "-"


def test_run_then_report(tmp_path: Path) -> None:
    done = call("run", TINY, f"--workdir={tmp_path}/run", "--set=seeds=1")
    assert done.returncode == 0, done.stderr
    assert "4 networks trained" in done.stdout and "train:" in done.stderr
    table = (tmp_path / "run" / "table.md").read_text()
    assert table in done.stdout and "TINY+set" in table
    said = done.stdout.splitlines()[-1]
    assert said == f"to look at: {tmp_path}/run/report.html"
    shown = call("report", f"{tmp_path}/run")
    assert shown.stdout == table and not shown.stderr
    rows = call("report", f"{tmp_path}/run/records.jsonl", "--format=csv")
    assert rows.stdout == (tmp_path / "run" / "table.csv").read_text()
    again = call("run", TINY, f"--workdir={tmp_path}/run", "--set=seeds=1")
    assert "nothing left to do" in again.stdout and not again.stderr
    other = call("run", TINY, f"--workdir={tmp_path}/run")
    assert "holds another experiment" in refused(other)


@pytest.mark.parametrize(
    ("name", "text", "said"),
    [
        ("records.jsonl", '{"a": 1}', "schema_version = None"),
        ("records.jsonl", '{"schema_version": 1}', "has no column uid, track"),
        ("records.jsonl", "x", "not a JSON row"),
        ("records.jsonl", "", "no network is measured yet"),
        ("experiment.json", "{", "damaged (not as it was written)"),
        ("experiment.json", "[]", "damaged (not as it was written)"),
    ],
)
def test_reports_of_damaged_files(
    tmp_path: Path, name: str, text: str, said: str
) -> None:
    (tmp_path / name).write_text(text)
    where = tmp_path / name if name == "records.jsonl" else tmp_path
    with pytest.raises(BadInput) as caught:
        args = cli.parse(["isorobust", "report", str(where)])
        args.call(args)
    assert said in str(caught.value)


def test_report_of_a_run_under_way(tmp_path: Path) -> None:
    """Pages that are measured are reported; what is missing is said."""
    call("run", TINY, f"--workdir={tmp_path}/run")
    manifest = tmp_path / "run" / "MANIFEST.sha256"
    lines = manifest.read_text().splitlines(keepends=True)
    late = [line for line in lines if "pages/00001/fit.json" not in line]
    assert len(late) == len(lines) - 1
    manifest.write_text("".join(late))
    done = call("report", f"{tmp_path}/run")
    assert done.returncode == 0, done.stderr
    assert (
        "16 networks" in done.stdout and "4 networks have no record yet" in done.stdout
    )
