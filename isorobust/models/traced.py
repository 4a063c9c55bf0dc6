"""Reading a network out of what a model computes, operation by operation.

jax says which operations f(x) is made of, whatever the model was written with. A value
that depends on x is either affine in x and in the outputs of the activations met so far
(affine.py), or a function of one number applied to such a value entry by entry: that is
on its way to become an activation (recognised.py). Whatever fits neither is refused.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np

from isorobust.door import BadInput
from isorobust.models import affine
from isorobust.models.affine import Affine
from isorobust.models.recognised import complaint, form

CALLS = {"jit", "pjit", "closed_call", "core_call", "remat", "checkpoint", "remat2",
         "custom_jvp_call", "custom_vjp_call", "custom_vjp_call_jaxpr"}  # fmt: skip
SAME = {"copy", "copy_p", "stop_gradient", "optimization_barrier", "reduce_precision"}
MOVES = {"reshape", "transpose", "squeeze", "broadcast_in_dim", "slice", "rev", "pad",
         "concatenate", "expand_dims", "split", "tile"}  # fmt: skip
PICKS = {"gather", "dynamic_slice"}  # moves the first operand as the others say
LINEAR = {"dot_general", "conv_general_dilated", "reduce_sum", "reduce_window_sum",
          "cumsum"}  # fmt: skip
ENTRYWISE = {
    "add", "sub", "mul", "div", "neg", "max", "min", "abs", "sign", "square", "sqrt",
    "rsqrt", "cbrt", "exp", "exp2", "log", "log1p", "expm1", "tanh", "logistic", "erf",
    "erfc", "sin", "cos", "pow", "integer_pow", "select_n", "clamp", "gt", "ge", "lt",
    "le", "eq", "ne", "and", "or", "not", "convert_element_type", "is_finite",
    "add_any",
}  # fmt: skip


@dataclass(eq=False)
class Pointwise:
    """function(root), entry by entry, on its way to an activation.

    lines: the (a, c) with which a root + c went in; settled: what it turned out to be;
    other: the same with an activation inside taken for a stage of its own
    """

    root: Affine
    function: Callable[[Any], Any]
    lines: tuple[tuple[float, float], ...]
    settled: Affine | None = None
    other: "Pointwise | None" = None


@dataclass
class Reader:
    """One reading.

    stages: what went into the activations, 1, 2, ...; names: which activations
    """

    stages: list[Affine] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def read(self, function: Callable[[Any], Any], shape: tuple[int, ...]) -> Affine:
        """function(x) for x of the shape. Raises BadInput where it can't be read."""
        with jax.default_matmul_precision("highest"):
            closed = jax.make_jaxpr(function)(jnp.zeros(shape))
        results = self._run(closed, [affine.stage(0, shape)])
        if len(results) != 1:
            raise BadInput(f"the model returns {len(results)} arrays: must be one")
        found = self._settle(results[0])
        if isinstance(found, Pointwise):
            raise BadInput(f"the model ends in {complaint(found.function)}")
        return found if isinstance(found, Affine) else affine.constant(found)

    def _run(self, closed: Any, arguments: list) -> list:
        """The results of a jaxpr for its arguments."""
        jaxpr = getattr(closed, "jaxpr", closed)
        variables = [*jaxpr.constvars, *jaxpr.invars]
        values = [*getattr(closed, "consts", ()), *arguments]
        known = dict(zip(variables, values, strict=True))

        def value(v: Any) -> Any:
            return v.val if hasattr(v, "val") else known[v]

        for eqn in jaxpr.eqns:
            results = self._apply(eqn, [value(v) for v in eqn.invars])
            known.update(zip(eqn.outvars, results, strict=True))
        return [value(v) for v in jaxpr.outvars]

    def _apply(self, eqn: Any, inputs: list) -> list:
        """The results of one operation."""
        name = eqn.primitive.name
        if name in CALLS:
            inner = [v for k, v in eqn.params.items() if k.endswith("jaxpr")]
            return self._run(inner[0], inputs)
        if not any(_varies(v) for v in inputs):
            return _listed(_bound(eqn)(*inputs))
        settled = [self._settle(v) for v in inputs]
        plain = not any(isinstance(v, Pointwise) for v in settled)
        found = None
        if name in SAME or (name == "convert_element_type" and plain):
            found = settled if _floating(eqn) else None
        elif plain:
            found = self._affinely(eqn, settled)
        if found is None and name in ENTRYWISE:
            found = _entrywise(eqn, inputs, settled)
        if found is None:
            raise BadInput(_refusal(eqn, settled))
        return found

    def _affinely(self, eqn: Any, inputs: list) -> list | None:
        """The operation's results if it is affine, else None."""
        name, shape = eqn.primitive.name, eqn.outvars[0].aval.shape
        moving = [i for i, v in enumerate(inputs) if _varies(v)]
        if name in ("add", "sub", "add_any"):
            a, b = (_affine(v, shape) for v in inputs)
            return [affine.total(a, b, -1.0 if name == "sub" else 1.0)]
        if name == "neg":
            return [affine.times(inputs[0], -1.0)]
        if name == "mul" and len(moving) == 1:
            return [affine.times(inputs[moving[0]], inputs[1 - moving[0]])]
        if name == "div" and moving == [0]:
            return [affine.times(inputs[0], 1 / np.asarray(inputs[1], float))]
        run = _bound(eqn)
        if name in MOVES:
            return _moved([_affine(v) for v in inputs], run, eqn)
        if name in PICKS and moving == [0]:
            return _moved([inputs[0]], lambda a: run(a, *inputs[1:]), eqn)
        if name == "dot_general" and len(moving) == 1:
            found = _product(eqn, inputs, moving[0])
            if found:
                return [found]
        if name in LINEAR and len(moving) == 1:
            (at,) = moving

            def alone(a: Any) -> Any:
                return run(*inputs[:at], a, *inputs[at + 1 :])

            return [affine.mapped(inputs[at], alone, shape)]
        return None

    def _settle(self, value: Any) -> Any:
        """A Pointwise as the Affine it is once its activation is a stage."""
        if not isinstance(value, Pointwise):
            return value
        if value.settled is None:
            for a, c in value.lines:
                found = form(_of(value, a, c))
                if found:
                    value.settled = self._stage(value.root, a, c, found)
                    break
            if value.settled is None and value.other:
                other = self._settle(value.other)
                value.settled = other if isinstance(other, Affine) else None
        return value if value.settled is None else value.settled

    def _stage(self, root: Affine, a: float, c: float, found: Any) -> Affine:
        """A new stage: outer phi(inner u) + shift + linear u at u = a root + c."""
        ones = affine.constant(1.0, root.shape)
        u = affine.total(affine.times(root, a), affine.times(ones, c))
        self.stages.append(affine.times(u, found.inner))
        self.names.append(found.activation)
        result = affine.times(affine.stage(len(self.stages), root.shape), found.outer)
        result = affine.total(result, affine.times(ones, found.shift))
        if found.linear:
            result = affine.total(result, affine.times(u, found.linear))
        return result


