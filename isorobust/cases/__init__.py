"""Cases: what a table computes without training, one row a seed.

A case is a frozen dataclass with

    kind: a word; block: the rows that a table may pool; shown: the columns it shows
    uid: its identity (experiment.digest of its description)
    rows(seeds, delta) -> one flat dict (JSON) a seed: numbers, texts, booleans, None;
        "kind", "block", "cell" (its uid) and "seed" among them
    check() -> what is wrong with its fields, or None
"""

from isorobust.cases.family import Family
from isorobust.cases.geometry import Geometry

__all__ = ["Family", "Geometry"]
