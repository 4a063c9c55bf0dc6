"""The coverage benchmark: its generator is as printed, its counts are shares."""

import coverage
import numpy as np


def test_the_generator_is_as_printed(rng: np.random.Generator) -> None:
    x, y, cells = coverage.sweep(rng, 60)
    assert x.shape == (960, 4) and len(np.unique(x, axis=0)) == 60
    middles = np.bincount(cells, y - x @ coverage.TRUTH) / coverage.SEEDS
    assert 0.15 < np.std(middles) < 0.25
    assert 0.09 < np.std((y - x @ coverage.TRUTH) - middles[cells]) < 0.11
    wide, other, _ = coverage.sweep(rng, 60, True)
    left = np.abs(other - wide @ coverage.TRUTH)
    small, large = (wide[:, 1] == np.log(n) for n in (256, 2048))
    assert left[large].mean() > 2 * left[small].mean()
    failed, limit = coverage.failed("hard", x, y, rng)
    assert np.all(y[failed] > limit[failed]) and 0.15 < failed.mean() < 0.35
    assert 0.2 < coverage.failed("random", x, y, rng)[0].mean() < 0.3


def test_few_repetitions_count() -> None:
    shares = coverage.coverage(12, False, 4)
    assert set(shares) == {"networks", "percentile", "wild", "CR2"}
    assert all(np.all(4 * share == np.round(4 * share)) for share in shares.values())
    found = coverage.failures("soft", 2)
    assert found["bounds"].shape == (3, 3)
    assert np.all(found["bounds"][:, 0] <= found["bounds"][:, 1])
    assert np.all(np.abs(found["known limit"][:, 0]) < 0.2)
