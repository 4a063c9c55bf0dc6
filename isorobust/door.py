"""The door: the one error a user sees, and the checks that raise it.

Every choice a user makes is a dataclass field; its annotation says what is allowed
(`Annotated[int, AtLeast(1)]`, `Literal["relu", "tanh"]`), and `validate` walks the
dataclasses and names the dotted field that is off. Inside the house nothing is checked
twice.
"""

import dataclasses
import difflib
import math
import types
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Union, get_args, get_origin


class BadInput(ValueError):
    """What the user gave can't be used; the message is the one line they see."""


@dataclass(frozen=True)
class AtLeast:
    """value >= bound."""

    bound: float

    def __str__(self) -> str:
        return f">= {self.bound:g}"

    def holds(self, value: float) -> bool:
        """Whether the value is allowed."""
        return value >= self.bound


@dataclass(frozen=True)
class Above:
    """value > bound."""

    bound: float

    def __str__(self) -> str:
        return f"> {self.bound:g}"

    def holds(self, value: float) -> bool:
        """Whether the value is allowed."""
        return value > self.bound


@dataclass(frozen=True)
class Between:
    """low <= value <= high."""

    low: float
    high: float

    def __str__(self) -> str:
        return f"between {self.low:g} and {self.high:g}"

    def holds(self, value: float) -> bool:
        """Whether the value is allowed."""
        return self.low <= value <= self.high


@dataclass(frozen=True)
class Unbounded:
    """Any number, inf and -inf among them."""

    def __str__(self) -> str:
        return "or inf"

    def holds(self, value: float) -> bool:
        """Whether the value is allowed."""
        return not math.isnan(value)


NAMES = {int: "a whole number", float: "a number", str: "a text", bool: "true or false"}


def nearest(name: str, allowed: Iterable[str]) -> str:
    """The allowed names, and which of them is nearest to `name`: a line's end."""
    shelf = sorted(set(allowed))
    close = difflib.get_close_matches(name, shelf, n=1, cutoff=0.5)
    hint = f"; did you mean {close[0]!r}?" if close else ""
    return f"allowed: {', '.join(shelf)}{hint}"


def lacks(part: Any, words: Iterable[str], where: str) -> str | None:
    """What a part of a choice lacks of the attributes that its place asks for."""
    absent = [word for word in words if not hasattr(part, word)]
    if absent:
        return f"{where} = {type(part).__name__}: has no {', '.join(absent)}"
    return None


def fields(thing: Any) -> list[dataclasses.Field]:
    """The fields a user chooses: a dataclass's own, less what flax adds to a module."""
    return [f for f in dataclasses.fields(thing) if f.init and f.name not in _FLAX]


_FLAX = ("parent", "name")


def later(default: Any, static: bool = False) -> Any:
    """A field that came after a release, which did what its default does.

    Identities leave it out at its default, so that what was trained before keeps its
    name and its first parameters. static: for a pytree, a field that isn't traced.
    """
    metadata = {"later": True, "static": static}
    return dataclasses.field(default=default, metadata=metadata)


def validate(thing: Any, where: str) -> None:
    """Raises BadInput for the first field of the dataclass that isn't allowed.

    where: the place as the user knows it, such as `configs/law.py: cells[3]`.
    A dataclass may add `check(self) -> str | None`, which says what is wrong with the
    fields taken together.
    """
    for field in fields(thing):
        _validate(getattr(thing, field.name), field.type, _dotted(where, field.name))
    complaint = thing.check() if hasattr(thing, "check") else None
    if complaint:
        raise BadInput(f"{where}: {complaint}")


def _validate(value: Any, kind: Any, where: str) -> None:
    base, ranges = _split(kind)
    if get_origin(base) is tuple:
        if not isinstance(value, tuple):
            raise BadInput(f"{where} is a {type(value).__name__}: must be a tuple")
        for i, item in enumerate(value):
            _validate(item, get_args(base)[0], f"{where}[{i}]")
    elif get_origin(base) is Literal:
        if value not in get_args(base):
            raise BadInput(
                f"{where} = {value!r}: {nearest(str(value), get_args(base))}"
            )
    elif base in NAMES:
        _validate_scalar(value, base, ranges, where)
    elif dataclasses.is_dataclass(value) and not isinstance(value, type):
        validate(value, where)
    elif not dataclasses.is_dataclass(value):
        raise BadInput(f"{where} = {value!r}: must be a dataclass, as MLP() is")
    else:
        name = getattr(value, "__name__", value)
        raise BadInput(f"{where} = {name}: write {name}(...)")


def _validate_scalar(value: Any, kind: type, ranges: tuple, where: str) -> None:
    allowed = " ".join([NAMES[kind], *map(str, ranges)])
    fits = {
        bool: isinstance(value, bool),
        int: isinstance(value, int) and not isinstance(value, bool),
        float: isinstance(value, (int, float)) and not isinstance(value, bool),
        str: isinstance(value, str),
    }[kind]
    if not fits and hasattr(value, "item"):
        allowed += f"; a {type(value).__module__} number: write {kind.__name__}(...)"
    finite = not fits or kind is str or math.isfinite(value) or Unbounded() in ranges
    if not (fits and finite and all(r.holds(value) for r in ranges)):
        raise BadInput(f"{where} = {value!r}: must be {allowed}")


def parse(text: str, kind: Any, where: str) -> Any:
    """The value that `text` means for a field of type `kind`; BadInput where none.

    Numbers, texts and booleans can be given as text; whole dataclasses can't.
    """
    base, _ = _split(kind)
    if get_origin(base) is Literal:
        base = str
    if base is bool and text.lower() in ("true", "false"):
        return text.lower() == "true"
    if base in (int, float):
        try:
            return base(text)
        except ValueError:
            raise BadInput(f"{where} = {text!r}: must be {NAMES[base]}") from None
    if base is str:
        return text
    if get_origin(base) is tuple and get_args(base)[0] in NAMES:
        return tuple(parse(word, get_args(base)[0], where) for word in text.split(","))
    raise BadInput(f"{where} = {text!r}: can't be set from a text; edit the config")


def _split(kind: Any) -> tuple[Any, tuple]:
    if get_origin(kind) is Annotated:
        base, *ranges = get_args(kind)
        return base, tuple(ranges)
    if get_origin(kind) in (Union, types.UnionType):
        raise TypeError("a field has one type; say `null` with a value of that type")
    return kind, ()


def _dotted(where: str, name: str) -> str:
    return f"{where}.{name}" if where and not where.endswith(" ") else f"{where}{name}"
