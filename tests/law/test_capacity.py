"""The law read backwards: closed forms against the floors themselves."""

import math
from dataclasses import replace

import numpy as np
import pytest

from isorobust.law import capacity, floors, theorem
from isorobust.law.setting import Setting


def test_the_bare_law_backwards() -> None:
    assert capacity.law_p(1000, 50, theorem.law_ratio(1000, 50, 123)) == pytest.approx(
        123
    )


def test_theorem3_backwards() -> None:
    args = {"c": 1.2, "diameter": 5.0, "log_j": 3.0, "delta": 0.01}
    floor = theorem.theorem3(10**9, 50, 777, 0.5, **args)
    assert capacity.theorem3_p(10**9, 50, floor, 0.5, **args) == pytest.approx(777)
    assert capacity.theorem3_p(10, 5, 1.0, 0.5, **args) < 0  # nothing is required
    assert capacity.theorem3_p(10, 5, 1.0, 0.0, **args) is None
    assert capacity.theorem3_p(10, 5, 1.0, 1.0, diameter=1e-9) is None


def test_required_p_is_its_closed_form(setting: Setting) -> None:
    """At fixed rho and J: the largest over eta of p solved for at that eta."""
    s = replace(setting, n=10**5)
    for limit in (1.0, 2.0, 5.0, 20.0):
        share = 1 - math.sqrt(0.1)
        eta = share * floors.ETAS
        cover = np.log1p(2 * s.ball * math.exp(s.log_sensitivity) / eta)
        bracket = (share - eta) ** 2 * s.n * s.d / (2 * s.c * limit**2)
        p = np.max((bracket - math.log(2 * 6400 / 0.01)) / cover)
        assert capacity.required_p(s, limit) == max(1, math.ceil(p))


@pytest.mark.parametrize("depth", [2, 3, 6])
def test_required_p_is_the_least(setting: Setting, depth: int) -> None:
    """One less breaks it; J and the ball of a deep network follow p."""
    s = replace(setting, depth=depth, n=10**5)
    for limit in (0.7, 1.5, 6.0):
        for required, floor in (
            (capacity.required_p, lambda s: floors.sharp(s).value),
            (capacity.required_p_theorem, theorem.literal_floor),
        ):
            p = required(s, limit if required is capacity.required_p else limit / 400)
            aim = limit if required is capacity.required_p else limit / 400
            assert p is not None and p > 1
            assert floor(replace(s, p=p)) <= aim < floor(replace(s, p=p - 1))


def test_nothing_is_required_of_rough_fits(setting: Setting) -> None:
    assert capacity.required_p(setting, 1e9) == 1
    assert capacity.required_p(replace(setting, c=None), 1.0) is None
    assert capacity.required_p(replace(setting, mse=1.0), 1.0) is None
    assert capacity.required_p_theorem(replace(setting, mse=1.0), 1.0) is None
    assert capacity.required_bits(replace(setting, mse=1.0), 1.0) is None
    assert capacity.required_p(setting, 1e-40) is None  # beyond any p worth naming


def test_required_bits_backwards(setting: Setting) -> None:
    for bits in (1.0, 5000.0):
        floor = floors.quantised(replace(setting, bits=bits)).value
        assert capacity.required_bits(setting, floor) == pytest.approx(bits)


def test_smoother_takes_more_parameters_as_the_square(setting: Setting) -> None:
    s = replace(setting, n=10**6)
    one, half = capacity.required_p(s, 1.0), capacity.required_p(s, 0.5)
    assert half / one == pytest.approx(4, rel=0.01)


def test_a_teacher_s_noise_takes_parameters_too(setting: Setting) -> None:
    s = replace(
        setting, signs=False, noise_square=0.25, noise_size=0.5, mse=0.0, n=10**5
    )
    assert capacity.required_p(s, 1.0) is None
    p = capacity.required_p(s, 1.0, floors.noise)
    assert p is not None and floors.noise(replace(s, p=p)).value <= 1.0
    assert floors.noise(replace(s, p=p - 1)).value > 1.0
