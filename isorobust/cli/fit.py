"""Fits power laws to measurements, also others': a JSONL or CSV with named columns."""

from argparse import ArgumentParser, Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

from isorobust.door import BadInput

WILD = 30  # clusters: with fewer, the wild bootstrap's intervals are shown beside
DRAWS = 199  # of clusters, behind the envelope's rough intervals
MANY = 5000  # rows: of more, the envelope is given without an interval
SEED = 0  # of what is drawn: the same file gives the same answer
METHOD = "95 %, CR2 (Bell-McCaffrey) over clusters"
BOUNDED = (
    "no limit is known of the rows that failed: exponents are bounds, from failure at "
    "random to failure exactly above a limit (log L normal; a row fails no less often "
    "the larger its L); low and high are the ends' 95 % intervals"
)
CENSORED = "a row that failed lies at or above its limit (log L normal, one variance)"
NDP = ("n", "d", "p")
TAKEN = {"cell", "data", "reached"}  # by what rows carry into the fits
RATIO = "law_ratio"  # which they carry beside n, d and p


def arguments(parser: ArgumentParser) -> None:
    """Declares the arguments."""
    parser.add_argument("file", metavar="FILE", help="FILE.jsonl or FILE.csv")
    for name, default, words in (
        ("response", "lower", "what is fitted, > 0; lower by default"),
        ("factors", "n,d,p", "what it is a power law of; n,d,p by default"),
        ("cluster", "cell", "rows alike in it may depend on each other; cell by "
         "default"),
        ("censored", None, "true where a row failed: it would lie higher"),
        ("reached", None, "the other way round: true where a row did not fail"),
        ("limit", None, "what the response of a row that failed is at least; without "
         "it there are bounds"),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", default=default, metavar="COLUMN", help=words)
    parser.add_argument("--json", action="store_true", help="print JSON")


def call(args: Namespace) -> None:
    """Prints the exponents."""
    from isorobust.cli import sheet
    from isorobust.progress import say
    from isorobust.results.measured import read

    columns = _columns(args)
    found = read(Path(args.file), columns)
    if found.unasked:
        say(
            f"{args.file}: column 'reached' says of {found.unasked} rows that they did "
            "not fit; --reached=reached counts them as failed"
        )
    _sufficient(args, columns, found.rows)
    sheet.show(_answer(args, columns, found), args.json)


def _columns(args: Namespace) -> Any:
    """The columns' names. Raises BadInput for what can't go together."""
    from isorobust.results.measured import Columns

    factors = tuple(name.strip() for name in args.factors.split(","))
    if "" in factors or len(set(factors)) < len(factors):
        raise BadInput(f"--factors={args.factors}: must be names, each once: n,d,p")
    if args.response in factors:
        raise BadInput(f"--factors={args.factors}: {args.response} is the response")
    for name in TAKEN & {args.response, args.limit, *factors}:
        raise BadInput(f"{name}: can't be response, factor or limit: rename the column")
    for name in ("censored", "reached", "limit"):
        if getattr(args, name) == "":  # of a variable that isn't set, say
            raise BadInput(f"--{name}=: must be the name of a column")
    if set(NDP) <= set(factors) and RATIO in (args.response, *factors):
        raise BadInput(
            f"{RATIO}: is sqrt(n d / p) beside factors n, d, p: rename the column, or "
            "leave one of them out"
        )
    if args.censored and args.reached:
        raise BadInput("--censored and --reached: give one of them")
    if args.limit and not (args.censored or args.reached):
        raise BadInput(
            "--limit goes with --censored (or --reached): which rows failed?"
        )
    return Columns(
        args.response, factors, args.cluster, args.censored, args.reached, args.limit
    )


def _sufficient(args: Namespace, columns: Any, rows: list[dict]) -> None:
    """Raises BadInput where the rows can't tell the exponents."""
    import numpy as np

    from isorobust.results.cells import FEWEST, tells

    there = [row for row in rows if row["reached"]]
    if not there:
        raise BadInput(f"{args.file}: no row that fitted has {columns.response} > 0")
    clusters = len({row["data"] for row in there})
    fewest = max(FEWEST, len(columns.factors) + 2)
    if clusters < fewest:
        raise BadInput(
            f"{args.file}: clusters (column {columns.cluster}): {clusters}; "
            f"{len(columns.factors)} factors need at least {fewest}"
        )
    x: list[Any] = [np.ones(len(there))]
    for name in columns.factors:
        x.append(np.log([row[name] for row in there]))
        if not tells(np.column_stack(x)):
            told = "is a power law of the factors before it"
            if np.ptp(x[-1]) < 1e-6:
                told = "is the same in all rows"
            raise BadInput(f"{args.file}: {name} {told}: leave it out of --factors")


def _answer(args: Namespace, columns: Any, found: Any) -> Any:
    from isorobust.cli.sheet import Answer, number
    from isorobust.results import failures

    there = [row for row in found.rows if row["reached"]]
    response, factors = columns.response, columns.factors
    naive = failures.power_law(there, response, factors)
    fit = failures.power_law(found.rows, response, factors, columns.limit)
    assert naive and fit  # _sufficient has asked
    told = BOUNDED if fit.kind == "bounds" else CENSORED if fit.failed else ""
    facts: dict[str, Any] = {
        "response": response,
        "exponents": {name: asdict(term) for name, term in fit.terms.items()},
        "naive": {name: asdict(term) for name, term in naive.terms.items()},
        "kind": fit.kind,
        "between": fit.between,
        "rows": len(found.rows),
        "censored": fit.failed,
        "excluded": found.excluded,
        "clusters": fit.clusters,
        "r2": fit.r2,
        "interval": METHOD,
        "assumed": told,
    }
    head = "bounds" if fit.kind == "bounds" else "exponent"
    body: list[tuple[str, ...]] = [
        (
            name,
            _interval(fit.terms[name], fit.kind == "bounds"),
            _interval(naive.terms[name]),
        )
        for name in factors
    ]
    others, choice, wild = _others(there, response, factors, fit.clusters)
    facts |= {"models": others, "choice": choice, "wild": wild}
    return Answer(
        facts,
        (f"{response} over {', '.join(factors)}: {len(found.rows)} rows, of which "
         f"{fit.failed} failed, in {fit.clusters} clusters; {found.excluded} excluded; "
         f"R2 {number(fit.r2)}; intervals: {METHOD}",),
        (
            (("factor", head, "naive"), body),
            (("rows that fitted", "term", "estimate"), _lines(others, wild)),
        ),
        tuple(line for line in (told, _said(choice)) if line),
    )  # fmt: skip


def _others(
    rows: list[dict], response: str, factors: tuple[str, ...], clusters: int
) -> tuple[dict, dict | None, dict]:
    """The other models (of rows that fitted), the choice between them, and the wild."""
    import numpy as np

    from isorobust.results import scaling
    from isorobust.results.choice import choose

    rng = np.random.Generator(np.random.Philox(key=SEED))
    draws = DRAWS if len(rows) <= MANY else 0
    fits = {
        "log-log over cells": scaling.power_law(rows, response, factors),
        "Huber's loss": scaling.robust(rows, response, factors),
        "5 % envelope": scaling.envelope(rows, response, factors, rng, draws),
    }
    choice = None
    whole = set(NDP) <= set(factors)
    if whole:
        rows = [row | {RATIO: (row["n"] * row["d"] / row["p"]) ** 0.5} for row in rows]
        choice = choose(rows, response)
    if whole or RATIO in factors:
        fits["a + b sqrt(nd/p)"] = scaling.affine(rows, response)
        fits["a^2 + b^2 nd/p"] = scaling.squares(rows, response)
    wild = None
    if clusters < WILD:
        wild = scaling.power_law(rows, response, factors, rng, "wild")
    return (
        {name: asdict(fit) for name, fit in fits.items() if fit},
        asdict(choice) if choice else None,
        {name: asdict(term) for name, term in wild.terms.items()} if wild else {},
    )


def _lines(models: dict, wild: dict) -> list[tuple[str, ...]]:
    from isorobust.results.clustered import Estimate

    told = {name: fit["terms"] for name, fit in models.items()}
    if wild:
        told["wild bootstrap, over cells"] = wild
    return [
        (model if i == 0 else "", name, _interval(Estimate(**term)))
        for model, terms in told.items()
        for i, (name, term) in enumerate(terms.items())
    ]


def _interval(term: Any, bounds: bool = False) -> str:
    from isorobust.cli.sheet import number

    between = f"[{number(term.low)}, {number(term.high)}]"
    return between if bounds else f"{number(term.estimate)} {between}"


def _said(choice: dict | None) -> str:
    if choice is None:
        return ""
    errors = ", ".join(
        f"{name} {'-' if error is None else f'{error:.3g}'}"
        for name, error in choice["held_out"].items()
    )
    return (
        f"clusters left out are predicted best by {choice['best']}; the simplest that "
        f"is within a standard error: {choice['simplest']} (rms error of the log: "
        f"{errors})"
    )
