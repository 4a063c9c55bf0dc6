"""Floors: what the Lipschitz constant of a fitted function can't be below.

Each function of `__all__` takes a Setting and gives a Floor: a value with the domain
whose Lipschitz constant it bounds, or None with the hypothesis that fails. All of them
hold on R^d as well, whose constant is the largest. Units: of y a unit of x.
"""

import math
from dataclasses import dataclass

import numpy as np

from isorobust.law import tails
from isorobust.law.setting import Setting

__all__ = ["data", "noise", "quantised", "rank", "sharp"]

# epsilon in steps of .01 and a power of two for the size of the weights are chosen
# after training: a union bound over 100 x 64 classes pays for that
GRID = 0.01
STEPS = 100
POST_HOC = STEPS * 64
ETAS = np.linspace(0.02, 0.9, 45)  # eta as shares of its largest value
CLASSES = "labels are classes: the law speaks of one real output"
ABOVE = "training MSE is not below the noise"


@dataclass(frozen=True)
class Floor:
    """A floor of the law.

    value: None where a hypothesis fails, and `reason` says which
    domain: "sphere" (geodesic) or "rd" (Euclidean, all of R^d)
    """

    value: float | None
    reason: str | None = None
    domain: str = "rd"


def sharp(s: Setting) -> Floor:
    """The pure-noise law with explicit constants; valid at any n.

    With probability >= 1 - delta, for all f of the class with MSE <= 1 - eps:

        Lip >= max_eta (s(eps) - b - eta) sqrt(n d / (2 c [p log(1 + 2 rho J / eta)
               + log(1 / delta)])),      s(eps) = 1 - sqrt(1 - eps), 0 < eta < s - b,

    b the imbalance of the labels within components. Proof in BUILD_NOTES ("The sharp
    floor"): MSE <= 1 - eps and |y| = 1 give (1/n) sum y f >= s(eps); for one f that sum
    is c L^2 / (n d)-sub-Gaussian; an (eta / J)-net of the ball of radius rho. [derived]
    Hypotheses: labels +-1, independent of x; isoperimetric constant c known; eps > 0.
    """
    correlation, reason = _sign_correlation(s)
    reason = reason or _unknown_class(s)
    if reason:
        return Floor(None, reason, _domain(s))
    assert s.c is not None
    eta = correlation * ETAS
    # half of delta pays for the radius R of the data
    bracket = _log_cover(s, eta) + math.log(2 * POST_HOC / s.delta)
    values = (correlation - eta) * np.sqrt(s.n * s.d / (2 * s.c * bracket))
    return Floor(float(values.max()), None, _domain(s))


def quantised(s: Setting) -> Floor:
    """The pure-noise law of a finite class of log2 |F| bits: no ball, no J, no eta.

        Lip >= (s(eps) - b) sqrt(n d / (2 c [bits log 2 + log(1 / delta)]))

    with probability >= 1 - delta for all f of F with MSE <= 1 - eps; a network of p
    weights of B bits each has bits = B p. s, b and hypotheses as in `sharp`, but the
    points may lie anywhere. [derived: union over F; delta pays for 100 values of eps]
    """
    correlation, reason = _sign_correlation(s)
    if s.bits is None and s.outputs == 1:
        reason = "the class isn't finite: its weights are real numbers"
    if reason or s.bits is None:
        return Floor(None, reason, _domain(s))
    assert s.c is not None
    bracket = s.bits * math.log(2) + math.log(STEPS / s.delta)
    value = correlation * math.sqrt(s.n * s.d / (2 * s.c * bracket))
    return Floor(value, None, _domain(s))


def noise(s: Setting) -> Floor:
    """The law of signal and noise, y = g(x) + z, z known at the training points.

    MSE <= S - eps, S = mean z^2, gives (1/n) sum z f >= t, and so for all f of the
    class at once, with probability >= 1 - delta and the cover N = p log(1 + 2 rho J /
    eta) + log(1 / delta):

        t = S (1 - sqrt(1 - eps / S)) + mean(g z) - M b,     b the imbalance of z
        Lip >= max_eta (t - eta mean|z|) sqrt(n d / (2 c N)) / sqrt S

    if z is independent of x. If it isn't, but |y| <= M and z = y - E[y|x]:

        Lip >= max_eta (t - 2 M eta) sqrt(d / c) / (M tau),      h(tau) = N / n

    with tails.bounded_exponent h ~ tau^2 / 2. [derived: theory as in `sharp`; f may be
    clipped to [-M, M], which b needs] g need not be smooth. t in steps of .01 S, and of
    .01 M^2 where S depends on x. Hypotheses: c known; t > 0.
    """
    t, reason = _noise_correlation(s)
    reason = reason or _unknown_class(s)
    if reason or s.noise_square is None:
        return Floor(None, reason, _domain(s))
    assert s.c is not None
    bound = s.label_bound
    size = s.noise_size if s.noise_independent else 2 * bound
    eta = t / size * ETAS
    bracket = _log_cover(s, eta) + math.log(2 * POST_HOC / s.delta)
    if s.noise_independent:
        width = math.sqrt(s.noise_square) * tails.gaussian_threshold(bracket / s.n)
    else:
        width = bound * tails.bounded_threshold(bracket / s.n)
    values = (t - eta * size) * np.sqrt(s.d / s.c) / width
    return Floor(float(values.max()), None, _domain(s))


