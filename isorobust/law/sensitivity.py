"""How far outputs move with parameters: the J of |f_w(x) - f_v(x)| <= J |w - v|.

As logarithms: for deep networks J itself overflows. J is in units of f a unit of w.
"""

import math


def two_layer(rho: float, radius: float, slope: float = 1.0) -> float:
    """log J of sum_j a_j phi(w_j x + b_j) + c_0 on the ball |(a, w, b, c_0)| <= rho.

        J = s sqrt((R^2 + 1) rho^2 + 1),     s = max(1, slope), |x| <= R = radius

    The largest |df/dw| over the ball at c_0 = 0, so no smaller J would do for s = 1.
    [derived: |phi(z)| <= s |z| and Cauchy-Schwarz; the ball is convex] Hypotheses:
    phi(0) = 0, |phi'| <= slope; no weight shared.
    """
    return math.log(max(1.0, slope)) + 0.5 * math.log(
        (radius**2 + 1) * rho**2 + 1,
    )


def deep_ball(rho: float, depth: int, radius: float, slope: float = 1.0) -> float:
    """log J of a network of `depth` layers on the ball |w| <= rho of its parameters.

        J = sqrt(D (R^2 + 1)) (1 + s rho / sqrt(D - 1))^(D - 1),    D = depth >= 2

    s = max(1, slope), |x| <= R = radius. A hidden layer is h -> phi(W h + b), and from
    the second on may be h -> h + phi(W h + b) (with a skip). [derived: it stretches
    |(h, 1)|, and what comes back through it, by at most 1 + s |(W, b)|_F, so that
    |df/d(W_l, b_l)| <= sqrt(R^2 + 1) prod_{m != l} (1 + s |(W_m, b_m)|_F), which is
    largest where all are equal; the ball is convex] Hypotheses: phi(0) = 0, |phi'| <=
    slope; no weight shared.
    """
    reach = math.log1p(max(1.0, slope) * rho / math.sqrt(depth - 1))
    return 0.5 * math.log(depth * (radius**2 + 1)) + (depth - 1) * reach


def deep(
    p: int,
    depth: int,
    largest: float,
    radius: float,
    shared: int = 1,
    slope: float = 1.0,
) -> float:
    """log J of a network of `depth` layers with parameters in [-W, W]^p.

        J = R (s W Q p)^D,       W = largest >= 1, Q = shared, D = depth, R >= 1

    Q: the largest number of entries of the layers that one parameter fills; p counts it
    once. Any forward skips. [Bubeck & Sellke 2021, section 3, with 1-Lipschitz phi; the
    factor s^D for steeper ones is derived] Hypotheses: phi(0) = 0, |x| <= R = radius.
    """
    reach = max(1.0, slope) * max(1.0, largest) * shared * p
    return math.log(max(radius, 1.0)) + depth * math.log(reach)


def layer_norms(p: int, depth: int, largest: float, shared: int = 1) -> float:
    """log of the largest B(w) = max_i prod_{j != i} |W_j|_op over [-W, W]^p.

        B(w) <= (W sqrt(p Q))^D      i = 0 leaves no layer out, W >= 1

    [Bubeck & Sellke 2021, Lemma 3.1; |W_j|_op <= |W_j|_F] Units: of f a unit of x.
    """
    return depth * math.log(max(1.0, largest) * math.sqrt(p * shared))


def from_layer_norms(p: int, log_norms: float, radius: float, shared: int = 1) -> float:
    """log J of networks whose layers' norms multiply to B(w) <= B.

        J = B Q R sqrt(p),      log_norms = log B

    [Bubeck & Sellke 2021, Lemma 3.1, as printed] That B bounds both networks is all
    it asks; going from one to the other layer by layer needs B to hold for every mix of
    their layers too, as it does on a box [-W, W]^p.
    """
    return log_norms + math.log(shared * max(radius, 1.0)) + 0.5 * math.log(p)
