"""The radii of a network's training points, as columns of its record."""

import numpy as np


def columns(found: dict, upper: float | None) -> dict:
    """Attained radii over the points classified as labelled, and over the certificate.

    found: the row of bound_radius.json; upper: the certified Lipschitz constant on R^d.

        certified radius = |f(x_i)| / upper <= true distance <= attained radius

    radius_points, radius_missed: points looked at, and those where no flip was found
    (they are in no other column but the first). radius_least, _median: attained
    lengths; certified_median: |f(x_i)| / upper; radius_over_certified_least, _median,
    _p95: quantiles over points of the quotient, >= 1 each. None without such points.
    """
    sizes = np.array(found.get("sizes", ()), float)
    radii = np.array(found.get("radii", ()), float)  # null: nan
    there = np.isfinite(radii)
    row: dict = {"radius_points": len(radii), "radius_missed": int((~there).sum())}
    sizes, radii = sizes[there], radii[there]
    names: tuple[str, ...] = ("radius_least", "radius_median", "certified_median")
    names += tuple(f"radius_over_certified_{n}" for n in ("least", "median", "p95"))
    row |= dict.fromkeys(names)
    if len(radii):
        row |= {"radius_least": radii.min(), "radius_median": np.median(radii)}
    if len(radii) and upper:
        certified = sizes / upper
        quotients = np.quantile(radii / certified, (0, 0.5, 0.95))
        row |= {"certified_median": np.median(certified)}
        row |= dict(zip(names[3:], quotients, strict=True))
    return {k: float(v) if isinstance(v, np.floating) else v for k, v in row.items()}
