"""Networks that an attack on the bounds found: each once broke one of them."""

from decimal import Decimal, localcontext

import numpy as np
import pytest

from isorobust.lipschitz import bracket, lower, upper
from isorobust.lipschitz.domain import RD, SPHERE, Domain
from isorobust.lipschitz.exact import exact
from isorobust.lipschitz.network import Network


def plain(*weights: object, activation: str = "relu") -> Network:
    arrays = [np.array(w, float) for w in weights]
    return Network(tuple((w, np.zeros(len(w))) for w in arrays), activation)


UNEVEN = {  # units whose sizes lie 1e170 apart: their squares are no floats
    "both": (plain([[1, 1], [1e-170, 1e-170]], [[1, 1e170]]), 2 * 2**0.5),
    "one": (plain([[1, 0], [0, 1e-170]], [[0, 1e170]]), 1.0),
    "deep": (
        plain(np.diag([1e150, 1e-20]), np.diag([1e-20, 1e150]), [[1e-130, 1e-130]]),
        2**0.5,
    ),
}


@pytest.mark.parametrize("name", UNEVEN)
def test_small_units_are_not_dead(name: str) -> None:
    net, constant = UNEVEN[name]
    for bound in upper.__all__:
        assert getattr(upper, bound)(net) >= constant * (1 - 1e-15), bound
    found = bracket(net, budget=1)
    assert found.lower <= constant * (1 + 1e-15) <= found.upper * (1 + 1e-14)


def sum_of_slopes(x: float, w: np.ndarray, b: np.ndarray) -> Decimal:
    """sum w_i sech(w_i x + b_i)^2 in 60 digits."""
    total = Decimal(0)
    for a, c in zip(map(Decimal, w.tolist()), map(Decimal, b.tolist()), strict=True):
        z = a * Decimal(x) + c
        total += a * 4 / (z.exp() + (-z).exp()) ** 2
    return total


@pytest.mark.parametrize("shift", [1e3, 1e6, 1e9, 1e12])
def test_what_is_attained_far_from_0_allows_for_its_rounding(shift: float) -> None:
    """tanh units that peak near x = shift, where pre-activations have lost digits."""
    rng = np.random.default_rng(0)
    for _ in range(20):
        w = np.array([1.0, rng.uniform(1, 2)])
        b = -shift * w + rng.uniform(-1, 1, 2)
        ones = np.ones((1, 2)), np.zeros(1)
        net = Network(((w[:, None], b), ones), "tanh")
        points = shift + np.linspace(-2, 2, 100)
        seen = [lower.attained(net, RD, np.array([x])) for x in points]
        value, at = max(seen, key=lambda pair: pair[0])
        with localcontext(prec=60):
            truth = sum_of_slopes(float(at[0]), w, b)
            assert Decimal(value) <= truth
            assert shift > 1e9 or Decimal(value) >= truth * (1 - Decimal(shift * 1e-14))


def test_units_without_activation_alone() -> None:
    w = np.array([[-1.0, 2], [2, -2], [0, 2]])
    layers = (w, np.array([2.0, 0, -1])), (np.array([[1.0, 1, 0]]), np.array([-2.0]))
    net = Network(layers, "relu", (np.array([1.0, 1, 0]),))
    constant = np.linalg.norm(w[0] + w[1])
    found = exact(net, Domain(10.0))
    assert found is not None and found.upper == pytest.approx(constant)
    assert bracket(net, SPHERE, budget=1).upper == pytest.approx(constant)


@pytest.mark.parametrize("radius", [1.00000049, 1.2345674, 0.1, 2.5, 1e-9, 3.0])
def test_a_domain_is_the_text_it_writes(radius: float) -> None:
    assert Domain.parse(str(Domain(radius))) == Domain(radius)
