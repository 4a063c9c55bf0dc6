from pathlib import Path

import numpy as np
import pytest

from isorobust.data import (
    NPZ,
    BalancedSigns,
    Classes,
    DigitClasses,
    Digits,
    Flipped,
    Sphere,
)
from isorobust.data.dataset import draw
from isorobust.door import BadInput, validate
from isorobust.experiment import Cell, Trial
from isorobust.models import MLP
from isorobust.training import Adam


def cell(distribution: object, target: object = None, n: int = 20, d: int = 64) -> Cell:
    return Cell(distribution, target or Flipped(0.1), MLP(width=4), n, d, Adam())


def file(tmp_path: Path, **arrays: np.ndarray) -> NPZ:
    np.savez(tmp_path / "d.npz", **arrays)
    return NPZ(str(tmp_path / "d.npz"))


GOOD = {"x": np.arange(12.0).reshape(4, 3), "y": np.array([1.0, -1, 0.5, 0])}


def test_digits_are_scaled_and_never_drawn_twice() -> None:
    data = draw(Trial(cell(Digits(), n=500), 0))
    x = np.concatenate([data.x, data.x_test])
    assert len(np.unique(x, axis=0)) == len(x) > 700
    assert np.mean(np.sum(x.astype(float) ** 2, axis=1)) == pytest.approx(1, abs=1e-5)
    assert set(np.unique(data.y)) == {-1.0, 1.0}
    assert data.noise_variance == pytest.approx(4 * 0.1 * 0.9)


def test_flips_are_the_stated_share() -> None:
    clean = draw(Trial(cell(Digits(), Flipped(0.0), n=700), 0)).y
    noisy = draw(Trial(cell(Digits(), Flipped(0.3), n=700), 0)).y
    again = draw(Trial(cell(Digits(), Flipped(0.3), n=700), 0)).y
    assert np.array_equal(noisy, again)
    assert np.mean(noisy != draw(Trial(cell(Digits(), Flipped(0.0), n=700), 0)).y) > 0
    assert clean.mean() == pytest.approx(0, abs=0.1)


def test_a_file_is_known_by_its_content(tmp_path: Path) -> None:
    one = file(tmp_path, **GOOD)
    (tmp_path / "b.npz").write_bytes((tmp_path / "d.npz").read_bytes())
    assert cell(one).uid == cell(NPZ(str(tmp_path / "b.npz"))).uid
    before = cell(one).uid
    file(tmp_path, x=GOOD["x"] + 1, y=GOOD["y"])
    assert cell(one).uid != before


def test_whole_and_huge_numbers_are_numbers(tmp_path: Path) -> None:
    small = file(tmp_path, x=GOOD["x"].astype(int), y=np.array([1, -1, 1, 0]))
    one = draw(Trial(cell(small, n=4, d=3), 0)).x
    assert np.mean(np.sum(one.astype(float) ** 2, axis=1)) == pytest.approx(1)
    (tmp_path / "big").mkdir()
    large = file(tmp_path / "big", x=GOOD["x"] * 1e300, y=GOOD["y"])
    two = draw(Trial(cell(large, n=4, d=3), 0)).x
    np.testing.assert_allclose(np.sort(one.ravel()), np.sort(two.ravel()), rtol=1e-6)


def test_a_file_may_have_nothing_left_to_draw(tmp_path: Path) -> None:
    data = draw(Trial(cell(file(tmp_path, **GOOD), n=4, d=3), 0))
    assert data.x_test.shape == (0, 3)


