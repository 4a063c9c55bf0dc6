"""Pass rules: what a config predicted before it was run, judged on a run's rows."""

from dataclasses import dataclass
from typing import Literal

from isorobust.results.statistics import Exponent, Slope, Summary

__all__ = ["Exponent", "Rule", "Slope", "Summary"]


@dataclass(frozen=True)
class Rule:
    """A prediction: `claim` in words, and where the statistic has to lie.

    within: (low, high), both allowed; -inf and inf leave a side open
    judged: "estimate" (the number has to lie there) or "interval" (all of it)
    """

    claim: str
    statistic: Summary | Exponent | Slope
    within: tuple[float, float]
    judged: Literal["estimate", "interval"] = "estimate"
