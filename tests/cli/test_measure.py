"""`isorobust measure`: a table, JSON, or one line that says what is wrong."""

import io
import json
import os
import pickle
import subprocess
import sys
import zipfile
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest

import isorobust
from isorobust.data import BalancedSigns, Sphere
from isorobust.door import BadInput
from isorobust.experiment import Cell, Experiment
from isorobust.lipschitz import SIDES, SPHERE, Network, lower
from isorobust.models import MLP
from isorobust.training import Adam
from tests.cli import calls

RNG = np.random.default_rng(0)
GOOD = {
    "W0": RNG.standard_normal((6, 3)),
    "b0": RNG.standard_normal(6),
    "W1": RNG.standard_normal((1, 6)),
    "b1": np.zeros(1),
}


def measured(capsys: pytest.CaptureFixture, *words: object) -> str:
    """What the verb prints, in this process."""
    return calls.printed(capsys, "measure", *words)


def as_json(capsys: pytest.CaptureFixture, *words: object) -> dict:
    return json.loads(measured(capsys, *words, "--json"))


def saved(file: Path, **arrays: Any) -> Path:
    np.savez(file, **arrays)
    return file


def refused(*words: object) -> str:
    """The one line of a refusal."""
    return calls.refused("measure", *words)


def test_json_has_the_promised_keys(
    tmp_path: Path, capsys: pytest.CaptureFixture
) -> None:
    file = saved(tmp_path / "net.npz", **GOOD)
    found = as_json(capsys, file)
    assert [*found] == ["lower", "upper", "exact", "domain", "methods", "witness"]
    assert found["lower"] <= found["upper"] and found["domain"] == "rd"
    assert found["exact"] == pytest.approx(found["lower"], rel=1e-9)
    for name, method in found["methods"].items():
        assert [*method] == ["side", "value", "seconds"]
        assert method["side"] == SIDES.get(name, "exact") and method["seconds"] >= 0
    net = Network(((GOOD["W0"], GOOD["b0"]), (GOOD["W1"], GOOD["b1"])))
    value, _ = lower.attained(net, isorobust.lipschitz.RD, np.array(found["witness"]))
    assert value == pytest.approx(found["lower"], rel=1e-12)
    on_sphere = as_json(capsys, file, "--domain=sphere", "--budget=1e-9")
    assert on_sphere["domain"] == "sphere" and on_sphere["exact"] is None
    assert np.linalg.norm(on_sphere["witness"]) == pytest.approx(1)
    assert as_json(capsys, file, "--domain=ball:2.5")["domain"] == "ball:2.5"


