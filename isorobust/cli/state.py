"""The law of numbers that were stated: n, d, a class of functions and a law of x."""

import math
import re
from argparse import Namespace
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from isorobust import data
from isorobust.cli import paper
from isorobust.cli.sheet import Answer, Row, number
from isorobust.door import BadInput, fields, nearest, parse, validate
from isorobust.law import capacity, floors, theorem
from isorobust.law.arithmetic import CASES
from isorobust.law.setting import Setting

LIP, DELTA = 1.0, 0.01
POINTS = "needs points and labels: a run, or --data"
TINY = 1e-12  # floors take epsilon in steps of .01: .29 is to be 29 of them
NO_P = "neither --width nor --p is given"
NO_BALL = "needs --rho (and --J with --p)"


def answer(args: Namespace) -> Answer:
    """Floors, hypotheses and required p of the flags."""
    law = distribution(args.distribution or "sphere", args.n, args.d)
    if law.components > 1 and args.components not in (None, law.components):
        raise BadInput(f"--components={args.components}: {law} has {law.components}")
    s = setting(args, law)
    facts = _facts(s, args, law)
    tables, told = _tables(facts, s), _told(facts)
    if args.paper or any((c.n, c.d) == (s.n, s.d) for c in CASES):
        facts["paper"] = paper.facts(s.delta)
        tables.append(paper.table(s.delta, _ours(s, facts["p"])))
        told += paper.told(s.delta)
    return Answer(facts, (_head(facts),), tuple(tables), tuple(told))


def _facts(s: Setting, args: Namespace, law: Any) -> dict:
    """For JSON: every number, and under "reasons" why some are None."""
    lip = LIP if args.lip is None else args.lip
    silent = _silent(s, args, law)
    required, reasons = _required(s, args, lip, silent)
    if s.c is None:
        reasons["d_eff"] = silent["law"]
    p = None if args.p is None and args.width is None else s.p
    if p is None:
        reasons |= dict.fromkeys(("p", "law_ratio"), NO_P)
        silent = dict.fromkeys(("theorem", "sharp", "quantised"), NO_P) | (
            silent if s.c is None else {}
        )
    found = _floors(s, silent)
    reasons |= {f"floor_{k}": f.reason for k, f in found.items() if f.value is None}
    return {
        "n": s.n,
        "d": s.d,
        "p": p,
        "d_eff": None if s.c is None else s.d / s.c,
        "law_ratio": None if p is None else theorem.law_ratio(s.n, s.d, p),
        **{f"floor_{name}": floor.value for name, floor in found.items()},
        "theorem_applies": theorem.literal_applies(s),
        "theorem_needs_n": theorem.theorem3_points(args.epsilon, s.components, s.delta),
        **required,
        "lip": lip,
        "distribution": str(law),
        "components": s.components,
        "c": s.c,
        "epsilon": args.epsilon,
        "rho": args.rho,
        "log_j": s.log_sensitivity if s.has_ball and s.radius is not None else None,
        "delta": s.delta,
        "width": args.width,
        "bits": args.bits,
        "reasons": reasons,
    }


def distribution(text: str, n: int, d: int) -> Any:
    """The law of x that a text names, such as sphere or mixture(modes=8).

    Raises BadInput for an unknown name or field, and for a law that d has no room for.
    """
    where = f"--distribution={text}"
    kinds = [getattr(data, name) for name in data.__all__]
    shelf = {
        kind.__name__.lower(): kind
        for kind in kinds
        if hasattr(kind, "isoperimetry") and not getattr(kind, "labelled", False)
    }
    match = re.fullmatch(r"(\w+)(?:\((.*)\))?", text.strip())
    if match is None or match[1].lower() not in shelf:
        name = match[1].lower() if match else text
        raise BadInput(f"{where}: no such law; {nearest(name, shelf)}")
    kind, chosen = shelf[match[1].lower()], {}
    types = {f.name: f.type for f in fields(kind)}
    for part in filter(None, (word.strip() for word in (match[2] or "").split(","))):
        name, _, value = (word.strip() for word in part.partition("="))
        if name not in types:
            raise BadInput(f"{where}: {name!r} is no field; {nearest(name, types)}")
        chosen[name] = parse(value, types[name], f"{where}: {name}")
    law = kind(**chosen)
    validate(law, f"{where}: ")
    if hasattr(law, "objection"):
        complaint = law.objection(SimpleNamespace(n=n, d=d))
        if complaint:
            raise BadInput(f"{where}: {complaint}")
    return law


def setting(args: Namespace, law: Any) -> Setting:
    """What the floors have to know: the labels are balanced signs, fitted to eps."""
    delta = DELTA if args.delta is None else args.delta
    c = law.isoperimetry(args.d)
    radius = None if c is None else law.radius(args.n, args.d, delta / 2)
    # without a class the J of two layers is meant: of p it doesn't depend
    layered = args.J is None and args.p is None
    width = args.width or 1 if layered else None
    p = args.p or (args.width * (args.d + 2) + 1 if args.width else 1)
    return Setting(
        n=args.n, d=args.d, p=p, mse=max(1 - args.epsilon - TINY, 0.0),
        noise_variance=1.0, signs=True, independent=True, imbalance=0.0,
        components=args.components or law.components, c=c, radius=radius,
        on_sphere=law.on_sphere, label_gap=0.0, pair_square=0.0, delta=delta,
        width=width, rho=args.rho, log_j=None if args.J is None else math.log(args.J),
        bits=None if args.bits is None else float(args.bits * p),
    )  # fmt: skip


