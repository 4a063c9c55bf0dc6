"""GEOMETRY: are random points a diameter apart, and do Lipschitz functions concentrate?

Question. The law of robustness rests on isoperimetry: every 1-Lipschitz function of x
varies by sqrt(c / d) at most. How far apart do random points lie, and what constant c
do 1-Lipschitz functions show, for six laws whose constant is known and three that have
none (a cube's corners, Gaussians of random radius, independent Laplace coordinates)?

Prediction (written after trials of the case at six of the nine d, before any run of
this file; the numbers are those of the theory). Distances, in units of the points' root
mean square length, have mean sqrt(2) within 1 % from d = 64 on, where the law is spread
evenly over d dimensions: .707 of a diameter, not a diameter. Their standard deviation
and that of Lipschitz functions fall as d^(-.5 +- .03). c_hat lies within 10 % of c for
Gaussians (N(0, I/d), N(0, I), one of fixed stable rank, whose c grows as d) and for
spheres (whole, and of 7 dimensions within d); for the solid cube it is about 1, below
the 6 / pi that is proven. No law with a constant is flagged. The laws of random radius
and of Laplace coordinates are flagged at every d, the corners from d = 32 on, with
c_hat growing as d^(1 +- .1), not at all in estimated moments (tails show Laplace), and
as d^(.5 +- .1). On the embedded sphere distances don't depend on d.

Command.  isorobust run --config=configs/geometry.py --workdir=runs/geometry
Cost.     0.7 minutes on 2 CPU cores, nothing is compiled; `:smoke` some 3 seconds.
"""

import math
from typing import Any

from isorobust.cases import Geometry
from isorobust.data import (
    AnisotropicGaussian,
    Cube,
    DiscreteCube,
    EmbeddedSphere,
    Gaussian,
    ProductLaplace,
    ScaleMixture,
    Sphere,
    UnnormalisedGaussian,
)
from isorobust.experiment import Experiment
from isorobust.results.rules import Exponent, Rule, Summary

__all__ = ["cpu", "smoke"]

LAWS: tuple[Any, ...] = (
    Sphere(),
    Gaussian(),
    Cube(),
    UnnormalisedGaussian(),
    AnisotropicGaussian(stable_rank=4),
    EmbeddedSphere(m=8),
    DiscreteCube(),
    ScaleMixture(),
    ProductLaplace(),
)
D = (8, 16, 32, 64, 128, 256, 512, 1024, 2048)
EVEN = tuple(
    f"distribution != {name}"
    for name in ("AnisotropicGaussian", "EmbeddedSphere", "ScaleMixture")
)
SPREAD = ("Sphere", "Gaussian", "Cube", "UnnormalisedGaussian")
ATTAINED = (*(law for law in SPREAD if law != "Cube"), "AnisotropicGaussian")
CONTROLS = ("DiscreteCube", "ProductLaplace", "ScaleMixture")


def cpu() -> Experiment:
    """9 laws x 9 dimensions x 2 seeds, 4 million coordinates or 6000 points each."""
    cases = tuple(
        Geometry(law, d, max(6000, 4_000_000 // d)) for law in LAWS for d in D
    )
    rules = (*_distances(), *_functions(), *_flags())
    return Experiment("GEOMETRY", 1, seeds=2, cases=cases, rules=rules)


def smoke() -> Experiment:
    """The same in seconds: a test that everything runs, not a table."""
    cases = tuple(Geometry(law, d, 4000) for law in LAWS for d in (16, 64))
    return Experiment("GEOMETRY-smoke", 1, seeds=1, cases=cases, rules=_flags()[:1])


def _of(law: str) -> str:
    return f"distribution = {law}"


def _distances() -> tuple[Rule, ...]:
    high = ("d >= 64", *EVEN)
    mean, near = "mean_over_sqrt2", "near_sqrt2"
    even = (*SPREAD, "DiscreteCube", "ProductLaplace")
    return (
        Rule(
            "least mean distance / sqrt 2", Summary(mean, "least", high), (0.99, 1.01)
        ),
        Rule("largest of them", Summary(mean, "largest", high), (0.99, 1.01)),
        Rule(
            "random points lie .707 diameters apart",
            Summary("diameters", "median", high),
            (0.70, 0.714),
        ),
        Rule(
            "share of distances within 5 % of sqrt 2, d = 2048",
            Summary(near, "least", ("d = 2048", *EVEN)),
            (0.98, 1),
        ),
        *(
            Rule(
                f"sd of distances on {law} falls as d^-1/2",
                Exponent("sd_distance", "d", where=(_of(law),)),
                (-0.53, -0.47),
            )
            for law in even
        ),
        Rule(
            "distances on the embedded sphere don't depend on d",
            Exponent("sd_distance", "d", where=(_of("EmbeddedSphere"),)),
            (-0.03, 0.03),
        ),
    )


def _functions() -> tuple[Rule, ...]:
    theory = "over_theory"
    return (
        *(
            Rule(
                f"sd of Lipschitz functions on {law} falls as d^-1/2",
                Exponent("sd_function", "d", where=(_of(law),)),
                (-0.53, -0.47),
            )
            for law in ("Sphere", "Gaussian", "Cube")
        ),
        *(
            Rule(
                f"{how} c_hat / c on {law}",
                Summary(theory, how, (_of(law),)),
                (0.9, 1.1),
            )
            for law in (*ATTAINED, "EmbeddedSphere")
            for how in ("least", "largest")
        ),
        Rule(
            "c_hat of the solid cube is about 1",
            Summary("c_hat", "median", (_of("Cube"),)),
            (0.9, 1.1),
        ),
        Rule(
            "and never above 6 / pi",
            Summary(theory, "largest", (_of("Cube"),)),
            (0, 1),
        ),
    )


def _flags() -> tuple[Rule, ...]:
    good = tuple(f"distribution != {name}" for name in CONTROLS)
    return (
        Rule(
            "no law with a constant is flagged", Summary("flagged", "sum", good), (0, 0)
        ),
        *(
            Rule(
                f"{law} is flagged, d >= {least}",
                Summary("flagged", "least", (_of(law), f"d >= {least}")),
                (1, 1),
            )
            for law, least in (
                ("DiscreteCube", 32),
                ("ProductLaplace", 8),
                ("ScaleMixture", 8),
            )
        ),
        Rule(
            "c of the corners grows as d^1/2",
            Exponent("c_hat", "d", where=(_of("DiscreteCube"),)),
            (0.4, 0.6),
        ),
        Rule(
            "c of random radii grows as d",
            Exponent("c_hat", "d", where=(_of("ScaleMixture"),)),
            (0.9, 1.1),
        ),
        Rule(
            "tails of Laplace coordinates",
            Summary("c_low", "least", (_of("ProductLaplace"),)),
            (2, math.inf),
        ),
    )
