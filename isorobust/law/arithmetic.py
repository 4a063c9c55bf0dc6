"""The paper's arithmetic of real data sets: what n and d_eff say of p, in ranges.

Bubeck & Sellke 2021, section 1.1, call it "highly speculative", and it is: d_eff of
images is a guess, sigma^2 is "a few per cent", and the law's constants and logarithms
are left out.
"""

from dataclasses import dataclass

from isorobust.law.theorem import theorem3_points

__all__ = ["CASES", "MADRY", "Case", "Range", "madry_p", "needed", "theorem_epsilon"]

Range = tuple[float, float]


def needed(
    n: int, d_eff: Range, lipschitz: float = 1.0, noise: Range = (1.0, 1.0)
) -> Range:
    """The range of p = sigma^2 n d_eff / L^2: the law solved for p.

    The bare law (noise = 1) is the paper's p >= n d_eff for L ~ 1; an interpolant of
    labels with noise sigma^2 has L >~ sigma sqrt(n d_eff / p) [derived, from
    floors.signal], so less noise needs fewer parameters.
    """
    low, high = (n * d * s / lipschitz**2 for d, s in zip(d_eff, noise, strict=True))
    return low, high


def theorem_epsilon(n: int, components: int = 1, delta: float = 0.01) -> float:
    """The least eps at which Theorem 3 speaks of n points; above 1: it never does.

    sqrt(8^4 K log(8 K / delta) / n); labels are within [-1, 1], so eps <= sigma^2 <= 1.
    """
    return float((theorem3_points(1.0, components, delta) / n) ** 0.5)


@dataclass(frozen=True)
class Case:
    """A data set of the paper.

    n, d: training points, numbers in an image; classes: K
    d_eff: the paper's guess; of ImageNet only "a couple of orders smaller" than d,
        which is read here as 20 to 200 times
    said: the p that the paper derives; used: the p of networks, as the paper tells
    """

    name: str
    n: int
    d: int
    classes: int
    d_eff: Range
    said: Range
    used: Range
    what: str


CASES = (
    Case(
        "MNIST", 60_000, 784, 10, (15, 150), (1e6, 1e7), (2e5, 3e6),
        "from 10 % to 90 % robust accuracy at 2e5, 95 % at 3e6 (Madry et al. 2018)",
    ),
    Case(
        "ImageNet", 14_000_000, 200_000, 1000, (1e3, 1e4), (1e10, 1e11), (1e8, 1e9),
        "in use in 2021",
    ),
)  # fmt: skip


def madry_p(scale: int) -> int:
    """Parameters of the MNIST network of Madry et al. 2018 at a capacity scale.

    Two convolutions of 2 s and 4 s filters (5 x 5, SAME), a 2 x 2 pooling after each, a
    dense layer of 64 s units, ten outputs; biases count:
        (25 + 1) 2s + (25 * 2s + 1) 4s + (7 * 7 * 4s + 1) 64s + (64s + 1) 10
    """
    first, second, dense, side = 2 * scale, 4 * scale, 64 * scale, 28 // 2 // 2
    convolutions = (25 + 1) * first + (25 * first + 1) * second
    return convolutions + (side**2 * second + 1) * dense + (dense + 1) * 10


MADRY = {scale: madry_p(scale) for scale in (1, 2, 4, 8, 16)}