def _varies(value: Any) -> bool:
    return isinstance(value, Affine | Pointwise)


def _affine(value: Any, shape: tuple[int, ...] | None = None) -> Affine:
    """A value as an Affine, a lone number in the given shape."""
    if not isinstance(value, Affine):
        return affine.constant(value, shape)
    if shape is None or value.shape == shape:
        return value
    spread = affine.moved([value], lambda a: jnp.broadcast_to(a, shape), shape)
    return spread or value


def _product(eqn: Any, inputs: list, at: int) -> Affine | None:
    """A product of an Affine and a constant, if no axes run along."""
    contracting, along = eqn.params["dimension_numbers"]
    if along[0]:
        return None
    other = np.asarray(inputs[1 - at], float)
    sums = contracting[1 - at]
    free = [i for i in range(other.ndim) if i not in sums]
    size = int(np.prod([other.shape[i] for i in sums]))
    matrix = other.transpose(*sums, *free).reshape(size, -1)
    shape = eqn.outvars[0].aval.shape
    return affine.contracted(inputs[at], contracting[at], matrix, shape, at == 0)


def _moved(operands: list, run: Callable[..., Any], eqn: Any) -> list | None:
    """The results of moving entries about; None if some came from nowhere."""
    shapes = [v.aval.shape for v in eqn.outvars]
    found = [
        affine.moved(operands, lambda *a, i=i: _listed(run(*a))[i], shape)
        for i, shape in enumerate(shapes)
    ]
    return None if any(one is None for one in found) else found


