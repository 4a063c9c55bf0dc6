"""Cases: what a table computes without training, one row a seed.

A case is a frozen dataclass with

    kind: a word; block: the rows that a table may pool; shown: columns it shows
    rows(seeds, delta) -> one flat dict (JSON) a seed: numbers, texts, None
    objection() -> what is wrong with it, or None
"""

from isorobust.cases.family import Family

__all__ = ["Family"]
