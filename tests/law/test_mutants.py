"""A wrong constant is caught: each factor of the law, doubled and halved.

A floor that came out too low would still be valid, and no experiment would object. So
every constant is also tested from the other side (where it is attained, in a limit, or
written out again), and MUTANTS says which test that is: the module is run again with
one constant changed, and that test has to fail.
"""

import contextlib
import functools
import inspect
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from types import ModuleType

import numpy as np
import pytest

from isorobust.law import (
    capacity,
    floors,
    followups,
    generalisation,
    isoperimetry,
    sensitivity,
    tails,
    theorem,
)
from tests.law import (
    test_capacity,
    test_floors,
    test_followups,
    test_generalisation,
    test_isoperimetry,
    test_noise,
    test_sensitivity,
    test_theorem,
)
from tests.law.conftest import typical


@dataclass(frozen=True)
class Mutant:
    """`text` of a module, there once, becomes doubled, then halved: `test` must fail.

    what: the statement and its factor
    """

    what: str
    module: ModuleType
    text: str
    doubled: str
    halved: str
    test: Callable


ONE = test_floors.test_one_linear_function_attains_the_exponent
COVER = test_floors.test_the_cover_of_an_interval_is_counted_exactly
MUTANTS = (
    Mutant(
        "sharp: 2 c", floors, "eta) * np.sqrt(s.n * s.d / (2 * s.c",
        "eta) * np.sqrt(s.n * s.d / (4 * s.c", "eta) * np.sqrt(s.n * s.d / (s.c", ONE,
    ),
    Mutant(
        "sharp: p log(1 + 2 rho J / eta)", floors, "return s.p * np.logaddexp",
        "return 2 * s.p * np.logaddexp", "return s.p / 2 * np.logaddexp", COVER,
    ),
    Mutant(
        "sharp: 2 rho J", floors, "math.log(2 * s.ball)", "math.log(4 * s.ball)",
        "math.log(s.ball)", COVER,
    ),
    Mutant(
        "sharp: the imbalance", floors, "- s.imbalance", "- 2 * s.imbalance",
        "- s.imbalance / 2", test_floors.test_imbalance_is_taken_from_the_correlation,
    ),
    Mutant(
        "quantised: 2 c", floors, "value = correlation * math.sqrt(s.n * s.d / (2 *",
        "value = correlation * math.sqrt(s.n * s.d / (4 *",
        "value = correlation * math.sqrt(s.n * s.d / (1 *", ONE,
    ),
    Mutant(
        "quantised: log 2 a bit", floors, "s.bits * math.log(2)",
        "2 * s.bits * math.log(2)", "s.bits / 2 * math.log(2)",
        test_noise.test_the_quantised_floor_is_its_formula,
    ),
    Mutant(
        "noise: t", floors, "t = square * (1", "t = 2 * square * (1",
        "t = square / 2 * (1",
        test_noise.test_one_linear_function_attains_the_noise_exponent,
    ),
    Mutant(
        "noise: <g, z>", floors, "+ s.noise_signal", "+ 2 * s.noise_signal",
        "+ s.noise_signal / 2", test_noise.test_the_noise_floor_is_its_formula,
    ),
    Mutant(
        "noise: tau^2 / 2", tails, "np.sqrt(2 * rate)", "np.sqrt(4 * rate)",
        "np.sqrt(rate)", test_noise.test_one_linear_function_attains_the_noise_exponent,
    ),
    Mutant(
        "noise: M of bounded labels", floors, "width = bound *", "width = 2 * bound *",
        "width = bound / 2 *", test_noise.test_noise_that_depends_on_x,
    ),
    Mutant(
        "noise: h", tails, "np.log1p(-(t**2)) / 2", "np.log1p(-(t**2))",
        "np.log1p(-(t**2)) / 4",
        test_noise.test_the_bounded_exponent_is_its_supremum,
    ),
    Mutant(
        "data: the pairs' distance", floors, "_paired(s, s.pair_square)",
        "_paired(s, 2 * s.pair_square)", "_paired(s, s.pair_square / 2)",
        test_floors.test_the_data_floor_is_attained,
    ),
    Mutant(
        "data: 2 n MSE", floors, "math.sqrt(2 * s.n * s.mse)",
        "math.sqrt(4 * s.n * s.mse)", "math.sqrt(s.n * s.mse)",
        test_floors.test_the_data_floor_is_attained,
    ),
    Mutant(
        "rank: the seen distance", floors, "else s.pair_top)", "else 2 * s.pair_top)",
        "else s.pair_top / 2)", test_floors.test_the_rank_floor_is_attained,
    ),
    Mutant(
        "theorem 3: 2^9", theorem, "(2**9 *", "(2**10 *", "(2**8 *",
        test_theorem.test_theorem3_is_as_printed,
    ),
    Mutant(
        "theorem 3: 60 W J / eps", theorem, "60 * diameter", "120 * diameter",
        "30 * diameter", test_theorem.test_theorem3_is_as_printed,
    ),
    Mutant(
        "theorem 3: log(4 / delta)", theorem, "math.log(4 / delta)",
        "math.log(8 / delta)", "math.log(2 / delta)",
        test_theorem.test_theorem3_is_as_printed,
    ),
    Mutant(
        "theorem 3: n >= 8^4 K log(8 K / delta)", theorem, "8**4 *", "2 * 8**4 *",
        "8**4 / 2 *", test_theorem.test_theorem3_hypothesis,
    ),
    Mutant(
        "theorem 2: b^4", theorem, "(base**4 *", "(2 * base**4 *", "(base**4 / 2 *",
        test_theorem.test_theorem2_is_as_printed,
    ),
    Mutant(
        "theorem 2: 8^3", theorem, "below = 4 * components * math.exp(-n * epsilon**2",
        "below = 4 * components * math.exp(-n * 2 * epsilon**2",
        "below = 4 * components * math.exp(-n / 2 * epsilon**2",
        test_theorem.test_theorem2_is_as_printed,
    ),
    Mutant(
        "theorem 2: its floor", theorem, "(base**2 *", "(2 * base**2 *",
        "(base**2 / 2 *", test_theorem.test_theorem2_floor_inverts_its_probability,
    ),
    Mutant(
        "theorem 2: its 2 / delta", theorem, "math.log(2 / left)", "math.log(4 / left)",
        "math.log(1 / left)", test_theorem.test_theorem2_floor_inverts_its_probability,
    ),
    Mutant(
        "Rademacher: sqrt(K / n)", generalisation, "math.sqrt(components / n)",
        "math.sqrt(2 * components / n)", "math.sqrt(components / n / 2)",
        test_generalisation.test_constants_attain_the_first_term,
    ),
    Mutant(
        "Rademacher: 2 c", generalisation, "spread = 2 * c", "spread = 4 * c",
        "spread = c", test_generalisation.test_coordinates_attain_the_second_term,
    ),
    Mutant(
        "generalisation gap: 8", generalisation, "8 * complexity", "16 * complexity",
        "4 * complexity", test_generalisation.test_the_gap_is_theory_s_formula,
    ),
    Mutant(
        "generalisation gap: its fluctuation", generalisation,
        "+ 4 * math.sqrt(math.log(2 / delta)", "+ 8 * math.sqrt(math.log(2 / delta)",
        "+ 2 * math.sqrt(math.log(2 / delta)",
        test_generalisation.test_the_gap_is_theory_s_formula,
    ),
    Mutant(
        "J of two layers", sensitivity, "math.log(max(1.0, slope)) +",
        "math.log(2 * max(1.0, slope)) +", "math.log(max(1.0, slope) / 2) +",
        test_sensitivity.test_two_layer_j_is_attained,
    ),
    Mutant(
        "J of two layers: R^2 + 1", sensitivity, "        (radius**2 + 1) *",
        "        2 * (radius**2 + 1) *", "        0.5 * (radius**2 + 1) *",
        test_sensitivity.test_two_layer_j_is_attained,
    ),
    Mutant(
        "J of a deep ball", sensitivity, "depth * (radius**2 + 1)",
        "4 * depth * (radius**2 + 1)", "depth * (radius**2 + 1) / 4",
        functools.partial(test_sensitivity.test_j_of_a_deep_ball_is_nearly_attained, 3),
    ),
    Mutant(
        "J of deep networks", sensitivity, "* shared * p", "* shared * p * 2",
        "* shared * p / 2", test_sensitivity.test_deep_j_of_one_weight_is_exact,
    ),
    Mutant(
        "J of deep networks: Q", sensitivity, "largest) * shared * p",
        "largest) * shared**2 * p", "largest) * shared**0.5 * p",
        test_sensitivity.test_deep_j_of_one_weight_is_exact,
    ),
    Mutant(
        "p that theorem 3 takes", capacity, "(2**18 *", "(2**19 *", "(2**17 *",
        test_capacity.test_theorem3_backwards,
    ),
    Mutant(
        "c of the cube", isoperimetry, "(2 * math.pi)", "(4 * math.pi)", "math.pi",
        test_isoperimetry.test_the_cube_s_map_stretches_as_said,
    ),
    Mutant(
        "rigidity: 2", followups, "default=0.0) / 2)", "default=0.0))",
        "default=0.0) / 4)", test_followups.test_rigidity_is_attained,
    ),
)  # fmt: skip


