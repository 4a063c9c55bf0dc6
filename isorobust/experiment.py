"""Trial, Cell, Experiment: what to train, as frozen data; how a config becomes one."""

import dataclasses
import functools
import hashlib
import importlib.util
import json
import traceback
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal

from isorobust.door import (
    AtLeast,
    BadInput,
    Between,
    fields,
    lacks,
    later,
    nearest,
    parse,
    validate,
)

# what the house asks of a part of a cell; each room's docstring says what it means
CONTRACTS = {
    "distribution": ("draw", "isoperimetry", "on_sphere", "components"),
    "target": ("label", "noise_variance", "independent"),
    "model": (
        "initial", "apply", "network", "num_params", "flops_per_step", "outputs",
        "padded", "pads",
    ),
    "recipe": (
        "optimiser", "objective", "stop", "loss", "steps", "target_mse", "whole_budget"
    ),
}  # fmt: skip

CASE = ("kind", "block", "shown", "uid", "rows")
RULE = ("claim", "statistic", "within", "judged")


@dataclass(frozen=True)
class Cell:
    """What a table's row holds fixed: everything about a network but its seed.

    distribution: law of x (data/distributions.py, data/real.py)
    target: law of y given x (data/targets.py)
    model: the network (models/networks.py)
    n, d: number of training points, input dimension
    recipe: how it is trained and when it stops (training/recipes.py)
    ladder: the padded shapes its program may have (engine/ladder.py)
    """

    distribution: Any
    target: Any
    model: Any
    n: Annotated[int, AtLeast(1)]
    d: Annotated[int, AtLeast(1)]
    recipe: Any
    ladder: Literal["fine", "coarse", "exact"] = later("fine")

    @functools.cached_property
    def uid(self) -> str:
        """Identity: 16 hexadecimal digits of the SHA-256 of the canonical JSON."""
        return digest(describe(self))

    def check(self) -> str | None:
        """What is wrong with the parts taken together (each part may object)."""
        for name, contract in CONTRACTS.items():
            complaint = lacks(getattr(self, name), contract, name)
            if complaint:
                return complaint
        for part in (self.distribution, self.target, self.model, self.recipe):
            complaint = part.objection(self) if hasattr(part, "objection") else None
            if complaint:
                return complaint
        return None


@dataclass(frozen=True)
class Trial:
    """One network to train: a cell and a seed."""

    cell: Cell
    seed: int

    @functools.cached_property
    def uid(self) -> str:
        """Identity: 16 hexadecimal digits of the SHA-256 of the canonical JSON."""
        return digest(describe(self))


@dataclass(frozen=True)
class Experiment:
    """One table: cells x seeds, and what is asked of every network.

    track, version: the name under which tables cite it; raise the version with any
        change of the cells
    delta: probability with which a floor of the law may fail
    bounds: names from lipschitz/lower and lipschitz/upper; () asks for all
    cases: what is computed without training (cases/), one row a seed each
    rules: what was predicted before it was run (results/rules.py); no part of the
        experiment's identity, as `bounds` aren't
    """

    track: str
    version: Annotated[int, AtLeast(1)]
    cells: tuple[Cell, ...] = ()
    seeds: Annotated[int, AtLeast(1)] = 4
    delta: Annotated[float, Between(1e-12, 0.5)] = 0.01
    bounds: tuple[str, ...] = ()
    cases: tuple[Any, ...] = later(())
    rules: tuple[Any, ...] = later(())

    def trials(self) -> list[Trial]:
        """All trials in canonical order: cell by cell, seeds within a cell."""
        return [Trial(cell, seed) for cell in self.cells for seed in range(self.seeds)]

    def check(self) -> str | None:
        """What is wrong with the fields taken together."""
        if not (self.cells or self.cases):
            return "cells and cases are empty: an experiment needs at least one"
        for name, words in (("cases", CASE), ("rules", RULE)):
            for i, part in enumerate(getattr(self, name)):
                complaint = lacks(part, words, f"{name}[{i}]")
                if complaint:
                    return complaint
        for name, parts in (("cells", self.cells), ("cases", self.cases)):
            twins = len(parts) - len({part.uid for part in parts})
            if twins:
                one = name[:-1]
                return f"{name}: {twins} of them repeat another; a {one} may stand once"
        if len(set(self.bounds)) < len(self.bounds):
            return "bounds: a name may stand once"
        return None


def describe(thing: Any) -> Any:
    """The canonical JSON value of a choice: dataclasses become {"kind": ..., fields}.

    A dataclass with `identity()` says itself what it is (a file: its content's hash).
    """
    if hasattr(thing, "identity"):
        return {"kind": type(thing).__name__, **thing.identity()}
    if dataclasses.is_dataclass(thing):
        named = {
            f.name: getattr(thing, f.name) for f in fields(thing) if _told(thing, f)
        }
        named = {name: describe(value) for name, value in named.items()}
        return {"kind": type(thing).__name__, **named}
    if isinstance(thing, tuple):
        return [describe(item) for item in thing]
    return thing


def _told(thing: Any, field: dataclasses.Field) -> bool:
    """Whether a field is part of the identity: not `door.later` at its default."""
    return "later" not in field.metadata or getattr(thing, field.name) != field.default


