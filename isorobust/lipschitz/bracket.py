"""The bracket of ONE network: every bound that may help, the cheap ones first."""

import math
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any, NamedTuple

import jax
import numpy as np

from isorobust.lipschitz import lower, upper
from isorobust.lipschitz.domain import RD, Domain
from isorobust.lipschitz.exact import exact
from isorobust.lipschitz.looked import looked
from isorobust.lipschitz.network import Network
from isorobust.lipschitz.rescaled import Rescaled, rescaled
from isorobust.lipschitz.upper.branched import explored

BUDGET = 10.0  # seconds
CLOSED = 1e-9  # relative width at which lower and upper are one number
ROUNDING = 1e-12  # relative; a lower bound carries its own rounding
STALE = 3  # rounds without news after which a bound isn't asked again
UNITS = 100  # hidden units beyond which enumeration only costs time
FACTOR = 4  # by which a round's work exceeds that of the round before
# about how many seconds a bound's first round takes on one core, mostly of compiling
COST = {
    "product": 0.0, "path": 0.0, "liplt": 0.0, "interval": 0.0, "eclipse": 0.01,
    "certificate": 0.05, "exact": 0.1, "branched": 0.1, "random": 0.2, "data": 0.2,
    "pairs": 0.5, "sweep": 0.8, "ascent": 1.0, "trace": 4.0, "targeted": 4.0,
}  # fmt: skip
UNKNOWN = 0.5  # of a bound that isn't named there
ALWAYS = ("product", "random")  # asked whatever the budget: both sides have a value
# what another round may improve: by other draws (0), or by more work: how much it is
# in the first round
AGAIN = {
    "sweep": 0, "targeted": 0, "trace": 0, "ascent": 0, "branched": 512, "exact": 100,
}  # fmt: skip
# who can't profit, so that it needn't be compiled; others say so themselves, at once
SPARED = {
    "ascent": ("piecewise linear", lambda net: net.kinked),
    "trace": ("smooth", lambda net: not net.kinked),
    "exact": ("too large to enumerate", lambda net: net.d > 2 and _units(net) > UNITS),
}


class Crossed(ArithmeticError):
    """A lower bound above an upper one: a defect of this package, never a result."""


class Method(NamedTuple):
    """What one bound gave.

    side: lower, upper, or exact; seconds: of all its rounds, compiling included
    """

    side: str
    value: float
    seconds: float


@dataclass(frozen=True)
class Bracket:
    """lower <= L <= upper on a domain, and where that comes from.

    upper: certified; or `exact`'s, which is so up to cells too thin for float64
    exact: L where lower and upper agree to 1e-9; else None
    domain: rd, ball:R or sphere; domain.py says which constant that is
    methods: name -> Method; skipped: name -> why it wasn't asked
    witness: the point [d] where `lower` is attained, or the pair of points [2, d]
    """

    lower: float
    upper: float
    exact: float | None
    domain: str
    methods: dict[str, Method]
    skipped: dict[str, str]
    witness: list


def bracket(
    net: Network,
    domain: Domain = RD,
    budget: float = BUDGET,
    data: tuple[np.ndarray, np.ndarray | None] | None = None,
) -> Bracket:
    """Brackets the Lipschitz constant of one network on a domain.

    What is expected to take least is asked next, be it a bound's first round (COST) or
    another of those in AGAIN, with other draws or more work; until lower and upper
    agree to 1e-9, nothing brings news any more, or nothing fits the `budget`
    [seconds]. Values hold however short that is; which bounds had their turn depends on
    the machine's speed, unless it is math.inf.

    net: float64 layers, any depth >= 1; data: (x [n, d], y [n] or None), where lower
    bounds look besides their own draws (at most looked.MOST of them)

    Raises Crossed if a lower bound is above an upper one.
    """
    search = _Search(rescaled(net, domain), domain, data, time.perf_counter() + budget)
    while not search.closed():
        name = search.next()
        if name is None:
            break
        search.ask(name)
    return search.result()


