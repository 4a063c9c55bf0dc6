"""The theorem as printed (Bubeck & Sellke 2021, arXiv:2105.12806)."""

import math

from isorobust.law.setting import Setting


def law_ratio(n: int, d: int, p: int) -> float:
    """sqrt(n d / p): the law, up to constants, logarithms and epsilon."""
    return math.sqrt(n * d / p)


def literal_floor(setting: Setting) -> float | None:
    """Theorem 3 of the paper, as printed:

        (eps / (2^9 sqrt c)) sqrt(n d / (p log(60 W J / eps) + log(4 / delta)))

    W = 2 rho is the diameter of the parameter ball and J its sensitivity. Holds for
    every f of the class with MSE <= sigma^2 - eps, with probability >= 1 - delta, IF
    `literal_applies`. None where eps <= 0 or c is unknown: then it says nothing.
    Speaks of the geodesic constant on the sphere, the Euclidean one else.
    """
    epsilon, c = setting.epsilon, setting.c
    if epsilon <= 0 or c is None or setting.radius is None:
        return None
    log_cover = math.log(60 * 2 * setting.ball / epsilon) + setting.log_sensitivity
    bracket = setting.p * log_cover + math.log(4 / setting.delta)
    return epsilon / (2**9 * math.sqrt(c)) * math.sqrt(setting.n * setting.d / bracket)


def literal_applies(setting: Setting) -> bool:
    """The theorem's hypothesis 8^4 K log(8 K / delta) <= n eps^2, with sigma^2 > 0."""
    if setting.epsilon <= 0 or setting.c is None:
        return False
    k = setting.components
    return 8**4 * k * math.log(8 * k / setting.delta) <= setting.n * setting.epsilon**2
