"""Tails of (1/n) sum z_i f(x_i): exponents of the noise laws, and their inverses."""

import numpy as np


def gaussian_threshold(rate: np.ndarray) -> np.ndarray:
    """tau with tau^2 / 2 = rate: noise independent of x.

    P((1/n) sum z_i (f(x_i) - Ef) >= tau sigma L sqrt(c / d)) <= exp(-n tau^2 / 2), z
    fixed with mean z^2 = sigma^2, f L-Lipschitz. Attained by linear f of Gaussian x, up
    to a power of n tau^2. [derived: product of MGFs] No units.
    """
    return np.sqrt(2 * rate)


def bounded_exponent(tau: np.ndarray) -> np.ndarray:
    """h(tau) = sup_{0 < t < 1} [t tau + log(1 - t^2) / 2]: noise that may depend on x.

    P((1/n) sum z_i (f(x_i) - Ef) >= tau M L sqrt(c / d)) <= exp(-n h(tau)) for labels
    in [-M, M], z_i = y_i - E[y_i|x_i], f L-Lipschitz. [derived: given x, Hoeffding's
    lemma on a range of 2 M; then E exp(s (f - Ef)^2) <= (1 - 2 s v)^(-1/2) for
    v = c L^2 / d sub-Gaussian f] ~ tau^2 / 2 for small tau, ~ tau for large. No units.
    """
    t = 2 * tau / (1 + np.sqrt(1 + 4 * tau**2))  # where tau = t / (1 - t^2)
    return t * tau + np.log1p(-(t**2)) / 2


def bounded_threshold(rate: np.ndarray) -> np.ndarray:
    """tau with bounded_exponent(tau) = rate.

    With u = 1 / (1 - t^2): tau = sqrt(u (u - 1)) and h = u - 1 - log(u) / 2, which is
    convex: Newton's steps from u = 1 + 2 rate come down to the root and never pass it,
    so tau is never too small. No units.
    """
    above = 2 * rate  # u - 1
    for _ in range(60):
        value = above - np.log1p(above) / 2 - rate
        step = value / (1 - 0.5 / (1 + above))
        lower = np.maximum(above - np.maximum(step, 0.0), 0.0)
        if np.all(above - lower <= 1e-13 * above):
            break
        above = lower
    return np.sqrt((1 + above) * above)