@dataclass
class _Search:
    """What is known so far; values are those of the network as the user gave it."""

    unit: Rescaled
    domain: Domain
    data: Any
    deadline: float
    lower: float = 0.0
    upper: float = math.inf
    best: tuple[str, str] = ("nothing", "nothing")  # which bounds these are
    witness: np.ndarray | None = None
    methods: dict[str, Method] = field(default_factory=dict)
    done: set[str] = field(default_factory=set)  # another round can't help
    # of each bound: rounds so far, seconds of the last, rounds since it brought news
    turns: Counter = field(default_factory=Counter)
    last: dict[str, float] = field(default_factory=dict)
    stale: Counter = field(default_factory=Counter)

    @property
    def special(self) -> dict[str, Callable[[int], tuple[str, float]]]:
        """Bounds with something to say on both sides."""
        return {"exact": self._ask_exact, "branched": self._ask_branched}

    def closed(self) -> bool:
        """Whether lower and upper are one number."""
        return self.lower >= self.upper * (1 - CLOSED)

    def next(self) -> str | None:
        """The bound to ask now: the one that takes least; None if none fits."""
        left = self.deadline - time.perf_counter()
        fits = {n: s for n in shelf() if (s := self._seconds(n)) <= left}
        fits |= {n: 0.0 for n in ALWAYS if not self.turns[n]}
        return min(fits, key=lambda name: fits[name], default=None)

    def _seconds(self, name: str) -> float:
        """How long a bound's next round will take, about; inf: it can't help."""
        if not self.turns[name]:
            return math.inf if self._spared(name) else COST.get(name, UNKNOWN)
        if name not in AGAIN or name in self.done or self.stale[name] >= STALE:
            return math.inf
        return self.last[name] * (FACTOR if AGAIN[name] else 1)

    def _spared(self, name: str) -> str | None:
        """Why a bound needn't be asked at all."""
        if name in SPARED and SPARED[name][1](self.unit.net):
            return f"the network is {SPARED[name][0]}"
        return None

    def ask(self, name: str) -> None:
        """Asks a bound for a round."""
        before, began = (self.lower, self.upper), time.perf_counter()
        turn = self.turns[name]
        with np.errstate(all="ignore"):  # what overflows is no bound: see below
            if name in self.special:
                side, value = self.special[name](turn)
            elif name in upper.__all__:
                side, value = self._ask_upper(name)
            else:
                side, value = self._ask_lower(name, turn)
        self.last[name] = seconds = time.perf_counter() - began
        self.turns[name] += 1
        news = self.lower > before[0] * (1 + CLOSED)
        news |= self.upper < before[1] * (1 - CLOSED)
        self.stale[name] = 0 if news else self.stale[name] + 1
        if not math.isfinite(value):
            self.done.add(name)
            return
        if name in self.methods:
            old = self.methods[name]
            better = max if side == "lower" else min
            value, seconds = better(value, old.value), seconds + old.seconds
        self.methods[name] = Method(side, value, seconds)

    def result(self) -> Bracket:
        """The bracket."""
        known = self.lower if self.closed() else None
        at = np.zeros(self.unit.net.d) if self.witness is None else self.witness
        return Bracket(
            self.lower,
            self.upper,
            known,
            str(self.domain),
            self.methods,
            {name: self._why(name) for name in shelf() if name not in self.methods},
            (self.unit.length * at).tolist(),
        )

    def _why(self, name: str) -> str:
        """Why a bound has no say."""
        if self.turns[name]:
            return "doesn't apply, or overflows"
        if self._spared(name):
            return str(self._spared(name))
        if self.closed():
            return "lower and upper agree without it"
        return "takes longer than the budget had left"

    def _ask_upper(self, name: str) -> tuple[str, float]:
        unit, bound = self.unit, getattr(upper, name)
        value = unit.above(float(bound(unit.net, unit.domain)))
        self._lowered(name, value)
        return "upper", value

    def _ask_branched(self, turn: int) -> tuple[str, float]:
        """Comes with a point of the best pattern, where it found one."""
        unit = self.unit
        tree = explored(unit.net, unit.domain, _work("branched", turn))
        if tree is None:
            return "upper", math.inf
        if tree.point is not None:
            value, at = lower.attained(unit.net, unit.domain, tree.point)
            self._raised("branched", unit.below(value), at)
        self._lowered("branched", unit.above(tree.bound))
        if tree.done:
            self.done.add("branched")
        return "upper", unit.above(tree.bound)

    def _ask_exact(self, turn: int) -> tuple[str, float]:
        """For the sphere, of the ball: an upper bound."""
        unit = self.unit
        on = replace(unit.domain, sphere=False)
        found = exact(unit.net, on, _work("exact", turn))
        if found is None:
            return "upper", math.inf
        value, at = lower.attained(unit.net, unit.domain, found.witness)
        self._raised("exact", unit.below(value), at)
        self._lowered("exact", unit.above(found.upper))
        if found.closed or unit.above(found.lower) >= self.upper:
            self.done.add("exact")
        closed = found.closed and on == unit.domain
        return "exact" if closed else "upper", unit.above(found.upper)

    def _ask_lower(self, name: str, turn: int) -> tuple[str, float]:
        net, domain = self.unit.net, self.unit.domain
        find = jax.jit(getattr(lower, name), static_argnums=1)
        single = jax.tree.map(np.float32, net)
        with jax.default_matmul_precision("highest"):
            at = find(single, domain, *looked(self.unit, self.data, turn))
        value, point = lower.attained(net, domain, np.asarray(at))
        value = self.unit.below(value)
        self._raised(name, value, point)
        return "lower", value

    def _raised(self, name: str, value: float, witness: np.ndarray) -> None:
        """Takes a lower bound in."""
        if math.isfinite(value) and (value > self.lower or self.witness is None):
            self.lower, self.witness = value, witness
            self.best = (name, self.best[1])
        self._uncrossed()

    def _lowered(self, name: str, value: float) -> None:
        """Takes an upper bound in."""
        if value < self.upper:
            self.upper = value
            self.best = (self.best[0], name)
        self._uncrossed()

    def _uncrossed(self) -> None:
        if self.lower > self.upper * (1 + ROUNDING):
            below, above = self.best
            raise Crossed(
                f"defect: the lower bound {below} = {self.lower!r} is above the upper "
                f"bound {above} = {self.upper!r} on {self.domain}; one of them is "
                "wrong: please report it with the network"
            )


def _work(name: str, turn: int) -> int:
    return AGAIN[name] * FACTOR**turn


def _units(net: Network) -> int:
    return sum(len(w) for w in net.weights[:-1])


def shelf() -> list[str]:
    """The names of all bounds."""
    return [*upper.__all__, *lower.__all__, "exact"]
