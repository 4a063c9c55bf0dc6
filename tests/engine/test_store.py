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
    store.write_page(page, PARAMS, [{"stop": "target"}, {"stop": "budget"}])
    store.write(page, {"fit": [{"mse": 0.1}, {"mse": 0.2}], "bound_path": [{}, {}]})


def test_what_is_written_is_read(tmp_path: Path) -> None:
    with opened(tmp_path / "run", IDENTITY) as store:
        fill(store)
    with opened(tmp_path / "run", IDENTITY) as store:
        assert store.has_page("00000") and not store.has_page("00001")
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


def test_every_flipped_byte_drops_the_page(
    tmp_path: Path, rng: np.random.Generator
) -> None:
    with opened(tmp_path / "run", IDENTITY) as store:
        fill(store)
        count = len(store.hashes)
    for i in range(count):  # orbax draws new file names with every save
        name = sorted(store.hashes)[i]
        file = tmp_path / "run" / name
        content = bytearray(file.read_bytes())
        if content:
            content[int(rng.integers(len(content)))] ^= 1 << int(rng.integers(8))
        else:
            content = bytearray(b"0")
        file.write_bytes(content)
        with opened(tmp_path / "run", IDENTITY) as store:
            assert not store.has_page("00000"), name
            assert not (tmp_path / "run" / "pages" / "00000").exists()
            fill(store)


def test_leftovers_of_a_kill_are_swept_out(tmp_path: Path) -> None:
    run = tmp_path / "run"
    with opened(run, IDENTITY) as store:
        fill(store)
    (run / "pages" / "tmp-00001" / "params").mkdir(parents=True)
    (run / "pages" / "00002").mkdir()
    (run / "pages" / "00002" / "trials.json").write_text("[]")
    (run / "pages" / "00000" / "fit.json.tmp").write_text("[")
    with opened(run, IDENTITY) as store:
        assert store.has_page("00000")
    assert sorted(os.listdir(run / "pages")) == ["00000"]
    assert not (run / "pages" / "00000" / "fit.json.tmp").exists()


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
