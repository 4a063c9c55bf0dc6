"""Power laws of networks of which some failed to fit: estimates or bounds."""

import numpy as np

from isorobust.results.cells import data_of, design, enough, independent, positive
from isorobust.results.censored import Failures, bounds, missed, tobit
from isorobust.results.clustered import Estimate, closed, codes_of, least_squares
from isorobust.results.scaling import Fit, explained


def power_law(
    rows: list[dict],
    response: str,
    factors: tuple[str, ...],
    limit: str | None = None,
) -> Fit | None:
    """log L = a + sum_f e_f log f over networks; those that failed are right-censored.

    limit: the column with what a failed network's L is at least: by maximum likelihood.
    Without it, bounds over what the failed ones could have been (censored.bounds); the
    largest L seen is no such limit. Where nothing failed it is least squares over
    networks. A failed network without its factors (or its limit) is left out.
    None with too few clusters, or where the factors don't vary independently.
    """
    some = [
        row for row in rows if positive(row, (*factors, *_said(row, response, limit)))
    ]
    if not some:
        return None
    x = design([np.log([row[name] for row in some]) for name in factors])
    told = [[row[c] for c in _said(row, response, limit)] for row in some]
    y = np.log([float(values[0]) if values else 1.0 for values in told])
    failed = np.array([not row["reached"] for row in some])
    cells = [row["cell"] for row in some]
    codes, unit = independent(cells, [data_of(row) for row in some], x.shape[1])
    if not enough(x[~failed], codes[~failed]):
        return None
    known = limit is not None or not failed.any()
    sample = Failures(x, y, failed, codes)
    terms, ends, best = _estimates(sample) if known else _bounds(sample)
    return Fit(
        model="log-log, censored",
        terms=dict(zip(factors, terms, strict=True)),
        r2=explained(y[~failed], x[~failed] @ best),
        cells=len(set(cells)),
        networks=len(some),
        excluded=len(rows) - len(some),
        clusters=len(np.unique(codes)),
        unit=unit,
        kind="estimates" if known else "bounds",
        failed=int(failed.sum()),
        between=dict(zip(factors, ends, strict=False)),
    )


def _said(row: dict, response: str, limit: str | None) -> tuple[str, ...]:
    """The column that says where a row lies."""
    if row["reached"]:
        return (response,)
    return (limit,) if limit else ()


NOTHING = 1e-6  # of log L
Found = tuple[list[Estimate], list[tuple[float, float]], np.ndarray]


def _estimates(rows: Failures) -> Found:
    """The exponents, no ends of a range, and the line."""
    there = ~rows.failed
    codes = codes_of(list(rows.codes[there]))
    best, told = least_squares(rows.x[there], rows.y[there], codes)
    # a line through all rows that lies above the limits is the most likely one
    if rows.failed.any() and missed(rows, best) > NOTHING:
        found = tobit(rows)
        return [found.term(j) for j in range(1, len(found.best))], [], found.best
    unit = np.eye(len(best))
    terms = [closed(float(b), told, c) for b, c in zip(best, unit, strict=True)]
    return terms[1:], [], best


def _bounds(rows: Failures) -> Found:
    """The ranges' middles with their outer limits, the ranges, and the naive line."""
    ends = bounds(rows)[1:]
    between = [(end.low.estimate, end.high.estimate) for end in ends]
    terms = [
        Estimate((low + high) / 2, end.low.low, end.high.high)
        for (low, high), end in zip(between, ends, strict=True)
    ]
    there = ~rows.failed
    return terms, between, np.linalg.lstsq(rows.x[there], rows.y[there])[0]