@contextlib.contextmanager
def mutated(module: ModuleType, text: str, changed: str) -> Iterator[None]:
    """The module with `changed` in place of `text`, as long as the block lasts."""
    source = inspect.getsource(module)
    assert source.count(text) == 1, f"{text!r} is there {source.count(text)} times"
    kept = dict(vars(module))
    try:
        exec(compile(source.replace(text, changed), "mutant", "exec"), vars(module))
        yield
    finally:
        vars(module).clear()
        vars(module).update(kept)


def passes(test: Callable) -> bool:
    """Whether a test passes, given its fixtures (and the first of its parameters)."""
    given = {
        "setting": typical(),
        "rng": np.random.Generator(np.random.Philox(key=7)),
        "limit": 2.0,
    }
    named = inspect.signature(test).parameters
    try:
        test(**{name: given[name] for name in named})
    except AssertionError:
        return False
    return True


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda m: m.what)
def test_a_wrong_factor_is_caught(mutant: Mutant) -> None:
    assert passes(mutant.test)
    for changed in (mutant.doubled, mutant.halved):
        with mutated(mutant.module, mutant.text, changed):
            caught = not passes(mutant.test)
        assert caught, f"{mutant.what}: {changed} passes {mutant.test.__name__}"
    assert passes(mutant.test)


def test_every_floor_has_its_mutants() -> None:
    named = {mutant.what.split(":")[0] for mutant in MUTANTS}
    assert named >= set(floors.__all__)
    assert named >= {
        "theorem 2", "theorem 3", "Rademacher", "generalisation gap", "J of two layers",
        "J of deep networks",
    }  # fmt: skip
