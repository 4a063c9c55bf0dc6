"""What L-Lipschitz functions of p parameters can overfit: Rademacher bounds.

R_n(F) = E sup_{f in F} (1/n) sum s_i f(x_i), s_i fair signs, f within [-1, 1]. The law
is their contrapositive: to fit noise is a gap of epsilon. Units: y within [-1, 1].
"""

import math

import numpy as np

from isorobust.law.setting import Setting

ETAS = np.geomspace(1e-6, 1.0, 61)
# L and rho, powers of two, are chosen after training: a union bound pays for that
POST_HOC = 64 * 64


def rademacher(
    n: int, d: int, log_size: float, lipschitz: float, c: float, components: int = 1
) -> float:
    """A bound on R_n of a finite class of L-Lipschitz functions into [-1, 1]:

        R_n(F) <= sqrt(K / n) + L sqrt(2 c log(2 |F|) / (n d))

    log_size = log|F|, K = components. [derived from Bubeck & Sellke 2021 (v4), Lemma
    4.1: f = E_k f + (f - E_k f) within component k; |E_k f| <= 1, and the rest is
    c L^2 / (n d)-sub-Gaussian for each f] With |.| inside the sup it holds as well.
    """
    spread = 2 * c * (log_size + math.log(2)) / (n * d)
    return math.sqrt(components / n) + lipschitz * math.sqrt(spread)


def gap(
    n: int,
    d: int,
    log_size: float,
    lipschitz: float,
    c: float,
    *,
    eta: float = 0.0,
    components: int = 1,
    delta: float = 0.01,
) -> float:
    """U: no f of the class has E (f - y)^2 - MSE above it, with probability 1 - delta:

        U = 8 (R_n(F) + eta) + 4 sqrt(log(2 / delta) / (2 n))

    log_size: log of the size of a cover of the class to eta in sup (0: F is finite).
    Symmetrisation 2, contraction 4 ((f - y)^2 has slope <= 4 for f, y in [-1, 1]),
    bounded differences of a loss in [0, 4]. [derived] Of f clipped to [-1, 1].
    """
    complexity = rademacher(n, d, log_size, lipschitz, c, components) + eta
    return 8 * complexity + 4 * math.sqrt(math.log(2 / delta) / (2 * n))


def gap_bound(
    s: Setting, lipschitz: float, test_points: int | None = None
) -> float | None:
    """`gap` of a fitted function with Lip <= L on the data's domain, best over eta.

        log|F| = p log(1 + 2 rho J / eta), eta = 10^-6 ... 1

    L and rho are rounded up to powers of two. Half of delta pays for the radius; the
    other half for the union over 64 x 64 of them, shared with a test MSE of m points
    where m = test_points is given, which adds 4 sqrt(log(4 / delta) / (2 m)). None
    where c or J isn't known or the labels leave [-1, 1]. Mostly far above 4, the
    largest gap there is: then it says nothing.
    """
    known = s.c is not None and s.radius is not None and s.has_ball
    if not known or s.outputs > 1 or s.label_bound > 1:
        return None
    assert s.c is not None
    steep = lipschitz
    if lipschitz > 0:
        steep = 2.0 ** math.ceil(math.log2(lipschitz))
    reach = math.log(2 * s.ball) + s.log_sensitivity
    left = s.delta / (4 if test_points else 2)
    delta = left / POST_HOC
    found = min(
        gap(
            s.n, s.d, s.p * float(np.logaddexp(0.0, reach - math.log(eta))), steep,
            s.c, eta=eta, components=s.components, delta=delta,
        )
        for eta in ETAS.tolist()
    )  # fmt: skip
    tested = 0.0
    if test_points:
        tested = 4 * math.sqrt(math.log(1 / left) / (2 * test_points))
    return found + tested
