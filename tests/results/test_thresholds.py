"""Thresholds on rows whose least size is a formula."""

import math

import numpy as np
import pytest

from isorobust.results.rules import Rule, Threshold, from_json, to_json
from isorobust.results.thresholds import least


def rows(noise: float = 0.0, seeds: int = 4, last: int = 16384) -> list[dict]:
    """upper = 8 sqrt(n d / p) / 2^.5: at most 4 from p = 2 n d on; fits from p = n."""
    rng, sizes = np.random.default_rng(1), 16 * 2 ** np.arange(11)
    return [
        {
            "n": n, "d": d, "p": int(p), "seed": seed, "cell": f"{n}-{d}-{p}",
            "upper": 8 * math.sqrt(n * d / p / 2) * math.exp(noise * rng.normal()),
            "train_mse": min(1.0, (n / p) ** 20), "reached": bool(p >= n),
        }
        for n in (32, 64, 128) for d in (8, 16, 32) for seed in range(seeds)
        for p in sizes if p <= last
    ]  # fmt: skip


def found(statistic: Threshold, some: list[dict]) -> tuple:
    value = statistic.of(some, np.random.default_rng(0))
    return value.value, value.low, value.high, value.rows, value.excluded


def test_the_least_size_of_a_curve() -> None:
    curve = [(10.0, 8.0), (40.0, 2.0), (90.0, 9.0)]
    assert least(curve, 4.0) == pytest.approx(20.0)  # log-log between
    assert least(curve, 2.0) == pytest.approx(40.0)
    assert least(curve, 9.5) == 0.0 and least(curve, 1.0) == math.inf
    assert least([(10.0, math.inf), (40.0, 2.0)], 4.0) == pytest.approx(20.0)
    assert least([(10.0, 4.0)], 4.0) == 10.0


def test_exponents_are_the_truths() -> None:
    for factor, expected in (("n", 1.0), ("d", 1.0)):
        statistic = Threshold("upper", 4.0, factor, fitted=True)
        value, low, high, used, out = found(statistic, rows())
        assert [value, low, high] == pytest.approx([expected] * 3)
        assert (used, out) == (len(rows()), 0)
    memory = {f: Threshold("train_mse", 0.5, f) for f in ("n", "d")}
    assert found(memory["n"], rows())[0] == pytest.approx(1.0)
    assert found(memory["d"], rows())[0] == pytest.approx(0.0, abs=1e-9)
    over = Threshold("upper", 4.0, "d", over="train_mse", over_limit=0.5, fitted=True)
    assert found(over, rows())[0] == pytest.approx(1.0)
    ratio = Threshold("upper", 4.0, "n", what="ratio", where=("d = 16",))
    assert found(ratio, rows())[0] == pytest.approx(32.0)


def test_an_interval_that_holds_the_truth_under_noise() -> None:
    value, low, high, *_ = found(Threshold("upper", 4.0, "d"), rows(noise=0.1))
    assert low < 1.0 < high and high - low < 0.5 and low <= value <= high


def test_a_threshold_outside_the_sizes_is_left_out_and_counted() -> None:
    cut = rows(last=2048)  # 2 n d > 2048 in three groups of nine
    statistic = Threshold("upper", 4.0, "n", what="count")
    value, *_, used, out = found(statistic, cut)
    assert value == 6 and out == len(cut) / 3 and used == len(cut)
    few = Threshold("upper", 4.0, "n", where=("d = 8",)).of(
        cut, np.random.default_rng(0)
    )
    assert few.value is None and few.reason


def test_half_of_the_seeds_decide() -> None:
    """Two of four seeds that never fit leave no threshold, one of four does."""

    def lame(count: int) -> list[dict]:
        return [r | {"upper": 99.0} if r["seed"] < count else r for r in rows()]

    statistic = Threshold("upper", 4.0, "n", what="count")
    assert found(statistic, lame(1))[0] == 9 and found(statistic, lame(2))[0] == 0
    missed = [row | {"reached": False} for row in rows()]
    assert (
        found(Threshold("upper", 4.0, "n", what="count", fitted=True), missed)[0] == 0
    )


def test_it_is_written_and_read() -> None:
    statistic = Threshold("upper", 4.0, "d", over="train_mse", over_limit=0.5)
    rule = Rule("said", statistic, (0.8, 1.2))
    assert from_json(to_json(rule)) == rule and rule.check() is None
    assert "must be among" in (Threshold("upper", 4.0, "p").check() or "")
    assert "must be > 0" in (Threshold("upper", 0.0, "n").check() or "")
