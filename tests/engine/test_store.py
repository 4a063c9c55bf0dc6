"""Pages are whole or absent; what is damaged is noticed, dropped and done again."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from isorobust.door import BadInput
from isorobust.engine.store import MANIFEST, Store, opened, write_whole

IDENTITY = {
    "experiment": {"kind": "E", "cells": [{"n": 1}], "seeds": 2},
    "bounds": ["a"],
}
PARAMS = {"dense_0": {"kernel": np.arange(24, dtype=np.float32).reshape(2, 3, 4)}}


def fill(store: Store, page: str = "00000") -> None:
    if page not in store.pages():
        store.write_page(PARAMS, [{"stop": "target"}, {"stop": "budget"}])
    parts = {"fit": [{"mse": 0.1}, {"mse": 0.2}], "bound_path": [{}, {}]}
    store.write(page, {k: v for k, v in parts.items() if not store.has(page, k)})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    with opened(tmp_path / "run", IDENTITY) as store:
        fill(store)
    with opened(tmp_path / "run", IDENTITY) as store:
        assert store.pages() == ["00000"] and not store.damaged
        assert store.has("00000", "bound_path") and not store.has(
            "00000", "bound_liplt"
        )
        found = store.params("00000")
        assert np.array_equal(found["dense_0"]["kernel"], PARAMS["dense_0"]["kernel"])
        assert store.read("00000", "fit") == [{"mse": 0.1}, {"mse": 0.2}]


def test_the_manifest_is_sha256sum_s(tmp_path: Path) -> None:
    with opened(tmp_path / "run", IDENTITY) as store:
        fill(store)
    command = ["sha256sum", "--quiet", "-c", MANIFEST]
    subprocess.run(command, cwd=tmp_path / "run", check=True)


def test_every_flipped_byte_is_named_and_dropped(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    run = tmp_path / "run"
    with opened(run, IDENTITY) as store:
        fill(store)
        count = len(store.hashes)
    for i in range(count):  # orbax draws new file names with every save
        name = sorted(store.hashes)[i]
        flip(run / name, rng)
        with opened(run, IDENTITY) as store:
            part = name.endswith(("fit.json", "bound_path.json"))
            assert store.damaged == [name if part else "pages/00000"]
            assert (run / "pages" / "00000").exists() == part == bool(store.pages())
            fill(store)


def flip(file: Path, rng: np.random.Generator) -> None:
    content = bytearray(file.read_bytes() or b"1")
    content[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
    file.write_bytes(content)


def test_a_flipped_bit_of_the_manifest_never_lets_damage_through(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    run = tmp_path / "run"
    with opened(run, IDENTITY) as store:
        fill(store)
    for _ in range(40):
        flip(run / MANIFEST, rng)
        with opened(run, IDENTITY) as store:
            for page in store.pages():
                params = store.params(page)["dense_0"]["kernel"]
                assert np.array_equal(params, PARAMS["dense_0"]["kernel"])
            fill(store)
        subprocess.run(["sha256sum", "--quiet", "-c", MANIFEST], cwd=run, check=True)


def test_a_manifest_can_name_nothing_outside_its_pages(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with opened(run, IDENTITY) as store:
        fill(store)
    with (run / MANIFEST).open("a") as manifest:
        manifest.write(
            "0  pages/../experiment.json\n0  pages/../../precious\nrubbish\n"
        )
    (tmp_path / "precious").write_text("precious")
    with opened(run, IDENTITY) as store:
        assert store.pages() == ["00000"]
    assert (tmp_path / "precious").exists() and (run / "experiment.json").exists()


def test_leftovers_of_a_kill_are_swept_out(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with opened(run, IDENTITY) as store:
        fill(store)
    (run / "pages" / "tmp-00001" / "params").mkdir(parents=True)
    (run / "state" / "tmp-00001" / "0").mkdir(parents=True)
    (run / "pages" / "00002").mkdir()
    (run / "pages" / "00002" / "trials.json").write_text("[]")
    (run / "pages" / "00000" / "fit.json.tmp").write_text("[")
    (run / "pages" / "00000" / "bound_liplt.json").write_text("[{}]")
    with opened(run, IDENTITY) as store:
        assert store.pages() == ["00000"] and not store.damaged
        assert store.has("00000", "fit") and not store.has("00000", "bound_liplt")
    assert sorted(os.listdir(run / "pages")) == ["00000"]
    assert not os.listdir(run / "state")
    assert not (run / "pages" / "00000" / "fit.json.tmp").exists()
    assert not (run / "pages" / "00000" / "bound_liplt.json").exists()


def test_states_follow_each_other(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with opened(run, IDENTITY) as store:
        assert store.state() == []
        for count in (1, 2):
            part = {"000": np.arange(6.0).reshape(2, 3)}
            store.write_state([(part, [{"uid": "a"}, {"uid": "b"}])] * count)
            assert len(os.listdir(run / "state")) == 1
    with opened(run, IDENTITY) as store:
        found = store.state()
        assert len(found) == 2 and found[0][1] == [{"uid": "a"}, {"uid": "b"}]
        assert np.array_equal(found[1][0]["000"], np.arange(6.0).reshape(2, 3))
    for name in [n for n in store.hashes if n.startswith("state/")][:3]:
        (run / name).write_bytes(b"x")
    with opened(run, IDENTITY) as store:
        assert store.state() == [] and store.damaged == ["state/00001"]
        store.write_state([])
    assert not os.listdir(run / "state")


def test_another_experiment_is_refused_with_what_differs(tmp_path: Path) -> None:
    with opened(tmp_path / "run", IDENTITY):
        pass
    other = {
        "experiment": {"kind": "E", "cells": [{"n": 5}], "seeds": 2},
        "bounds": ["a"],
    }
    with (
        pytest.raises(BadInput, match=r"cells\[0\].n \(1 there, 5 here\)"),
        opened(tmp_path / "run", other),
    ):
        pass
    more = {
        "experiment": {"kind": "E", "cells": [{"n": 1}, {}], "seeds": 2},
        "bounds": [],
    }
    with (
        pytest.raises(BadInput, match=r"cells \(1 there, 2 here\)"),
        opened(tmp_path / "run", more),
    ):
        pass


def test_other_bounds_are_no_other_experiment(tmp_path: Path) -> None:
    with opened(tmp_path / "run", IDENTITY):
        pass
    with opened(tmp_path / "run", IDENTITY | {"bounds": ["a", "b"]}):
        pass
    about = json.loads((tmp_path / "run" / "experiment.json").read_text())
    assert about["bounds"] == ["a", "b"]


def test_folders_that_are_no_run_are_left_alone(tmp_path: Path) -> None:
    (tmp_path / "thesis.tex").write_text("precious")
    with (
        pytest.raises(BadInput, match=r"holds 'thesis\.tex'"),
        opened(tmp_path, IDENTITY),
    ):
        pass
    assert (tmp_path / "thesis.tex").read_text() == "precious"


@pytest.mark.parametrize("text", ["{", "[]", "{}", "3"])
def test_damaged_identity(tmp_path: Path, text: str) -> None:
    with opened(tmp_path / "run", IDENTITY):
        pass
    (tmp_path / "run" / "experiment.json").write_text(text)
    with (
        pytest.raises(BadInput, match="damaged"),
        opened(tmp_path / "run", IDENTITY),
    ):
        pass


def test_a_file_in_the_place_of_the_folder(tmp_path: Path) -> None:
    (tmp_path / "run").write_text("")
    with pytest.raises(BadInput, match="--workdir"), opened(tmp_path / "run", IDENTITY):
        pass


def test_one_process_holds_a_run(tmp_path: Path) -> None:
    code = (
        "import sys, time; from pathlib import Path\n"
        "from isorobust.engine.store import opened\n"
        "from tests.engine.test_store import IDENTITY\n"
        "with opened(Path(sys.argv[1]), IDENTITY):\n"
        "    print('held', flush=True); time.sleep(60)\n"
    )
    command = [sys.executable, "-c", code, str(tmp_path / "run")]
    other = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    try:
        assert other.stdout is not None and other.stdout.readline() == "held\n"
        with (
            pytest.raises(BadInput, match=f"in use by process {other.pid}"),
            opened(tmp_path / "run", IDENTITY),
        ):
            pass
    finally:
        other.kill()
        other.communicate()
    with opened(tmp_path / "run", IDENTITY):
        pass  # a killed holder holds nothing


def test_a_write_that_fails_leaves_the_file_as_it_was(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "records.jsonl"
    write_whole(file, "old")

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        write_whole(file, "new")
    assert file.read_text() == "old" and os.listdir(tmp_path) == ["records.jsonl"]