def _silent(s: Setting, args: Namespace, law: Any) -> dict[str, str]:
    """Why a statement about p says nothing, by its name."""
    if s.c is None:
        rough = f"{law} is not isoperimetric: its c grows with d"
        return dict.fromkeys(("law", "theorem", "sharp", "quantised"), rough)
    silent = {}
    if args.epsilon < floors.GRID:
        silent = dict.fromkeys(("sharp", "quantised"), "epsilon < .01 counts as 0")
    if args.bits is None:
        silent["quantised"] = "needs --bits"
    if not s.has_ball:
        silent |= dict.fromkeys(("theorem", "sharp"), NO_BALL)
    return silent


def _floors(s: Setting, silent: dict[str, str]) -> dict[str, floors.Floor]:
    """The floors by name, each with a value or the reason why it has none."""
    ways: dict[str, Callable[[Setting], floors.Floor]] = {
        "theorem": _theorem,
        "sharp": floors.sharp,
        "quantised": floors.quantised,
    }
    found = {
        name: floors.Floor(None, silent[name]) if name in silent else floor(s)
        for name, floor in ways.items()
    }
    return found | {
        name: floors.Floor(None, POINTS) for name in ("data", "rank", "noise")
    }


def _theorem(s: Setting) -> floors.Floor:
    """Theorem 3 as printed; the one reason it is silent here is a tiny class."""
    value = theorem.literal_floor(s)
    tiny = "W J is below epsilon / 60: the class is one function"
    return floors.Floor(value, None if value is not None else tiny)


def _required(
    s: Setting, args: Namespace, lip: float, silent: dict[str, str]
) -> tuple[dict, dict]:
    """({required_p, ...}, reasons): how many parameters let Lip be at most lip."""
    ways: dict[str, Callable[[], float | None]] = {
        "law": lambda: capacity.law_p(s.n, s.d, lip) / (s.c or 1.0),
        "theorem": lambda: capacity.required_p_theorem(s, lip),
        "sharp": lambda: capacity.required_p(s, lip),
        "quantised": lambda: _weights(capacity.required_bits(s, lip), args.bits),
    }
    values = {name: None if name in silent else p() for name, p in ways.items()}
    found = {f"required_p_{name}": value for name, value in values.items()}
    chosen = "sharp" if args.bits is None else "quantised"
    found = {"required_p": values[chosen], **found}
    why = {f"required_p_{k}": reason for k, reason in silent.items()}
    why["required_p"] = silent.get(chosen, "")
    nothing = "no p is large enough"
    return found, {k: why.get(k) or nothing for k, v in found.items() if v is None}


def _weights(bits: float | None, each: int) -> int | None:
    """How many weights of so many bits hold that many."""
    return None if bits is None else max(1, math.ceil(bits / each))


def _head(facts: dict) -> str:
    said = [f"n = {facts['n']}", f"d = {facts['d']}", f"x: {facts['distribution']}"]
    if facts["c"] is not None:
        said.append(f"c = {facts['c']:.4g}, d_eff = d / c = {facts['d_eff']:.4g}")
    if facts["p"] is not None:
        said.append(f"p = {facts['p']}")
    if facts["rho"] is not None:
        said.append(f"rho = {facts['rho']:g}")
    if facts["log_j"] is not None:
        said.append(f"log J = {facts['log_j']:.4g}")
    return ", ".join([*said, f"MSE <= sigma^2 - {facts['epsilon']:g}, labels +-1"])


def _tables(facts: dict, s: Setting) -> list[tuple[Row, list[Row]]]:
    """What Lip can't be below; what p can't be below."""
    sure = f"with probability {1 - s.delta:g}, labels balanced and independent of x"
    applies = "hypothesis holds: " if facts["theorem_applies"] else "doesn't apply: "
    literal = f"{applies}needs n >= {facts['theorem_needs_n']}"
    of: dict[str, Row] = {
        "law_ratio": ("law sqrt(n d / p)", "up to constants, logarithms and epsilon"),
        "floor_theorem": ("Theorem 3 as printed", literal),
        "floor_sharp": ("sharp", sure),
        "floor_quantised": ("quantised", sure),
        "floor_data": ("data", ""),
        "floor_rank": ("rank", ""),
        "floor_noise": ("noise", ""),
    }
    back: dict[str, Row] = {
        "required_p_law": ("law n d_eff / L^2", of["law_ratio"][1]),
        "required_p_theorem": ("Theorem 3 as printed", literal),
        "required_p_sharp": ("sharp", sure),
        "required_p_quantised": ("quantised", sure),
    }
    return [
        (("Lip is at least", "", "if"), _rows(of, facts)),
        ((f"Lip <= {facts['lip']:g} takes p of", "", "if"), _rows(back, facts)),
    ]


def _rows(of: dict[str, Row], facts: dict) -> list[Row]:
    reasons = facts["reasons"]
    return [
        (name, number(facts[key]), reasons.get(key, words))
        for key, (name, words) in of.items()
    ]


def _ours(s: Setting, p: int | None) -> Row | None:
    """The row of what was stated, beside the paper's."""
    if s.c is None:
        return None
    span = (s.d / s.c, s.d / s.c)
    return paper.row("yours", s.n, s.d, span, p, s.components, s.delta)


def _told(facts: dict) -> list[str]:
    """What else to know of these numbers."""
    lines = ["Fewer parameters can't be that smooth; that so many can isn't said."]
    required, width = facts["required_p"], facts["width"]
    if required is not None and width is not None:
        least = max(1, math.ceil((required - 1) / (facts["d"] + 2)))
        lines.append(f"p >= {required} takes a width of {least} or more.")
    return lines
