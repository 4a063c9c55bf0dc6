"""MNIST and CIFAR-10 from files of a few bytes that are written here."""

import gzip
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from isorobust.data import (
    CIFAR10,
    MNIST,
    BalancedSigns,
    CIFAR10Classes,
    Classes,
    Flipped,
    MNISTClasses,
)
from isorobust.data.dataset import draw
from isorobust.door import BadInput, validate
from isorobust.experiment import Cell, Trial
from isorobust.models import MLP
from isorobust.training import Adam

N, D = 60, 20  # pictures, pixels of an MNIST of ours
LABELS = np.tile(np.arange(10, dtype=np.uint8), N // 10)


def pictures(d: int, seed: int = 0) -> np.ndarray:
    rng = np.random.Generator(np.random.Philox(key=seed))
    return rng.integers(0, 256, (N, d), np.uint8)


def idx(shape: tuple[int, ...], content: bytes) -> bytes:
    sizes = b"".join(size.to_bytes(4, "big") for size in shape)
    return bytes([0, 0, 8, len(shape)]) + sizes + content


def mnist(folder: Path, dash: str = "-", packed: bool = False, seed: int = 0) -> Path:
    folder.mkdir(exist_ok=True)
    for stem, whole in (
        (f"train-images{dash}idx3", idx((N, 4, 5), pictures(D, seed).tobytes())),
        (f"train-labels{dash}idx1", idx((N,), LABELS.tobytes())),
    ):
        name = f"{stem}-ubyte" + (".gz" if packed else "")
        (folder / name).write_bytes(gzip.compress(whole) if packed else whole)
    return folder


def cifar(folder: Path) -> Path:
    folder.mkdir(exist_ok=True)
    records = np.column_stack([LABELS, pictures(3072)])
    for i, batch in enumerate(np.split(records, 5)):
        (folder / f"data_batch_{i + 1}.bin").write_bytes(batch.tobytes())
    return folder


def cell(distribution: object, target: object = None, n: int = 10, d: int = D) -> Cell:
    return Cell(distribution, target or Flipped(0.1), MLP(width=4), n, d, Adam())


def classes(distribution: object, d: int, outputs: int = 10) -> Cell:
    recipe = Adam(loss="cross_entropy")
    model = MLP(width=4, outputs=outputs)
    return Cell(distribution, Classes(0.0), model, 10, d, recipe)


def made(tmp_path: Path, kind: type, **fields: object) -> tuple[object, int]:
    """(the distribution, its d)."""
    if kind in (MNIST, MNISTClasses):
        return kind(str(mnist(tmp_path / "m")), **fields), D
    return kind(str(cifar(tmp_path / "c")), **fields), 3072


@pytest.mark.parametrize("kind", [MNIST, CIFAR10])
def test_every_picture_is_drawn_once_with_its_sign(tmp_path: Path, kind: type) -> None:
    """Another road: the chosen pictures centred and scaled at once, matched back."""
    distribution, d = made(tmp_path, kind, positive=(1, 7), negative=(3,))
    data = draw(Trial(cell(distribution, Flipped(0.0), d=d), 0))
    rows = np.isin(LABELS, (1, 3, 7))
    x = pictures(d)[rows].astype(float)
    x -= x.mean(axis=0)
    x /= np.sqrt(np.mean(np.sum(x**2, axis=1)))
    found = np.concatenate([data.x, data.x_test])
    apart = np.abs(found[:, None, :] - x[None]).max(axis=2)
    place = apart.argmin(axis=1)
    assert sorted(place) == list(range(18)) and apart.min(axis=1).max() < 1e-6
    signs = np.where(np.isin(LABELS[rows], (1, 7)), 1.0, -1.0)
    assert np.array_equal(np.concatenate([data.y, data.y_test]), signs[place])
    assert data.x.shape == (10, d)


@pytest.mark.parametrize("kind", [MNISTClasses, CIFAR10Classes])
def test_a_class_is_its_place(
    tmp_path: Path, kind: type, rng: np.random.Generator
) -> None:
    distribution, d = made(tmp_path, kind, chosen=(4, 2, 9))
    sample = distribution.draw(rng, 18, d)
    brightest = {tuple(p): c for p, c in zip(pictures(d), LABELS, strict=True)}
    chosen = np.isin(LABELS, (4, 2, 9))
    x = pictures(d)[chosen].astype(float)
    scale = np.sqrt(np.mean(np.sum((x - x.mean(axis=0)) ** 2, axis=1)))
    back = np.rint(sample.x * scale + x.mean(axis=0)).astype(np.uint8)
    assert [(4, 2, 9)[int(k)] for k in sample.label] == [
        brightest[tuple(p)] for p in back
    ]
    validate(classes(distribution, d, outputs=3), "cells[0]")
    assert "3 classes" in (classes(distribution, d).check() or "")
    assert "needs target = Classes" in (cell(distribution, d=d).check() or "")


def test_however_it_is_packed_it_is_the_same(tmp_path: Path) -> None:
    ways = [("-", False), (".", False), ("-", True), (".", True)]
    uids = {
        cell(MNIST(str(mnist(tmp_path / str(i), dash, packed)))).uid
        for i, (dash, packed) in enumerate(ways)
    }
    assert len(uids) == 1
    other = MNIST(str(mnist(tmp_path / "other", seed=1)))
    assert cell(other).uid not in uids
    assert cell(MNIST(str(tmp_path / "0"), positive=(5,))).uid not in uids


def test_a_batch_folder_may_be_named_from_above(tmp_path: Path) -> None:
    inside = cifar(tmp_path / "cifar-10-batches-bin")
    assert cell(CIFAR10(str(tmp_path))).uid == cell(CIFAR10(str(inside))).uid


def test_files_that_change_are_read_again(tmp_path: Path) -> None:
    one = MNIST(str(mnist(tmp_path / "m")))
    before = one.identity()
    mnist(tmp_path / "m", seed=3)
    assert one.identity() != before


def test_test_parts_are_other_files(tmp_path: Path) -> None:
    folder = mnist(tmp_path / "m", seed=2)
    for file in list(folder.iterdir()):
        file.rename(folder / file.name.replace("train", "t10k"))
    kept = MNIST(str(folder), part="test").identity()
    with pytest.raises(BadInput, match="has no train-images-idx3-ubyte"):
        validate(cell(MNIST(str(folder))), "cells[0]")
    assert kept["positive"] == [0, 1]
    batches = cifar(tmp_path / "c")
    (batches / "data_batch_1.bin").rename(batches / "test_batch.bin")
    validate(cell(CIFAR10(str(batches), (0,), (1,), "test"), n=4, d=3072), "cells[0]")
    with pytest.raises(BadInput, match=r"has no data_batch_1\.bin"):
        validate(cell(CIFAR10(str(batches)), d=3072), "cells[0]")


def rewrite(name: str, change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def do(folder: Path) -> None:
        (folder / name).write_bytes(change((folder / name).read_bytes()))

    return do


IMAGES, CLASSES = "train-images-idx3-ubyte", "train-labels-idx1-ubyte"


def packed(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    def do(folder: Path) -> None:
        whole = gzip.compress((folder / IMAGES).read_bytes())
        (folder / IMAGES).unlink()
        (folder / f"{IMAGES}.gz").write_bytes(change(whole))

    return do


@pytest.mark.parametrize(
    ("spoil", "words"),
    [
        (lambda f: (f / CLASSES).unlink(), "has no train-labels-idx1-ubyte"),
        (rewrite(IMAGES, lambda b: b[:-1]), "1199 bytes where its header says 60 x 4"),
        (rewrite(IMAGES, lambda b: b + b"0"), "1201 bytes where"),
        (rewrite(IMAGES, lambda b: b[:9]), "9 bytes, less than its header"),
        (rewrite(IMAGES, lambda b: b""), "begins with nothing"),
        (rewrite(IMAGES, lambda b: b"\x80\x04" + b), "begins with 80040000"),
        (rewrite(CLASSES, lambda b: idx((9,), b[8:17])), "9 labels of 60 pictures"),
        (rewrite(CLASSES, lambda b: b[:-1] + b"\x0c"), "label 59 is 12: must be 0"),
        (rewrite(IMAGES, lambda b: idx((0, 4, 5), b"")), "0 bytes where"),
        (rewrite(IMAGES, lambda b: b[:16] + bytes(N * D)), "all pictures are alike"),
        (packed(lambda b: b[:-20]), "can't be read"),
        (packed(lambda b: b"not gzip" + b), "can't be read"),
        (packed(lambda b: b[:40] + bytes(40) + b[80:]), "can't be read"),
    ],
)
def test_spoilt_idx(tmp_path: Path, spoil: Callable[[Path], None], words: str) -> None:
    folder = mnist(tmp_path / "m")
    spoil(folder)
    with pytest.raises(BadInput, match=words) as caught:
        validate(cell(MNIST(str(folder))), "c.py: cells[0]")
    assert "\n" not in str(caught.value)


def test_spoilt_batches(tmp_path: Path) -> None:
    folder = cifar(tmp_path / "c")
    batch, about = folder / "data_batch_3.bin", cell(CIFAR10(str(folder)), d=3072)
    whole = batch.read_bytes()
    for spoilt, words in (
        (whole[:-1], "not whole records of 3073"),
        (b"", "0 bytes"),
        (b"\x0b" + whole[1:], "label 0 is 11"),
    ):
        batch.write_bytes(spoilt)
        with pytest.raises(BadInput, match=words):
            validate(about, "cells[0]")


@pytest.mark.parametrize(
    "name", ["data_batch_1", "batches.meta", "cifar-10-python.tar.gz", "test_batch"]
)
def test_pickles_are_never_opened(tmp_path: Path, name: str) -> None:
    """A pickle that would leave a file behind if anybody loaded it."""
    left = tmp_path / "left"
    (tmp_path / name).write_bytes(b"cbuiltins\nopen\n(V%sVw\ntR." % str(left).encode())
    for folder in (tmp_path, tmp_path / name):
        with pytest.raises(BadInput, match=r"binary version, cifar-10-binary\.tar\.gz"):
            validate(cell(CIFAR10(str(folder)), d=3072), "cells[0]")
    assert not left.exists()


def test_an_archive_has_to_be_unpacked(tmp_path: Path) -> None:
    (tmp_path / "cifar-10-binary.tar.gz").write_bytes(b"")
    with pytest.raises(BadInput, match="unpack cifar-10-binary"):
        validate(cell(CIFAR10(str(tmp_path)), d=3072), "cells[0]")


def test_cells_that_can_not_be(tmp_path: Path) -> None:
    folder = str(mnist(tmp_path / "m"))
    for bad, words in (
        (cell(MNIST(folder), d=784), "the data has d = 20"),
        (cell(MNIST(folder), n=25), "the data has 24 points"),
        (cell(MNIST(folder, (1,), (1,))), "different classes"),
        (cell(MNIST(folder, (), (1,))), "at least one class"),
        (cell(MNIST(folder, (10,), (1,))), "0 to 9"),
        (cell(MNIST(folder, part="valid")), "did you mean|allowed: test, train"),
        (cell(MNIST(str(tmp_path / "no"))), "no such folder"),
        (cell(CIFAR10(str(tmp_path / "no"))), "no such folder"),
        (cell(CIFAR10(folder)), r"has no data_batch_1\.bin"),
        (classes(MNISTClasses(folder, (1,)), D, 1), "two or more"),
    ):
        with pytest.raises(BadInput, match=words):
            validate(bad, "cells[0]")
    validate(cell(MNIST(folder), BalancedSigns()), "cells[0]")


def test_a_class_without_pictures(tmp_path: Path) -> None:
    folder = mnist(tmp_path / "m")
    zeros = idx((N,), np.where(LABELS == 7, 8, LABELS).tobytes())
    (folder / CLASSES).write_bytes(zeros)
    with pytest.raises(BadInput, match="holds no picture of class 7"):
        validate(cell(MNIST(str(folder), (7,), (1,))), "cells[0]")
