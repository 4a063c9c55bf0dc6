"""What the law says of n, d, p: floors, which theorem applies, how large p must be."""

from argparse import ArgumentParser, ArgumentTypeError, Namespace
from collections.abc import Callable
from typing import Any

from isorobust.door import NAMES, BadInput, Between, parse

# beyond them squares and powers leave the floating-point numbers
COUNT, SIZE = Between(1, 10**15), Between(1e-60, 1e60)
# what --data brings itself, or can't use
NOT_OF_DATA = ("n", "d", "epsilon", "rho", "J", "bits", "distribution", "components")


def arguments(parser: ArgumentParser) -> None:
    """Declares the arguments."""
    whole, real = _number(int, COUNT), _number(float, SIZE)
    share = _number(float, Between(1e-60, 1))
    chance = _number(float, Between(1e-60, 0.5))
    for name, kind, words in (
        ("n", whole, "training points"),
        ("d", whole, "input dimension"),
        ("width", whole, "two layers of so many units: p = width (d + 2) + 1"),
        ("p", whole, "real parameters of another class, which --J tells of"),
        ("J", real, "|f_w(x) - f_v(x)| <= J |w - v| for |w|, |v| <= rho (rounded up "
         "to a power of two)"),
        ("rho", real, "length of all parameters, of a network after balancing"),
        ("bits", whole, "bits of a weight, where weights are quantised"),
        ("epsilon", share, "how far below the noise: MSE <= sigma^2 - epsilon"),
        ("delta", chance, "chance with which a floor may fail; .01 by default"),
        ("components", whole, "components of the law of x; its own by default"),
        ("lip", real, "the other way round: how many parameters let Lip be at most "
         "this; 1 by default"),
    ):  # fmt: skip
        parser.add_argument(f"--{name}", type=kind, metavar=name.upper(), help=words)
    parser.add_argument(
        "--distribution",
        metavar="LAW",
        help="law of x: sphere (by default), 'mixture(modes=8)', ...",
    )
    parser.add_argument(
        "--data",
        metavar="DATA",
        help="digits, FILE.npz, or a folder with MNIST's IDX files or CIFAR-10's "
        "binary version: estimates sigma^2 and d_eff = d / c, as ranges",
    )
    parser.add_argument(
        "--paper", action="store_true", help="the paper's own numbers as well"
    )
    parser.add_argument("--json", action="store_true", help="print JSON")


def call(args: Namespace) -> None:
    """Prints the answer."""
    from isorobust.cli import estimate, paper, sheet, state

    _combination(args)
    if args.data is not None:
        answer = estimate.answer(args)
    elif args.n is None:
        answer = paper.answer(args)
    else:
        answer = state.answer(args)
    sheet.show(answer, args.json)


def _combination(args: Namespace) -> None:
    """Raises BadInput for flags that don't go together, or that are missing."""
    if args.p is not None and args.width is not None:
        raise BadInput("--p and --width: give one of them; a width has its own p")
    if args.data is not None:
        for name in NOT_OF_DATA:
            if getattr(args, name) is not None:
                raise BadInput(f"--{name} and --data: data is what it is; give one")
        return
    stated = [getattr(args, name) for name in (*NOT_OF_DATA, "width", "p", "lip")]
    if args.paper and stated == [None] * len(stated):
        return
    _class(args)
    required = {"n": args.n, "d": args.d, "epsilon": args.epsilon}
    if args.bits is None:
        required["rho"] = args.rho
    missing = [f"--{name}" for name, value in required.items() if value is None]
    if missing:
        raise BadInput(f"the following arguments are required: {', '.join(missing)}")
    if args.p is None and args.width is None and args.lip is None:
        raise BadInput("which class? --width=..., or --p=... (or --lip=... alone)")


def _class(args: Namespace) -> None:
    """Raises BadInput where the class of functions isn't told."""
    if args.J is not None and args.width is not None:
        raise BadInput("--J and --width: a width has its own J; --J goes with --p")
    if args.p is not None and args.J is None and args.bits is None:
        raise BadInput("--p needs --J and --rho (or --bits): which class is it?")
    if args.J is not None and args.rho is None:
        raise BadInput("--J needs --rho, the size of the ball that it holds on")


def _number(kind: type, *ranges: Any) -> Callable[[str], Any]:
    """The type of a flag: a number within all ranges."""

    def read(text: str) -> Any:
        allowed = f"must be {NAMES[kind]} {' and '.join(map(str, ranges))}"
        try:
            value = parse(text, kind, "")
        except BadInput:
            raise ArgumentTypeError(f"{text!r}: {allowed}") from None
        finite = abs(value) < float("inf")
        if not (finite and all(r.holds(value) for r in ranges)):
            raise ArgumentTypeError(f"{text!r}: {allowed}")
        return value

    return read
