"""A run end to end: every choice works, interruptions cost nothing."""

import contextlib
import dataclasses
import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

import isorobust
from isorobust.data import BalancedSigns, Sphere
from isorobust.door import BadInput
from isorobust.engine.plan import plan
from isorobust.engine.store import opened
from isorobust.experiment import Cell, Experiment
from isorobust.files import manifest, unsealed
from isorobust.models import MLP
from isorobust.pipeline import identity_of, run
from isorobust.results.join import collect
from isorobust.results.records import read, varies
from isorobust.training import Adam
from tests.experiments import broad, tiny

HERE = Path(__file__).parent


def command(config: str, workdir: Path, *flags: str) -> list[str]:
    start = [sys.executable, "-m", "isorobust", "run", f"--config={config}"]
    return [*start, f"--workdir={workdir}", *flags]


def call(config: str, workdir: Path, *flags: str) -> subprocess.CompletedProcess:
    environment = {k: v for k, v in os.environ.items() if k != "JAX_NUM_CPU_DEVICES"}
    return subprocess.run(
        command(config, workdir, *flags),
        capture_output=True,
        text=True,
        env=environment,
    )


def honest(workdir: Path) -> list[dict]:
    """The records without what may differ between two honest runs."""
    rows = read(workdir / "records.jsonl")
    return [{k: v for k, v in row.items() if not varies(k)} for row in rows]


TINY = f"{HERE}/experiments.py:tiny"