def _listed(results: Any) -> list:
    return list(results) if isinstance(results, list | tuple) else [results]


def _bound(eqn: Any) -> Callable[..., Any]:
    """The operation as a function of its operands."""
    return lambda *values: eqn.primitive.bind(*values, **eqn.params)


def _floating(eqn: Any) -> bool:
    return all(jnp.issubdtype(v.aval.dtype, jnp.floating) for v in eqn.outvars)


def _entrywise(eqn: Any, inputs: list, settled: list) -> list | None:
    """An entrywise operation on one root and numbers as a Pointwise."""
    found, other = _pointwise(eqn, inputs), None
    if any(new is not old for new, old in zip(settled, inputs, strict=True)):
        other = _pointwise(eqn, settled)
    if found is not None:
        found.other = other
    return None if found is other is None else [found or other]


def _pointwise(eqn: Any, inputs: list) -> Pointwise | None:
    roots: list[Affine] = []
    lines: list[tuple[float, float]] = []
    parts: list[Callable[[Any], Any]] = []
    for value in inputs:
        if isinstance(value, Affine):
            roots.append(value.root or value)
            lines += value.lines
            parts.append(_along(*value.lines[-1]))
        elif isinstance(value, Pointwise):
            roots.append(value.root)
            lines += value.lines
            parts.append(value.function)
        elif affine.uniform(value) is None:
            return None
        else:
            parts.append(_always(_single(np.asarray(value).flat[0])))
    if not all(affine.equal(root, roots[0]) for root in roots):
        return None
    run = _bound(eqn)

    def function(r: Any) -> Any:
        return _single(run(*(part(r) for part in parts)))

    return Pointwise(roots[0], function, tuple(dict.fromkeys(lines)))


def _along(a: float, c: float) -> Callable[[Any], Any]:
    return lambda r: a * r + c


def _always(number: jax.Array) -> Callable[[Any], Any]:
    return lambda r: jnp.broadcast_to(number, r.shape)


def _single(value: Any) -> jax.Array:
    """Floating numbers in jax's own float, whatever the model computes in."""
    array = jnp.asarray(value)
    floating = jnp.issubdtype(array.dtype, jnp.floating)
    return array.astype(jnp.zeros(0).dtype) if floating else array


def _of(value: Pointwise, a: float, c: float) -> Callable[[Any], Any]:
    """A Pointwise as a function of u = a root + c."""
    return lambda u: value.function((u - c) / a)


def _refusal(eqn: Any, inputs: list) -> str:
    """The line for an operation that doesn't fit, with its place in the model."""
    scope = str(eqn.source_info.name_stack)
    where = f"the model, in {scope}: " if scope else "the model: "
    for value in inputs:
        if isinstance(value, Pointwise) and eqn.primitive.name not in ENTRYWISE:
            return where + complaint(value.function)
    return (
        f"{where}`{eqn.primitive.name}` is neither affine nor an activation entry by "
        "entry; allowed: dense and convolutional layers, frozen batch norm, mean "
        "pooling, skip connections and activations"
    )
