"""The paper's numbers, from its own formulas and from layers counted one by one."""

import math

import numpy as np
import pytest

from isorobust.law.arithmetic import CASES, MADRY, needed, theorem_epsilon


@pytest.mark.parametrize("scale", MADRY)
def test_madry_networks_counted_array_by_array(scale: int) -> None:
    """Another road: the arrays themselves, pooled sides by applying the pooling."""
    image = np.zeros((28, 28))
    for _ in range(2):
        image = image.reshape(len(image) // 2, 2, -1, 2).max(axis=(1, 3))
    flat = image.size * 4 * scale
    arrays = [
        (5, 5, 1, 2 * scale), (2 * scale,), (5, 5, 2 * scale, 4 * scale), (4 * scale,),
        (flat, 64 * scale), (64 * scale,), (64 * scale, 10), (10,),
    ]  # fmt: skip
    assert MADRY[scale] == sum(math.prod(shape) for shape in arrays)


def test_madry_networks_are_the_papers_sizes() -> None:
    """Scale 4, where robust accuracy jumps, is its 2e5; scale 16 is its 3e6."""
    assert MADRY[4] == pytest.approx(2e5, rel=0.05)
    assert MADRY[16] == pytest.approx(3e6, rel=0.1)
    assert list(MADRY.values()) == [13514, 52506, 206954, 821706, 3274634]


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_the_papers_arithmetic(case: object) -> None:
    """Its p is n d_eff to within rounding to a power of ten, and above those in use."""
    low, high = needed(case.n, case.d_eff)
    assert low == pytest.approx(case.said[0], rel=0.5)
    assert high == pytest.approx(case.said[1], rel=0.5)
    assert case.used[0] < low and case.used[1] < high
    assert case.d_eff[1] < case.d


def test_theorem_3_never_speaks_of_mnist() -> None:
    mnist, imagenet = CASES
    least = theorem_epsilon(mnist.n, mnist.classes, 0.1)
    assert least**2 * mnist.n == pytest.approx(8**4 * 10 * math.log(800), abs=1)
    assert least**2 * mnist.n == pytest.approx(2.7e5, rel=0.02) and least > 1
    assert theorem_epsilon(imagenet.n, imagenet.classes, 0.1) > 1
    assert theorem_epsilon(imagenet.n, 1, 0.1) < 0.1


def test_needed_scales_as_the_law() -> None:
    one = np.array(needed(1000, (10, 20), 3.0, (0.5, 0.8)))
    assert np.allclose(one / needed(1000, (10, 20), 1.0, (0.5, 0.8)), 1 / 9)
    assert np.allclose(one, needed(500, (20, 40), 3.0, (0.5, 0.8)))
    low, high = one
    assert math.sqrt(0.5 * 1000 * 10 / low) == pytest.approx(3.0)
    assert math.sqrt(0.8 * 1000 * 20 / high) == pytest.approx(3.0)
