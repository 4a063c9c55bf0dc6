"""What a Setting takes from data: matchings, imbalances, eigenvalues; its defaults."""

import itertools
from dataclasses import replace

import numpy as np
import pytest

from isorobust.law import floors
from isorobust.law import setting as module
from isorobust.law.setting import Setting, imbalance, matching, of_data, pair_numbers


def test_matching_is_the_cheapest_by_brute_force(rng: np.random.Generator) -> None:
    x, y = rng.standard_normal((8, 3)), np.array([1.0, -1] * 4)
    i, j = matching(x, y)
    cost = np.sum((x[i] - x[j]) ** 2)
    high, low = x[y > 0], x[y < 0]
    best = min(
        np.sum((high - low[list(order)]) ** 2)
        for order in itertools.permutations(range(4))
    )
    assert cost == pytest.approx(best)
    assert (
        sorted([*i, *j]) == list(range(8)) and np.all(y[i] == 1) and np.all(y[j] == -1)
    )


def test_matching_of_other_labels(rng: np.random.Generator) -> None:
    x, y = rng.standard_normal((9, 3)), np.linspace(-1, 1, 9)
    i, j = matching(x, y)
    assert len(i) == 4 and y[i].min() > y[j].max()
    few = np.array([1.0, 1, 1, -1])
    assert [len(part) for part in matching(x[:4], few)] == [1, 1]


def test_a_matching_of_many_is_made_in_parts(
    rng: np.random.Generator, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Disjoint pairs of opposite labels, all there are, at no less than the cost."""
    x, y = rng.standard_normal((23, 3)), np.array([1.0] * 12 + [-1.0] * 11)
    least = sum(
        np.sum((x[i] - x[j]) ** 2) for i, j in zip(*matching(x, y), strict=True)
    )
    monkeypatch.setattr(module, "SIDE", 4)
    i, j = matching(x, y)
    assert len({*i}) == len({*j}) == 11 and np.all(y[i] == 1) and np.all(y[j] == -1)
    assert np.sum((x[i] - x[j]) ** 2) >= least


def test_of_data_is_its_parts(rng: np.random.Generator) -> None:
    x, y = rng.standard_normal((12, 5)), np.array([1.0, -1, 1] * 4)
    gap, eigenvalues = pair_numbers(x, y)
    known = of_data(x, y, np.arange(12) % 3, 2)
    assert known == {
        "n": 12, "d": 5, "signs": True, "imbalance": 1.0, "label_gap": gap,
        "pair_square": eigenvalues.sum(), "pair_top": eigenvalues[:2].sum(),
    }  # fmt: skip
    i, j = matching(x, y)
    assert known["pair_square"] == pytest.approx(np.sum((x[i] - x[j]) ** 2))
    assert not of_data(x, 0.5 * y, np.zeros(12), 2)["signs"]
    assert imbalance(y, np.zeros(12)) == pytest.approx(4 / 12)


def test_a_setting_needs_no_network(setting: Setting) -> None:
    """A family gives its J, a finite class its bits; what isn't known is silent."""
    bare = Setting(
        n=64, d=8, p=9, mse=0.1, noise_variance=1.0, signs=True, independent=True,
        imbalance=0.0, components=1, c=1.0, radius=2.0, on_sphere=False,
        label_gap=8.0, pair_square=64.0, delta=0.01,
    )  # fmt: skip
    said = {name: getattr(floors, name)(bare) for name in floors.__all__}
    assert {name for name, floor in said.items() if floor.value is None} == {
        "noise", "quantised", "sharp"
    }  # fmt: skip
    assert all(f.reason for f in said.values() if f.value is None)
    assert said["rank"] == said["data"]
    assert floors.sharp(replace(bare, rho=3.0, log_j=0.0)).value
    assert floors.quantised(replace(bare, bits=18.0)).value
    assert [bare.seen, replace(bare, width=3).seen, replace(bare, rank=2).seen] == [
        8, 3, 2
    ]  # fmt: skip
