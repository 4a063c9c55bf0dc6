"""Statistics of rows that a pass rule can name: summaries, exponents, slopes.

`where`: conditions such as "d >= 64", "family = McShane", "block ~ Adam" (contains);
a row without the column doesn't meet it. Columns may be quotients: "upper / floor".
"""

from dataclasses import dataclass
from typing import Literal

__all__ = ["Exponent", "Slope", "Summary"]


@dataclass(frozen=True)
class Summary:
    """One number over the rows where the column is a number."""

    column: str
    how: Literal["least", "largest", "median", "mean", "sum", "count"] = "median"
    where: tuple[str, ...] = ()


@dataclass(frozen=True)
class Exponent:
    """The exponent of `factor` in response = C prod_f f^(e_f), by least squares.

    Of log means over seeds; 95 % interval by resampling cells (scaling.power_law).
    factors: all that are fitted, `factor` among them; () means factor alone.
    what: "exponent", or "r2" for the share of variance explained
    """

    response: str
    factor: str
    factors: tuple[str, ...] = ()
    where: tuple[str, ...] = ()
    what: Literal["exponent", "r2"] = "exponent"


@dataclass(frozen=True)
class Slope:
    """b of response = a + b factor over cells; what = "a" gives the intercept."""

    response: str
    factor: str
    where: tuple[str, ...] = ()
    what: Literal["b", "a", "r2"] = "b"