@pytest.fixture(scope="session")
def reference(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    folder = tmp_path_factory.mktemp("reference") / "run"
    done = call(TINY, folder, "--devices=1")
    assert done.returncode == 0, done.stderr
    return honest(folder)


def test_records_are_equal_on_1_2_and_8_devices(
    tmp_path: Path, reference: list[dict]
) -> None:
    for devices in (2, 8):
        done = call(TINY, tmp_path / str(devices), f"--devices={devices}")
        assert done.returncode == 0, done.stderr
        assert honest(tmp_path / str(devices)) == reference


def test_a_trial_alone_has_the_same_record(
    tmp_path: Path, reference: list[dict]
) -> None:
    """One cell and one seed of the experiment, in a process of its own."""
    done = call(TINY, tmp_path / "one", "--set=n=40", "--set=seeds=1", "--devices=1")
    assert done.returncode == 0, done.stderr
    found = {row["uid"]: row for row in honest(tmp_path / "one")}
    shared = [row for row in reference if row["uid"] in found]
    assert shared
    for row in shared:
        other = found[row["uid"]]
        assert {k for k in row if row[k] != other[k]} <= {"track"}


SLOW = f"{HERE}/experiments.py:slow"


@pytest.fixture(scope="session")
def undisturbed(tmp_path_factory: pytest.TempPathFactory) -> list[dict]:
    folder = tmp_path_factory.mktemp("undisturbed") / "run"
    done = call(SLOW, folder)
    assert done.returncode == 0, done.stderr
    return honest(folder)


def test_killed_at_ten_moments_the_records_are_the_same(
    tmp_path: Path, undisturbed: list[dict]
) -> None:
    """kill -9, and on with another number of devices each time."""
    moments = np.random.Generator(np.random.Philox(key=1)).uniform(1.5, 9.0, 10)
    kills, began = 0, 0
    for i, moment in enumerate(moments):
        process = subprocess.Popen(
            command(SLOW, tmp_path / "run", f"--devices={(1, 2, 8)[i % 3]}"),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
        )
        try:
            process.wait(timeout=moment)
        except subprocess.TimeoutExpired:
            process.send_signal(signal.SIGKILL)
            kills += 1
        process.wait()
        began += bool(list((tmp_path / "run").glob("state/*/*.json")))
    done = call(SLOW, tmp_path / "run", "--devices=1")
    assert done.returncode == 0, done.stderr
    assert kills >= 3 and began >= 1, (kills, began)
    assert honest(tmp_path / "run") == undisturbed


@pytest.mark.parametrize(
    ("number", "code"),
    [
        (signal.SIGTERM, 75),
        (signal.SIGUSR1, 75),
        (signal.SIGUSR2, 75),
        (signal.SIGINT, 130),
    ],
)
def test_asked_to_stop_it_saves_and_says_so(
    tmp_path: Path, undisturbed: list[dict], number: signal.Signals, code: int
) -> None:
    words = command(SLOW, tmp_path / "run")
    process = subprocess.Popen(words, stderr=subprocess.PIPE, text=True)
    while not list((tmp_path / "run").glob("state/*/*.json")):
        time.sleep(0.05)  # some lane is on the disk
        assert process.poll() is None
    process.send_signal(number)
    began = time.monotonic()
    _, said = process.communicate(timeout=60)
    assert process.returncode == code and time.monotonic() - began < 10
    assert said.splitlines()[-1] == (
        f"isorobust: stopped by {number.name}: saved, and the same command continues"
    )
    state = list((tmp_path / "run").glob("state/*/*.json"))
    assert state and "Traceback" not in said
    if number == signal.SIGTERM:
        assert call(SLOW, tmp_path / "run", "--devices=1").returncode == 0
        assert honest(tmp_path / "run") == undisturbed
        assert not list((tmp_path / "run").glob("state/*"))
        pages = (tmp_path / "run").glob("pages/*/trials.json")
        uids = [row["uid"] for page in pages for row in json.loads(page.read_text())]
        assert len(uids) == len(set(uids)) == 12


def test_flipped_bytes_are_found_and_never_a_wrong_number(
    tmp_path: Path, reference: list[dict], rng: np.random.Generator
) -> None:
    """200 of them, across every file that a run leaves: report and run see each one."""
    whole, hurt = tmp_path / "whole", tmp_path / "hurt"
    run(tiny(), whole)
    names = sorted(
        str(file.relative_to(whole))
        for file in whole.rglob("*")
        if file.is_file() and file.stat().st_size
    )
    for i in range(200):
        shutil.rmtree(hurt, ignore_errors=True)
        shutil.copytree(whole, hurt)
        name = names[i % len(names)]
        content = bytearray((hurt / name).read_bytes())
        content[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
        (hurt / name).write_bytes(content)
        assert found(hurt, name), name
        with contextlib.suppress(BadInput):
            rows = collect(hurt).records
            kept = {row["uid"]: row for row in reference}
            for row in rows:
                told = {k: v for k, v in row.items() if not varies(k)}
                assert told == kept[row["uid"]], name


def found(folder: Path, name: str) -> bool:
    """Whether the flip is seen by what checks the file: its seal or the manifest."""
    if name == "experiment.json":
        with pytest.raises(BadInput, match="damaged"):
            unsealed(folder / name)
        return True
    if name == ".lock":  # says who held the folder: nobody reads it afterwards
        return True
    command = ["sha256sum", "--quiet", "-c", "MANIFEST.sha256"]
    done = subprocess.run(command, cwd=folder, capture_output=True)
    strict = subprocess.run([*command, "--strict"], cwd=folder, capture_output=True)
    named = set(manifest(folder))
    there = {str(f.relative_to(folder)) for f in folder.rglob("*") if f.is_file()}
    stray = there - named - {"experiment.json", ".lock", "MANIFEST.sha256"}
    return bool(done.returncode or strict.returncode or stray)


def test_a_damaged_bound_is_measured_again_to_the_same_bits(
    tmp_path: Path, reference: list[dict]
) -> None:
    run(tiny(), tmp_path / "run")
    for name in ("bound_sweep", "bound_path", "fit"):
        (tmp_path / "run" / "pages" / "00000" / f"{name}.json").write_text("[]")
    assert run(tiny(), tmp_path / "run").trained == 0
    assert honest(tmp_path / "run") == reference


def test_a_kill_at_the_very_start_and_at_the_very_end(
    tmp_path: Path, reference: list[dict]
) -> None:
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "experiment.json.tmp").write_text("{")
    run(tiny(), tmp_path / "run")
    with opened(tmp_path / "run", identity_of(plan(tiny()))) as store:
        store.write_state([({"000": np.zeros((1, 2))}, [{"uid": "x"}])])
    assert run(tiny(), tmp_path / "run").trained == 0
    assert not list((tmp_path / "run").glob("state/*"))
    assert honest(tmp_path / "run") == reference


def test_a_damaged_page_is_named_and_done_again(
    tmp_path: Path, reference: list[dict]
) -> None:
    run(tiny(), tmp_path / "run")
    page = tmp_path / "run" / "pages" / "00001" / "trials.json"
    page.write_text(page.read_text().replace("1", "2", 1))
    done = call(TINY, tmp_path / "run")
    assert done.returncode == 0 and "4 networks trained" in done.stdout
    assert (
        f"{tmp_path}/run/pages/00001: damaged; dropped, and done again" in done.stderr
    )
    assert honest(tmp_path / "run") == reference


def test_killed_after_every_write(tmp_path: Path, reference: list[dict]) -> None:
    """The rare moments on purpose: dies right before a page's manifest is replaced."""
    code = (
        "import os, sys; import isorobust.engine.store as store\n"
        "count, write = int(sys.argv.pop(1)), store.write_whole\n"
        "def dying(file, text):\n"
        "    global count\n"
        "    count -= file.name == store.MANIFEST\n"
        "    os._exit(9) if count < 0 else write(file, text)\n"
        "store.write_whole = dying\n"
        "from isorobust.cli.main import main; main()"
    )
    words = command(TINY, tmp_path / "run", "--devices=1")[3:]
    codes = []
    for survived in (0, 1, 1, 2):
        dying = [sys.executable, "-c", code, str(survived), *words]
        codes.append(subprocess.run(dying, capture_output=True).returncode)
    assert codes == [9, 9, 9, 9]
    assert call(TINY, tmp_path / "run", "--devices=1").returncode == 0
    assert honest(tmp_path / "run") == reference


def test_a_finished_run_says_so(tmp_path: Path) -> None:
    first = run(tiny(), tmp_path / "run")
    again = run(tiny(), tmp_path / "run")
    assert first.trained == 20 and again.trained == 0
    assert again.records == first.records and again.table == first.table
    left = {p.name for p in (tmp_path / "run").iterdir()}
    assert left == {
        "experiment.json", "pages", "MANIFEST.sha256", "records.jsonl", "table.md",
        "table.json", "table.csv", "table.tex", "report.html", "bracket.svg",
        "floors.svg", "success.svg", "widths.svg", "timing.json", ".lock",
    }  # fmt: skip


def test_another_bound_measures_without_training(tmp_path: Path) -> None:
    few = dataclasses.replace(tiny(), bounds=("random", "product"))
    first = run(few, tmp_path / "run")
    assert "upper_liplt" not in first.records[0]
    kept = (tmp_path / "run" / "pages" / "00000" / "trials.json").stat().st_mtime_ns
    second = run(tiny(), tmp_path / "run")
    assert second.trained == 0 and second.records[0]["upper_liplt"] is not None
    for a, b in zip(first.records, second.records, strict=True):
        assert a["upper_product"] == b["upper_product"] >= b["upper"]
    page = tmp_path / "run" / "pages" / "00000" / "trials.json"
    assert page.stat().st_mtime_ns == kept


@pytest.fixture(scope="module")
def wide(tmp_path_factory: pytest.TempPathFactory) -> isorobust.Result:
    return isorobust.run(broad(), tmp_path_factory.mktemp("broad") / "run")


def test_every_choice_gives_an_honest_record(wide: isorobust.Result) -> None:
    assert len(wide.records) == 24
    for row in wide.records:
        assert row["lower"] <= row["upper"] and row["crossed"] is False
        assert not row["violated"]
        assert row["stop"] in ("target", "budget")
        assert row["p"] <= row["p_trained"]
        assert row["law_ratio"] == pytest.approx(
            np.sqrt(row["n"] * row["d"] / row["p"])
        )
        assert row["epsilon"] == pytest.approx(row["noise_variance"] - row["train_mse"])
        assert row["test_mse"] > 0
        assert "radius_points" not in row  # on request alone
        on_sphere = row["distribution"].startswith("Sphere")
        assert ("lower_sphere" in row) == on_sphere
        if on_sphere:
            assert row["lower_sphere"] <= row["upper_sphere"] <= row["upper"]


def test_floors_are_null_with_a_reason_where_hypotheses_fail(
    wide: isorobust.Result,
) -> None:
    reasons = {row["distribution"] + row["target"]: row for row in wide.records}
    digits = next(row for name, row in reasons.items() if name.startswith("Digits"))
    teacher = next(row for name, row in reasons.items() if "Teacher" in name)
    assert digits["floor_sharp"] is None
    assert digits["floor_sharp_reason"] == "labels depend on x"
    assert digits["floor_theorem"] is None and digits["theorem_applies"] is False
    assert teacher["floor_sharp_reason"] == "labels are not all +-1"
    spoken = [row for row in wide.records if row["floor_sharp"] is not None]
    assert {row["distribution"].split("(")[0] for row in spoken} == {
        "Sphere", "Gaussian", "Mixture"
    }  # fmt: skip


def test_the_final_mse_is_measured_again(tmp_path: Path) -> None:
    """A stop's MSE is pre-update float32; the record's is of the kept parameters."""
    for row in run(tiny(), tmp_path / "run").records:
        if row["stop"] == "target":
            assert row["reached"] and row["train_mse"] <= row["target_mse"] * (1 + 1e-6)


def test_networks_that_blow_up_are_recorded(tmp_path: Path) -> None:
    """Rates of 1e3 and 1e30, 2 and 8 layers: numbers where they fit, null where not."""
    cells = tuple(
        Cell(Sphere(), BalancedSigns(), MLP(8, depth), 40, 8, Adam(0.1, rate, 50))
        for depth in (2, 8)
        for rate in (1e3, 1e30)
    )
    found = run(Experiment("WILD", 1, cells, seeds=2), tmp_path / "run")
    for row in found.records:
        assert not row["reached"] and row["floor"] is None and row["violated"] is None
        assert row["stop"] == "diverged" or "1e+30" not in row["recipe"]
        known = row["upper"] is not None and row["lower"] is not None
        assert not known or row["lower"] <= row["upper"]
    assert any(row["train_mse"] is None for row in found.records)
    assert sum(b.verdict.diverged for b in found.table.blocks) >= 4


def test_experiment_json_tells_the_whole_story(wide: isorobust.Result) -> None:
    about = json.loads((wide.folder / "experiment.json").read_text())
    assert len(about["trials"]) == 24 and about["started_with"]["software_jax"]
    assert about["experiment"]["cells"][0]["recipe"]["kind"] == "Path"
    assert [row["uid"] for row in about["trials"]] == [r["uid"] for r in wide.records]


def test_a_relative_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    one = dataclasses.replace(tiny(), cells=tiny().cells[:1], seeds=1)
    assert run(one, "runs/one").folder == Path("runs/one")
    assert (tmp_path / "runs" / "one" / "records.jsonl").exists()


def test_without_a_folder() -> None:
    one = dataclasses.replace(tiny(), cells=tiny().cells[:1], seeds=1)
    assert len(isorobust.run(one).records) == 1
