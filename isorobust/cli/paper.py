"""The paper's own numbers, beside which ours are printed."""

from argparse import Namespace

from isorobust.cli.sheet import Answer, Row, between, number
from isorobust.law.arithmetic import (
    CASES,
    MADRY,
    Case,
    Range,
    needed,
    theorem_epsilon,
)
from isorobust.law.theorem import theorem3_points

HEADER = (
    "data", "n", "d", "d_eff", "p = n d_eff", "the paper's p", "p used",
    "Theorem 3 needs n",
)  # fmt: skip
DELTA = 0.1
SOURCE = (
    "Bubeck & Sellke 2021, section 1.1: the bare law, up to constants and logarithms;"
)


def answer(args: Namespace) -> Answer:
    """The paper's numbers alone."""
    delta = DELTA if args.delta is None else args.delta
    return Answer({"paper": facts(delta)}, (), (table(delta),), told(delta))


def facts(delta: float = DELTA) -> list[dict]:
    """One of each data set."""
    return [_facts(case, delta) for case in CASES]


def table(delta: float = DELTA, ours: Row | None = None) -> tuple[Row, list[Row]]:
    """The header and a row a data set, `ours` first."""
    rows = [
        row(
            case.name, case.n, case.d, case.d_eff, case.used, case.classes, delta,
            between(*case.said),
        )
        for case in CASES
    ]  # fmt: skip
    return HEADER, rows if ours is None else [ours, *rows]


def row(
    name: str,
    n: int,
    d: int,
    d_eff: Range,
    used: Range | int | None,
    components: int,
    delta: float,
    said: str = "-",
) -> Row:
    """A row of the table, the paper's or ours."""
    if isinstance(used, tuple):
        networks = between(*used)
    else:
        networks = number(used)
    points = number(theorem3_points(1.0, components, delta))
    p = between(*needed(n, d_eff))
    return name, f"{n:g}", f"{d:g}", between(*d_eff), p, said, networks, points


def told(delta: float = DELTA) -> tuple[str, ...]:
    """What the table leaves open."""
    madry = ", ".join(f"{p} (scale {scale})" for scale, p in MADRY.items())
    used = [f"{case.name}: {case.what}" for case in CASES]
    silent = [f["name"] for f in facts(delta) if not f["theorem_applies"]]
    return (
        SOURCE + " d_eff is its guess (ImageNet's: 20 to 200 times below d).",
        "p used: " + "; ".join(used) + ".",
        f"MNIST networks of Madry et al. 2018 by layers: p = {madry}.",
        "Theorem 3 needs n >= 8^4 K log(8 K / delta) / eps^2, K the classes "
        f"(the table: eps = 1, delta = {delta:g}): as stated it never applies to "
        f"{', '.join(silent) or 'none of these'}.",
    )


def _facts(case: Case, delta: float) -> dict:
    points = theorem3_points(1.0, case.classes, delta)
    return {
        "name": case.name,
        "n": case.n,
        "d": case.d,
        "components": case.classes,
        "d_eff": list(case.d_eff),
        "required_p": list(needed(case.n, case.d_eff)),
        "required_p_stated": list(case.said),
        "p_used": list(case.used),
        "theorem_needs_n": points,
        "theorem_needs_epsilon": theorem_epsilon(case.n, case.classes, delta),
        "theorem_applies": case.n >= points,
        "madry_p": list(MADRY.values()) if case.name == "MNIST" else None,
    }
