"""What later papers state about smooth fits, mostly up to constants nobody gave.

A Shape with an `unknown` is a form and no floor: only ratios of two of them mean
anything. One without is a true bound, under the hypotheses that its docstring names.
Plain numbers as in theorem.py; k is the width. Units: of y a unit of x, |x| ~ 1.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Shape:
    """A statement of the form Lip >= value (or what the docstring says).

    value: None outside of the statement's regime, and `reason` says why
    unknown: what keeps it from being a floor; None: it is one
    """

    value: float | None
    unknown: str | None = None
    reason: str | None = None


def wu_parameters(n: int, p: int, epsilon: float) -> Shape:
    """eps sqrt(n / p): any law of x on a bounded set, polynomially large weights.

    [Wu, Huang & Zhang 2023, Theorem 3.4, from its abstract] No isoperimetry, so no d.
    """
    return Shape(epsilon * math.sqrt(n / p), "constant and logarithms")


def wu_dimension(n: int, d: int, epsilon: float) -> Shape:
    """eps n^(1/d): any law of x, any function below the noise, whatever its p.

    [Wu, Huang & Zhang 2023, Theorem 3.9, from its abstract] ~ 1 for d >= 20: tells
    something for d <= 6 only. An O(n^(1/d))-Lipschitz fit exists for separated points.
    """
    return Shape(epsilon * n ** (1 / d), "constant, and the radius of the domain")


def wu_entropy(n: int, d: int, epsilon: float) -> Shape:
    """eps (n eps^2)^(1/d), at most eps where n eps^2 < 1: `wu_dimension` by entropy.

    [derived: the sup-entropy of L-Lipschitz functions on a d-ball is (C L / eps)^d, and
    fitting noise takes entropy of order n eps^2]
    """
    return Shape(epsilon * (n * epsilon**2) ** (1 / d), "constant C of the entropy")


def shmalo(
    n: int, d: int, width: int, epsilon: float, pieces: int = 2, inside: float = 1.0
) -> Shape:
    """eps sqrt(n / (m log(C m n d / eps))), m = (pieces - 1) width + 1.

    Two layers, ANY real weights, biases, affine skip, a continuous activation of
    `pieces` linear pieces (ReLU: 2); x uniform on the sphere, d >= 3, or N(0, I/d);
    |y| <= 1. [Shmalo 2026, from its abstract] inside = C, not known either.
    """
    if not 0 < epsilon <= 1:
        return Shape(None, reason="epsilon is not in (0, 1]")
    m = (pieces - 1) * width + 1
    log = math.log(inside * m * n * d / epsilon)
    if log <= 0:
        return Shape(None, reason="the logarithm is not positive: C is too small")
    return Shape(
        epsilon * math.sqrt(n / (m * log)), "constants in front and in the logarithm"
    )


def rigidity(
    jumps: Sequence[float], offsets: Sequence[float], on_sphere: bool = True
) -> Shape:
    """max_j |alpha_j| sqrt(1 - t_j^2) / 2, of the function itself: a true bound.

    f = v x + c + sum alpha_j relu(u_j x - t_j), |u_j| = 1, hyperplanes distinct and
    none met twice: at a point of kink j alone, two gradients differ by alpha_j u_j,
    whose tangential part is alpha_j sqrt(1 - t_j^2). On the ball (on_sphere False)
    max_j |alpha_j| / 2 over |t_j| < 1. [Shmalo 2026, rigidity] d >= 3: false at d = 2.
    """
    met = [(abs(a), t) for a, t in zip(jumps, offsets, strict=True) if abs(t) < 1]
    share = [a * (math.sqrt(1 - t**2) if on_sphere else 1.0) for a, t in met]
    return Shape(max(share, default=0.0) / 2)


def conjecture(n: int, width: int) -> Shape:
    """sqrt(n / k): two layers without skip, random signs, exact fits, on the sphere.

    [Bubeck, Li & Nagaraj 2021, Conjecture 1] Open without logarithms for k > 1.
    """
    return Shape(math.sqrt(n / width), "constant; a conjecture")


def path_norm(n: int, slope: float = 1.0) -> Shape:
    """sqrt(n) / L of sum |a_j| |w_j| (not of Lip): exact fits without biases.

    L: the activation's Lipschitz constant, phi(0) = 0. [Bubeck, Li & Nagaraj 2021, in
    the proof of Theorem 5]
    """
    return Shape(math.sqrt(n) / slope, "holds with positive probability only")


def norm_product(n: int, width: int, slope: float = 1.0) -> Shape:
    """sqrt(n / k) / L of |a| |W|_op (not of Lip): exact fits without biases.

    L |a| |W|_op is an upper bound of Lip. [Bubeck, Li & Nagaraj 2021, Theorem 5; from
    `path_norm`: sum |a_j| |w_j| <= |a| |W|_F <= sqrt(k) |a| |W|_op]
    """
    return Shape(math.sqrt(n / width) / slope, "holds with positive probability only")


def rank(n: int, d: int, r: int, mse: float) -> Shape:
    """(3 / (32 sqrt 8)) sqrt(d / r), f = g(P x) with rank P = r, on the sphere.

    With probability >= 1 - exp(-n / 4) - 2 exp(-n / 32) for all P at once, for random
    signs, n >= 8 d and MSE <= 1 / 256. [an audit of Bubeck, Li & Nagaraj 2021, Theorem
    6; seen second hand] floors.rank is larger and certain.
    """
    if n < 8 * d:
        return Shape(None, reason="n < 8 d")
    if mse > 1 / 256:
        return Shape(None, reason="training MSE is above 1/256")
    return Shape(3 / (32 * math.sqrt(8)) * math.sqrt(d / r))


def tensor(n: int, d: int, order: int) -> Shape:
    """sqrt(n / d^(q - 1)) of the operator norm of T, <T, x_i^q> = y_i, q = order.

    With probability 1 - C exp(-c_q d). [Bubeck, Li & Nagaraj 2021, Theorem 7]
    """
    return Shape(math.sqrt(n / d ** (order - 1)), "constant c_q")


def quadratic(n: int, d: int, r: int) -> Shape:
    """sqrt(n d) / r of |T|_op, T of rank r with x_i' T x_i = y_i.

    [Bubeck, Li & Nagaraj 2021, Theorem 9] Falls with r, not with its root; on the
    sphere the Lipschitz constant is the spread of T's eigenvalues.
    """
    return Shape(math.sqrt(n * d) / r, "constant c")


def stability(
    n: int, d: int, p: float, epsilon: float, c: float = 1.0, components: int = 1
) -> Shape:
    """An UPPER bound on S = E dist(x, boundary) of classifiers that fit noise:

        S < max((3 K / eps) sqrt(c p / (n d)), sqrt((8 c / d) log(6 K / eps)))

    p = log |F| >= n, K components. [von Berg et al. 2026, Corollary 6, second hand;
    Corollary 15, for infinite classes, is void in p as printed]
    """
    if p < n:
        return Shape(None, reason="p = log|F| is below n")
    if not 0 < epsilon <= 1:
        return Shape(None, reason="epsilon is not in (0, 1]")
    k = components
    fitted = 3 * k / epsilon * math.sqrt(c * p / (n * d))
    return Shape(max(fitted, math.sqrt(8 * c / d * math.log(6 * k / epsilon))))
