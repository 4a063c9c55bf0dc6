"""What others published of their networks, as data, and our rows beside it; numpy.

Bubeck, Li, Nagaraj, "A law of robustness for two-layers neural networks", COLT 2021
(PMLR v134:804-820), section 5: two-layer ReLU networks with batch norm fit random
signs at n points of N(0, I/d) with k neurons by Adam; y is the largest |grad f| at 1000
fresh points. They print no numbers: these were read off the vector figures.
"""

import math
from pathlib import Path
from typing import Any

import numpy as np

# ordinary least squares through the 906 points of figure 2 (a test recomputes them)
INTERCEPT, SLOPE, R2 = 3.38, 1.40, 0.878

# figure 3, n = 10^4, MSE <= .1: (d, largest gradient), some of the 38 points of each
FIGURE_3_FEW = (  # k = 10 n / d (red): grows with sqrt(d)
    (20, 7.1), (500, 12.9), (1000, 15.8), (2000, 22.9), (4000, 34.2)
)  # fmt: skip
FIGURE_3_MANY = (  # k = n (blue): hardly grows
    (20, 7.3), (100, 10.4), (500, 10.9), (1200, 11.0), (2000, 13.9), (4500, 15.1)
)  # fmt: skip


def figure_2() -> np.ndarray:
    """The 906 points [906, 2] of their figure 2: sqrt(n/k), largest gradient."""
    file = Path(__file__).with_name("bln2021_fig2.csv")
    return np.loadtxt(file, delimiter=",", comments="#")


def line(sqrt_n_over_k: float) -> float:
    """y = 3.38 + 1.40 sqrt(n/k): least squares through the points of their figure 2."""
    return INTERCEPT + SLOPE * sqrt_n_over_k


def beside(row: dict[str, Any]) -> dict[str, float]:
    """The columns that set a two-layer network's record beside their figure 2.

    sqrt_n_over_k = sqrt(n / width); published_line = 3.38 + 1.40 sqrt(n/k);
    random_over_published = lower_random / published_line, where `random` was measured.
    {} for rows of anything else. The line is theirs for batch norm, Gaussian points and
    MSE <= .02: of other networks the columns are a comparison, not a prediction.
    """
    if not row.get("width") or not _shallow(row):
        return {}
    ratio = math.sqrt(row["n"] / row["width"])
    found = {"sqrt_n_over_k": ratio, "published_line": line(ratio)}
    if row.get("lower_random") is not None:
        found["random_over_published"] = row["lower_random"] / line(ratio)
    return found


def of_that_kind(row: dict[str, Any]) -> bool:
    """Whether a record is of such a network: batch norm, Gaussian points, any signs."""
    there = str(row.get("distribution")).startswith("Gaussian(")
    return there and _shallow(row) and str(row.get("model", "")).endswith("+bn")


def _shallow(row: dict[str, Any]) -> bool:
    """Whether a record is of a fully connected two-layer network of one output."""
    plain = str(row.get("model", "MLP")).startswith("MLP")
    return plain and row.get("depth") == 2 and row.get("outputs", 1) == 1