def test_text_is_a_row_a_bound(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    file = saved(tmp_path / "net.npz", **GOOD)
    header, *rows = measured(capsys, file).splitlines()
    assert header.split() == ["bound", "side", "value", "seconds"]
    told = {row.split()[0]: row.split() for row in rows if row.split()[0] in SIDES}
    assert all(cells[1] == SIDES[name] for name, cells in told.items())
    shown = set(told)
    assert any(row.startswith("L on rd: ") and "exactly" in row for row in rows)
    looked = [float(cells[2]) for cells in told.values() if cells[1] == "lower"]
    (exactly,) = (float(row.split()[3][:-1]) for row in rows if row[:7] == "L on rd")
    if max(looked) < exactly * (1 - 1e-6):  # then a row that says upper found it
        assert rows[-1].endswith(" found")
    for row in rows:
        if row.startswith("not asked: "):
            shown |= set(row[11:].partition(":")[0].split(", "))
    assert shown >= set(SIDES)
    wide = measured(capsys, file, "--budget=1e-9")
    assert "<= L <=" in wide and "takes longer than the budget had left" in wide


def test_on_a_terminal_it_is_a_table(
    tmp_path: Path, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = saved(tmp_path / "net.npz", **GOOD)
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert "┃" in measured(capsys, file, "--budget=1e-9")


RIGHT = {
    # a network that is no error, and its constant
    "zero layer": ({**GOOD, "W1": np.zeros((1, 6))}, 0.0),
    "no biases": ({"W0": np.eye(2), "W1": np.array([[3.0, 4.0]])}, 5.0),
    "whole numbers": ({"W0": np.eye(2, dtype=int), "W1": np.array([[3, -4]])}, 5.0),
    "float32": ({"W0": np.eye(2, dtype="f4"), "W1": np.ones((1, 2), "f2")}, 2**0.5),
    "one layer": ({"W0": np.array([[3.0, 4.0]]), "b0": np.ones(1)}, 5.0),
    "bytes": ({"W0": np.eye(1), "W1": np.eye(1), "activation": b"relu"}, 1.0),
    "1e-12": ({"W0": 1e-12 * np.eye(2), "W1": np.array([[3e-12, 4e-12]])}, 5e-24),
    "1e12": ({"W0": 1e12 * np.eye(2), "W1": np.array([[3e12, 4e12]])}, 5e24),
    "1e200": ({"W0": 1e200 * np.eye(2), "W1": 1e-200 * np.array([[3.0, 4.0]])}, 5.0),
}  # fmt: skip


@pytest.mark.parametrize("name", RIGHT)
def test_right_answers(
    tmp_path: Path, capsys: pytest.CaptureFixture, name: str
) -> None:
    arrays, exact = RIGHT[name]
    found = as_json(capsys, saved(tmp_path / "net.npz", **arrays))
    assert found["exact"] == pytest.approx(exact, rel=1e-9)
    assert found["lower"] <= found["upper"]


def changed(**arrays: Any) -> dict:
    whole = {**GOOD, **arrays}
    return {name: array for name, array in whole.items() if array is not None}


NAN, HUGE = GOOD["W1"].copy(), np.full((2, 2), 1e200)
NAN[0, 4] = np.nan
WRONG = {
    "doesn't chain": (changed(W1=np.ones((1, 5))), "W1 has shape (1, 5): must be [out"),
    "transposed": (changed(W1=np.ones((6, 1))), "W is [out, in]: transpose it?"),
    "bias length": (changed(b0=np.ones(5)), "b0 has 5 entries: must be 6"),
    "bias shape": (changed(b0=np.ones((6, 1))), "b0 has shape (6, 1): must be [out]"),
    "nan": (changed(W1=NAN), "W1[0, 4] = nan: must be finite"),
    "inf": (changed(b1=np.array([-np.inf])), "b1[0] = -inf: must be finite"),
    "activation": (changed(activation="rleu"), "activation = 'rleu': allowed: gelu"),
    "its name": (changed(activation="rleu"), "did you mean 'relu'?"),
    "number": (changed(activation=3), "activation: must be a text; allowed: gelu"),
    "no W1": ({"W0": np.eye(2), "W2": np.eye(2)}, "W1 is missing: must hold W0, W1"),
    "one bias": (changed(b0=None), "b0 is missing: must hold W0, W1, ..."),
    "other name": (changed(w0=np.eye(2)), "w0: no such array; allowed: W0, W1, act"),
    "near name": (changed(actvation="relu"), "did you mean 'activation'?"),
    "stranger": ({"kernel": np.eye(2)}, "kernel: no such array; allowed: W0"),
    "1-d": (changed(W0=np.ones(3)), "W0 has shape (3,): must be [out, in]"),
    "empty layer": (changed(W0=np.ones((0, 3))), "W0 has shape (0, 3): must"),
    "complex": (changed(W0=GOOD["W0"] + 0j), "W0 holds complex128 values"),
    "bool": (changed(W0=GOOD["W0"] > 0), "W0 holds bool values: must be real"),
    "text": (changed(b0=np.array(list("abcdef"))), "b0 holds <U1 values: must be real"),
    "large whole": (changed(W1=np.array([[2**53 + 1] * 6])), "3: is no float64"),
    "overflow": ({"W0": HUGE, "W1": HUGE}, "its bounds overflow float64: scale"),
    "objects": (changed(W0=np.array([[1, None]])), "W0 holds Python objects"),
}  # fmt: skip


@pytest.mark.parametrize("name", WRONG)
def test_networks_that_can_not_be(tmp_path: Path, name: str) -> None:
    arrays, said = WRONG[name]
    file = saved(tmp_path / "net.npz", **arrays)
    line = refused(file, "--budget=0.5")
    assert said in line and line.startswith(str(file)), line


def test_nothing_is_unpickled(tmp_path: Path) -> None:
    """A pickle runs what it likes when loaded."""

    class Trap:
        def __reduce__(self) -> tuple:
            return os.mkdir, (str(tmp_path / "sprung"),)

    trap = np.empty((1, 1), object)
    trap[0, 0] = Trap()
    inside = saved(tmp_path / "inside.npz", **changed(W1=trap))
    bare = tmp_path / "bare.npz"
    bare.write_bytes(pickle.dumps(Trap()))
    assert "W1 holds Python objects" in refused(inside)
    assert "is no .npz file" in refused(bare)
    assert "W1 holds Python objects" in refused(saved(tmp_path / "net.npz", **GOOD),
                                                f"--data={inside}")  # fmt: skip
    assert not (tmp_path / "sprung").exists()


def zipped(file: Path, **members: bytes) -> Path:
    with zipfile.ZipFile(file, "w") as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return file


def test_files_that_are_none(tmp_path: Path) -> None:
    empty = tmp_path / "empty.npz"
    empty.touch()
    assert f"{empty}: is empty" in refused(empty)
    text = tmp_path / "text.npz"
    text.write_text("W0 = 1")
    assert "is no .npz file" in refused(text)
    single = io.BytesIO()
    np.save(single, np.eye(2))
    text.write_bytes(single.getvalue())
    assert "is no .npz file" in refused(text)
    assert "holds no arrays" in refused(zipped(tmp_path / "none.npz"))
    assert "W0 is no array" in refused(zipped(tmp_path / "a.npz", W0=b"1 2 3"))
    broken = zipped(tmp_path / "b.npz", **{"W0.npy": b"\x93NUMPY\x01\x00v\x00{'descr"})
    assert "W0 is damaged" in refused(broken)
    whole = saved(tmp_path / "whole.npz", **GOOD).read_bytes()
    for at in (0, whole.index(GOOD["W1"].tobytes()) + 7):  # one flipped byte
        hurt = tmp_path / "hurt.npz"
        hurt.write_bytes(whole[:at] + bytes([whole[at] ^ 255]) + whole[at + 1 :])
        assert "is damaged: must be" in refused(hurt)
    hurt.write_bytes(whole[: len(whole) // 2])
    assert "is no .npz file" in refused(hurt)
    with zipfile.ZipFile(tmp_path / "huge.npz", "w") as archive:
        head = io.BytesIO()
        about = {"descr": "<f8", "fortran_order": False, "shape": (10**7, 10**7)}
        np.lib.format.write_array_header_1_0(head, about)
        archive.writestr("W0.npy", head.getvalue())
    assert "W0 is damaged" in refused(tmp_path / "huge.npz")


def test_places_and_flags(tmp_path: Path) -> None:
    file = saved(tmp_path / "net.npz", **GOOD)
    assert f"did you mean {file}?" in refused(tmp_path / "nte.npz")
    assert "no such file; must be an .npz, or RUN:UID" in refused("nowhere")
    assert "holds no run (no experiment.json)" in refused(tmp_path)
    assert "holds no run" in refused(f"{tmp_path}:abc")
    for domain in ("spere", "ball", "ball:", "ball:x", "ball:0", "ball:-1", "ball:inf",
                   "ball:nan", ""):  # fmt: skip
        line = refused(file, f"--domain={domain}")
        assert line.startswith(f"--domain={domain}: no such domain; allowed: ball:R")
    assert "did you mean 'sphere'?" in refused(file, "--domain=spere")
    assert "did you mean" not in refused(file, "--domain=ball:-1")
    for budget in ("x", "0", "-1", "nan", ""):
        assert "must be a number of seconds > 0" in refused(file, f"--budget={budget}")
    assert "did you mean '--domain'?" in refused(file, "--domian=rd")
    assert "required: NET" in refused()


def test_points_to_look_at(tmp_path: Path, capsys: pytest.CaptureFixture) -> None:
    w = np.array([[300.0, 0, 0]])
    steep = {"W0": w, "b0": np.array([-2000.0]), "W1": np.eye(1), "b1": np.zeros(1)}
    file = saved(tmp_path / "net.npz", **steep, activation="tanh")
    place = np.array([[2000 / 300, 5.0, -3.0], [0.0, 0, 0]])
    points = saved(tmp_path / "points.npz", x=place, y=np.array([1, -1]))
    found = as_json(capsys, file, f"--data={points}", "--budget=1")
    assert found["methods"]["data"]["value"] == pytest.approx(300, rel=1e-5)


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({"y": np.ones(3)}, "x is missing: must hold x [n, 3]"),
        ({"x": np.ones((4, 2))}, "x has shape (4, 2): must be [n, 3]"),
        ({"x": np.ones(3)}, "x has shape (3,): must be [n, d]"),
        ({"x": np.ones((4, 3)), "y": np.ones(3)}, "y has 3 entries and x 4 rows"),
        ({"x": np.ones((4, 3)), "z": np.ones(3)}, "z: no such array; allowed: x, y"),
        ({"x": np.full((1, 3), np.nan)}, "x[0, 0] = nan: must be finite"),
        ({"X": np.ones((4, 3))}, "X: no such array; allowed: x, y"),
    ],
)
def test_points_that_can_not_be(tmp_path: Path, arrays: dict, said: str) -> None:
    file = saved(tmp_path / "net.npz", **GOOD)
    points = saved(tmp_path / "points.npz", **arrays)
    assert said in refused(file, f"--data={points}")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two trained networks, one of them with batch norm."""
    folder = tmp_path_factory.mktemp("run")
    cells = tuple(
        Cell(Sphere(), BalancedSigns(), model, 24, 5, Adam(0.3, 1e-2, 60))
        for model in (MLP(width=6), MLP(width=5, activation="tanh", batch_norm=True))
    )
    bounds = ("random", "data", "product")
    isorobust.run(Experiment("PAIR", 1, cells, seeds=1, bounds=bounds), folder)
    return folder


def test_trained_networks_of_a_run(run: Path, capsys: pytest.CaptureFixture) -> None:
    """The same networks as the run's own records speak of."""
    rows = [json.loads(x) for x in (run / "records.jsonl").read_text().splitlines()]
    before = sorted((p, p.stat().st_mtime_ns) for p in run.rglob("*"))
    for row in rows:
        found = as_json(capsys, f"{run}:{row['uid'][:6]}", "--budget=0.5")
        product = found["methods"]["product"]["value"]
        assert product == pytest.approx(row["upper_product"], rel=1e-9)
        assert found["upper"] <= row["upper_product"]
        on_sphere = isorobust.measure(f"{run}:{row['uid']}", SPHERE, budget=1.0)
        if "data" in on_sphere.methods:
            value = on_sphere.methods["data"].value
            assert value == pytest.approx(row["lower_data_sphere"], rel=1e-6)
    assert before == sorted((p, p.stat().st_mtime_ns) for p in run.rglob("*"))


def test_trials_that_can_not_be(run: Path, tmp_path: Path) -> None:
    rows = (run / "records.jsonl").read_text().splitlines()
    uids = [json.loads(row)["uid"] for row in rows]
    assert f"no uid begins so, of 2: {uids[0]}" in refused(f"{run}:zz")
    assert "2 uids begin so" in refused(f"{run}:")
    assert f"in {run}:{uids[0]}" in refused(run)
    copy = tmp_path / "copy"
    subprocess.run(["cp", "-r", str(run), str(copy)], check=True)
    for file in (copy / "pages").glob("*/params/**/d/*"):
        file.write_bytes(file.read_bytes()[:-1] + b"x")
    assert "damaged" in refused(f"{copy}:{uids[0]}")
    (copy / "MANIFEST.sha256").write_text("")
    assert "isn't trained yet" in refused(f"{copy}:{uids[0]}")
    (copy / "experiment.json").write_text("{}")
    assert "damaged" in refused(f"{copy}:{uids[0]}")


def test_models_and_arrays_from_python() -> None:
    weight = np.array([[3.0, -4.0]])
    found = isorobust.measure(lambda x: jax.nn.relu(x) @ weight[0], shape=2)
    assert found.exact == pytest.approx(5)
    net = Network(((weight, np.zeros(1)),))
    assert isorobust.measure(net).exact == pytest.approx(5)
    assert isorobust.bracket(net).exact == pytest.approx(5)
    lists = Network((([[3, -4]], [0]),))  # numbers of any kind
    assert isorobust.measure(lists).exact == pytest.approx(5)
    with pytest.raises(BadInput, match=r"the network: W0\[0, 1\] = nan"):
        isorobust.measure(Network((([[3, np.nan]], [0]),)))
    for data in (np.ones((2, 3)), (np.ones((2, 2)), np.ones(3)), [[np.nan, 0]]):
        with pytest.raises(BadInput, match=r"^data: [xy] has shape"):
            isorobust.measure(net, data=data)
    with pytest.raises(BadInput, match="must be RD, SPHERE, or a ball"):
        isorobust.measure(net, isorobust.lipschitz.Domain(-1.0))
    with pytest.raises(BadInput, match="must be a number of seconds"):
        isorobust.measure(net, budget=float("nan"))


def test_a_refusal_is_one_line_and_code_2(tmp_path: Path) -> None:
    file = saved(tmp_path / "net.npz", **changed(activation="rleu"))
    command = [sys.executable, "-m", "isorobust", "measure", str(file)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 2 and not done.stdout
    assert done.stderr.startswith("isorobust: ") and done.stderr.count("\n") == 1
    assert "did you mean 'relu'?" in done.stderr