@pytest.mark.parametrize(
    ("arrays", "words"),
    [
        ({"x": GOOD["x"]}, "has no array y"),
        ({"x": GOOD["x"], "y": GOOD["y"][:3]}, r"must be \[N, d\] and \[N\]"),
        (
            {"x": np.where(GOOD["x"] == 5, np.nan, GOOD["x"]), "y": GOOD["y"]},
            r"x\[1, 2\]",
        ),
        ({"x": GOOD["x"], "y": GOOD["y"] * 2}, r"y\[0\] = 2: must be within"),
        ({"x": 0 * GOOD["x"], "y": GOOD["y"]}, "all zero"),
        ({"x": np.array([object()]), "y": GOOD["y"]}, "not a plain .npz"),
        ({"x": GOOD["x"] * 1j, "y": GOOD["y"]}, "x is complex128, not numbers"),
        ({"x": np.array([["a"]]), "y": GOOD["y"]}, "x is <U1, not numbers"),
    ],
)
def test_bad_files(tmp_path: Path, arrays: dict, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        validate(cell(file(tmp_path, **arrays), n=4, d=3), "c.py: cells[0]")


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04rubbish", b"\x80\x04."])
def test_damaged_files(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "d.npz").write_bytes(content)
    with pytest.raises(BadInput, match=r"not a plain \.npz"):
        validate(cell(NPZ(str(tmp_path / "d.npz"))), "cells[0]")


@pytest.mark.parametrize(
    ("bad", "words"),
    [
        (cell(Digits(), d=32), "the data has d = 64"),
        (cell(Digits(), n=5000), "points"),
        (cell(Digits(positive=(1, 2))), "different digits"),
        (cell(Digits(positive=())), "at least one digit"),
        (cell(Sphere()), "Sphere comes without labels"),
        (cell(NPZ("nowhere.npz")), "no such file"),
    ],
)
def test_cells_that_can_not_be(bad: Cell, words: str) -> None:
    with pytest.raises(BadInput, match=words):
        validate(bad, "cells[0]")


def test_drawn_labels_work_on_real_points() -> None:
    validate(cell(Digits(), BalancedSigns()), "cells[0]")


def test_a_file_that_changes_is_read_again(tmp_path: Path) -> None:
    """In one process: neither the numbers nor the identity are those of before."""
    file, found = tmp_path / "data.npz", []
    for scale in (1.0, 2.0):
        x = np.array([[1.0, 0.0], [0.0, scale]])
        np.savez(file, x=x, y=np.array([1.0, -1.0]))
        npz = NPZ(str(file))
        sample = npz.draw(np.random.default_rng(0), 2, 2)
        found.append((npz.identity()["sha256"], sample.x.tolist()))
    assert found[0][0] != found[1][0] and found[0][1] != found[1][1]


CROSS_ENTROPY = Adam(loss="cross_entropy")


def classes(share: float, model: MLP | None = None, recipe: object = None) -> Cell:
    model, recipe = model or MLP(width=4, outputs=10), recipe or CROSS_ENTROPY
    return Cell(DigitClasses(), Classes(share), model, 1700, 64, recipe)


def test_classes_are_the_digits() -> None:
    """Another road: an image's class is the digit that scikit-learn says it shows."""
    from sklearn.datasets import load_digits

    images, digits = load_digits(return_X_y=True)
    data = draw(Trial(classes(0.0), 0))
    images = images - images.mean(axis=0)
    images /= np.sqrt(np.mean(np.sum(images**2, axis=1)))
    for x, y in zip(data.x[:50], data.y[:50], strict=True):
        assert digits[np.abs(images - x).sum(axis=1).argmin()] == y


def test_a_share_of_classes_is_wrong(rng: np.random.Generator) -> None:
    sample = DigitClasses().draw(rng, 1700, 64)
    clean, noisy = (Classes(share).label(rng, sample) for share in (0.0, 0.2))
    wrong = np.mean(clean != noisy)
    assert np.array_equal(clean, sample.label)
    assert wrong == pytest.approx(0.2, abs=0.04)
    assert set(np.unique((noisy - clean)[clean != noisy] % 10)) == set(range(1, 10))


def test_classes_object_to_what_does_not_fit() -> None:
    assert classes(0.1).check() is None
    other = {
        "10 classes": classes(0.1, MLP(width=4)),
        "cross_entropy": classes(0.1, recipe=Adam()),
        "use DigitClasses": Cell(
            Sphere(), Classes(), MLP(outputs=2), 20, 8, CROSS_ENTROPY
        ),
        "needs target = Classes": cell(DigitClasses()),
        "one real label": Cell(
            Digits(), Flipped(), MLP(outputs=2), 20, 64, CROSS_ENTROPY
        ),
    }
    for words, odd in other.items():
        assert words in (odd.check() or "")
    assert "different" in (DigitClasses((1, 1)).check() or "")
    assert "0 to 9" in (DigitClasses((1, 12)).check() or "")