def data(s: Setting) -> Floor:
    """The data floor: no function that fits these labels is smoother, whatever its p.

        Lip >= (|y_i - y_j| - sqrt(2 n MSE))_+ / sqrt(sum |x_i - x_j|^2)

    over a matching of disjoint pairs (triangle inequality in l2); with +-1 labels and
    n/2 opposite pairs that is 2 (1 - sqrt MSE) sqrt(N / sum |x_i - x_j|^2). Certain (no
    delta), Euclidean distance. [derived] Hypothesis: the pairs' labels differ by more
    than the fit leaves open.
    """
    return _paired(s, s.pair_square)


def rank(s: Setting) -> Floor:
    """The rank floor: f = g(P x) with rank P = r (a first layer of `width` units has
    r = min(width, d)) sees at most r directions.

        Lip >= (|y_i - y_j| - sqrt(2 n MSE))_+ / sqrt(sum_{k <= r} lambda_k(M)),
        M = sum (x_i - x_j)(x_i - x_j)' over the same matching.

    Only |P (x_i - x_j)| counts. The explicit form of Bubeck, Li, Nagaraj 2021, Theorem
    6. Certain; on R^d. Same hypothesis as `data`, which it is where r = d.
    """
    return _paired(s, s.pair_square if s.pair_top is None else s.pair_top)


def _domain(s: Setting) -> str:
    return "sphere" if s.on_sphere else "rd"


def _unknown_law(s: Setting) -> str | None:
    """What of the law of x isn't known."""
    if s.outputs > 1:
        return CLASSES
    return None if s.c is not None else "isoperimetric constant of x is unknown"


def _unknown_class(s: Setting) -> str | None:
    """What of the cover of the class isn't known."""
    if not s.has_ball:
        return "no J of the class is known: a floor of its parameters can't be stated"
    return None if s.radius is not None else "radius of the data is unknown"


def _sign_correlation(s: Setting) -> tuple[float, str | None]:
    """(s(eps) - b, None) of +-1 labels, eps on its grid; or (0, what is amiss)."""
    if s.outputs > 1:
        return 0.0, CLASSES
    if not s.signs:
        return 0.0, "labels are not all +-1"
    if not s.independent:
        return 0.0, "labels depend on x"
    if s.c is None:
        return 0.0, _unknown_law(s)
    epsilon = math.floor(max(min(s.epsilon, 1.0), 0.0) / GRID) * GRID
    correlation = 1 - math.sqrt(1 - epsilon) - s.imbalance
    return (correlation, None) if correlation > 0 else (0.0, ABOVE)


def _noise_correlation(s: Setting) -> tuple[float, str | None]:
    """(t, None) of `noise`, on its grid; or (0, what is amiss)."""
    if s.outputs > 1 or s.c is None:
        return 0.0, _unknown_law(s)
    if s.noise_square is None:
        return 0.0, "the noise of each label is unknown"
    if s.noise_square == 0:
        return 0.0, "labels have no noise"
    square, bound = s.noise_square, s.label_bound
    share = 1 - min(max(s.mse / square, 0.0), 1.0)
    t = square * (1 - math.sqrt(1 - share)) + s.noise_signal - bound * s.noise_imbalance
    scale = square if s.noise_independent else bound**2
    t = math.floor(min(t / scale, 1.0) / GRID) * GRID * scale
    return (t, None) if share > 0 and t > 0 else (0.0, ABOVE)


def _log_cover(s: Setting, eta: np.ndarray) -> np.ndarray:
    """p log(1 + 2 rho J / eta): log of the size of an (eta / J)-net of the rho-ball."""
    reach = math.log(2 * s.ball) + s.log_sensitivity
    return s.p * np.logaddexp(0.0, reach - np.log(eta))


def _paired(s: Setting, square: float) -> Floor:
    if s.outputs > 1:
        return Floor(None, CLASSES)
    left = s.label_gap - math.sqrt(2 * s.n * s.mse)
    if left <= 0:
        return Floor(None, "the fit is too loose for any pair of labels")
    if square <= 0:
        return Floor(None, "paired points coincide")
    return Floor(left / math.sqrt(square))