def differences(there: Any, here: Any, where: str = "") -> Iterator[str]:
    """Where two canonical JSON values differ, a dotted place and both values each."""
    if isinstance(there, dict) and isinstance(here, dict):
        for name in sorted({*there, *here}):
            dotted = f"{where}.{name}" if where else name
            yield from differences(there.get(name), here.get(name), dotted)
    elif isinstance(there, list) and isinstance(here, list) and len(there) == len(here):
        for i, pair in enumerate(zip(there, here, strict=True)):
            yield from differences(*pair, f"{where}[{i}]")
    elif isinstance(there, list) and isinstance(here, list):
        yield f"{where} ({len(there)} there, {len(here)} here)"
    elif there != here:
        yield f"{where} ({there} there, {here} here)"


def digest(value: Any) -> str:
    """16 hexadecimal digits of the SHA-256 of a JSON value in canonical form."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def load(spec: str, overrides: Iterable[str] = ()) -> Experiment:
    """The experiment of a config file: `configs/law.py` or `configs/law.py:smoke`.

    The word after the colon names a function of the file; without it the first name of
    the file's `__all__` is called. overrides: `field=value` texts (`seeds=2`,
    `recipe.steps=500`), applied to the experiment's own field of that name, else to
    every cell and case that has it. A bundled config needs no checkout: its path is
    looked up beside the package when it isn't found from here.

    Raises BadInput, in one line, for whatever is wrong with any of it.
    """
    path, _, size = spec.partition(":")
    experiment = _call(_find(path), size)
    validate(experiment, f"{path}: ")
    for override in overrides:
        experiment = _override(experiment, override)
    validate(experiment, f"{path}: ")
    return experiment


def _find(path: str) -> Path:
    bundled = Path(__file__).parent / path
    beside = Path(__file__).parent.parent / path
    for candidate in (Path(path), bundled, beside):
        if candidate.is_file():
            return candidate
    raise BadInput(f"--config={path}: no such file")


def _call(file: Path, size: str) -> Experiment:
    name = f"isorobust_config_{file.stem}"
    try:
        spec = importlib.util.spec_from_file_location(name, file)
        if spec is None or spec.loader is None:
            raise BadInput(f"--config={file}: must be a Python file (.py)")
        module = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(module)
        sizes = list(getattr(module, "__all__", ()))
        if not sizes:
            raise BadInput(f"{file}: must name its experiments in __all__")
        if size and size not in sizes:
            raise BadInput(f"{file}:{size}: no such size; {nearest(size, sizes)}")
        experiment = getattr(module, size or sizes[0])()
    except BadInput:
        raise
    except (Exception, SystemExit) as error:
        raise BadInput(_raised(file, error)) from error
    if not isinstance(experiment, Experiment):
        raise BadInput(
            f"{file}:{size or sizes[0]}: must return an Experiment, not "
            f"{type(experiment).__name__}"
        )
    return experiment


def _raised(file: Path, error: BaseException) -> str:
    frames = traceback.extract_tb(error.__traceback__)
    here = [f for f in frames if Path(f.filename).resolve() == file.resolve()]
    line = getattr(error, "lineno", None) or (here[-1].lineno if here else 1)
    said = " ".join(str(error).split())
    return f"{file}:{line}: the config raised {type(error).__name__}: {said}"


def _override(experiment: Experiment, override: str) -> Experiment:
    path, equals, text = override.partition("=")
    where = f"--set {path}"
    if not equals:
        raise BadInput(f"--set {override}: must be field=value")
    closed = ("track", "rules", "cells", "cases")
    own = {f.name for f in fields(experiment) if f.name not in closed}
    if path in own:
        changed = _replace(experiment, path, text, where)
    else:
        parts = (*experiment.cells, *experiment.cases)
        known = {name for part in parts for name in _paths(part)}
        if path not in known:
            raise BadInput(f"{where}: no such field; {nearest(path, [*own, *known])}")

        def replaced(some: tuple[Any, ...]) -> tuple[Any, ...]:
            every = [
                _replace(part, path, text, where) if path in _paths(part) else part
                for part in some
            ]
            return tuple(dict.fromkeys(every))

        changed = dataclasses.replace(
            experiment,
            cells=replaced(experiment.cells),
            cases=replaced(experiment.cases),
        )
    if dataclasses.replace(changed, bounds=experiment.bounds) == experiment:
        return changed  # the same networks: other bounds are no other experiment
    suffix = "" if experiment.track.endswith("+set") else "+set"
    changed = dataclasses.replace(changed, track=experiment.track + suffix)
    validate(changed, "--set: ")
    return changed


def _paths(thing: Any, prefix: str = "") -> list[str]:
    """Dotted names of all fields that a text can set."""
    names = []
    for field in fields(thing):
        value = getattr(thing, field.name)
        if dataclasses.is_dataclass(value):
            names += _paths(value, f"{prefix}{field.name}.")
        else:
            names.append(prefix + field.name)
    return names


def _replace(thing: Any, path: str, text: str, where: str) -> Any:
    name, dot, rest = path.partition(".")
    if dot:
        return dataclasses.replace(
            thing, **{name: _replace(getattr(thing, name), rest, text, where)}
        )
    kind = next(f.type for f in fields(thing) if f.name == name)
    return dataclasses.replace(thing, **{name: parse(text, kind, where)})
