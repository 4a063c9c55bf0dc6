from dataclasses import dataclass
from typing import Annotated, Literal

import numpy as np
import pytest

from isorobust.door import Above, AtLeast, BadInput, Between, nearest, parse, validate


@dataclass(frozen=True)
class Inner:
    rate: Annotated[float, Above(0)] = 0.1
    kind: Literal["relu", "tanh"] = "relu"


@dataclass(frozen=True)
class Outer:
    inner: Inner = Inner()
    n: Annotated[int, AtLeast(1)] = 4
    share: Annotated[float, Between(0, 1)] = 0.5
    names: tuple[str, ...] = ()
    some: tuple[Inner, ...] = ()
    flag: bool = False


@pytest.mark.parametrize(
    ("thing", "words"),
    [
        (Outer(n=0), ["x.n = 0", ">= 1"]),
        (Outer(n=2.5), ["x.n = 2.5", "a whole number"]),
        (Outer(n=True), ["x.n = True", "a whole number"]),
        (Outer(n=np.int64(4)), ["x.n = np.int64(4)", "write int(...)"]),
        (Outer(n="4"), ["x.n = '4'", "a whole number"]),
        (Outer(share=float("nan")), ["x.share = nan", "between 0 and 1"]),
        (Outer(share=-0.1), ["x.share = -0.1"]),
        (Outer(flag=1), ["x.flag = 1", "true or false"]),
        (Outer(inner=Inner(rate=0.0)), ["x.inner.rate = 0.0", "> 0"]),
        (Outer(inner=Inner(rate=float("inf"))), ["x.inner.rate = inf"]),
        (Outer(inner=Inner(kind="rleu")), ["x.inner.kind", "did you mean 'relu'?"]),
        (Outer(inner=Inner), ["x.inner = Inner", "write Inner(...)"]),
        (Outer(inner=3), ["x.inner = 3", "must be a dataclass"]),
        (Outer(names=("a", 1)), ["x.names[1] = 1"]),
        (Outer(names="ab"), ["x.names is a str", "must be a tuple"]),
        (Outer(some=(Inner(), Inner(rate=-1.0))), ["x.some[1].rate = -1.0"]),
    ],
)
def test_what_is_off_is_named_with_its_place(thing: Outer, words: list[str]) -> None:
    with pytest.raises(BadInput) as caught:
        validate(thing, "x")
    assert all(word in str(caught.value) for word in words), caught.value
    assert "\n" not in str(caught.value)


def test_what_is_allowed_passes() -> None:
    validate(Outer(n=3, some=(Inner(),), names=("a",), flag=True), "x")


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("3", Annotated[int, AtLeast(1)], 3),
        ("1e-3", float, 1e-3),
        ("true", bool, True),
        ("tanh", Literal["relu", "tanh"], "tanh"),
        ("a,b", tuple[str, ...], ("a", "b")),
    ],
)
def test_texts_become_values(text: str, kind: object, value: object) -> None:
    assert parse(text, kind, "--set x") == value


@pytest.mark.parametrize(("text", "kind"), [("3.5", int), ("x", float), ("a", Inner)])
def test_texts_that_mean_nothing_are_refused(text: str, kind: object) -> None:
    with pytest.raises(BadInput, match="--set x"):
        parse(text, kind, "--set x")


def test_the_nearest_name_is_said() -> None:
    assert nearest("wdith", ["width", "depth"]).endswith("did you mean 'width'?")
    assert "did you mean" not in nearest("zzz", ["width", "depth"])
