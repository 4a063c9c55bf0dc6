"""The law read backwards: how many parameters a constant of at most L takes.

Below that many every fit of the class has Lip > L; none of it says that so many are
enough. Numbers p, no units.
"""

import math
from collections.abc import Callable
from dataclasses import replace

from isorobust.law import floors, theorem
from isorobust.law.floors import Floor
from isorobust.law.setting import Setting

FloorOf = Callable[[Setting], float | None]
MOST = 2**100  # a search beyond it has no answer worth naming


def law_p(n: int, d: int, lipschitz: float) -> float:
    """n d / L^2: the bare law, up to constants, logarithms and epsilon."""
    return n * d / lipschitz**2


def theorem3_p(
    n: int,
    d: int,
    lipschitz: float,
    epsilon: float,
    *,
    c: float = 1.0,
    diameter: float = 1.0,
    log_j: float = 0.0,
    delta: float = 0.01,
) -> float | None:
    """The p at which theorem.theorem3 is L, W and J given:

        p = (eps^2 n d / (2^18 c L^2) - log(4 / delta)) / log(60 W J / eps)

    At most 0: nothing is required. None where eps is not in (0, 1] or W J is so small
    that no p helps. Hypothesis: theorem.theorem3_applies. [Bubeck & Sellke 2021,
    Theorem 3, inverted]
    """
    if not 0 < epsilon <= 1:
        return None
    log_cover = math.log(60 * diameter / epsilon) + log_j
    if log_cover <= 0:
        return None
    bracket = epsilon**2 * n * d / (2**18 * c * lipschitz**2)
    return (bracket - math.log(4 / delta)) / log_cover


def required_p(
    s: Setting,
    lipschitz: float,
    floor: Callable[[Setting], Floor] = floors.sharp,
) -> int | None:
    """The least p >= 1 whose floor (sharp, or noise) allows Lip <= L, all else as is.

    rho, J and the fit are taken as they are; of a deep network, whose J = R (W p)^D
    and ball grow with p, they follow it. By bisection: the floor falls with p. None
    where the floor is silent (its reason says why) or no p below 2^100 does. [derived]
    """
    return _least(s, lipschitz, lambda s: floor(s).value)


def required_p_theorem(s: Setting, lipschitz: float) -> int | None:
    """`required_p` of the theorem as printed (whose hypothesis may fail); else None."""
    return _least(s, lipschitz, theorem.literal_floor)


def required_bits(s: Setting, lipschitz: float) -> float | None:
    """The bits log2 |F| at which floors.quantised is L:

        bits = ((s(eps) - b)^2 n d / (2 c L^2) - log(100 / delta)) / log 2

    A weight of B bits counts B. At most 0: nothing is required. [derived]
    """
    one = floors.quantised(replace(s, bits=0.0)).value
    if one is None:
        return None
    share = math.log(floors.STEPS / s.delta) / math.log(2)
    return share * ((one / lipschitz) ** 2 - 1)


def _least(s: Setting, lipschitz: float, floor: FloorOf) -> int | None:
    def low(p: int) -> bool | None:
        value = floor(replace(s, p=p))
        return None if value is None else value <= lipschitz

    first = low(1)
    if first is None or first:
        return None if first is None else 1
    above = 2
    while not low(above):
        above *= 2
        if above > MOST:
            return None
    below = above // 2
    while above - below > 1:
        middle = (above + below) // 2
        below, above = (below, middle) if low(middle) else (middle, above)
    return above
