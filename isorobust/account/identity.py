"""What a trial is called: the identity columns of its record, and its block's name."""

import dataclasses
from typing import Any

from isorobust.engine.ladder import rung
from isorobust.engine.plan import flops_per_step, kind
from isorobust.experiment import Cell, Experiment, Trial, describe, digest


def task(experiment: Experiment) -> str:
    """The hash of what a track asks: its cells, cases, seeds and delta.

    Not of the machine (padding and lanes a block, which the run's own hash covers), nor
    of the bounds and rules, which may be added to without another network.
    """
    return task_of(describe(experiment))


def task_of(described: dict) -> str:
    """The same, of an experiment as describe() or an experiment.json says it."""
    beside = ("bounds", "rules", "track", "version", "ladder", "block")
    return digest({name: described[name] for name in described if name not in beside})


def columns(experiment: Experiment, trial: Trial) -> dict:
    """The identity columns of a trial's record."""
    cell, model = trial.cell, trial.cell.model
    return {
        "uid": trial.uid,
        "track": experiment.track,
        "track_version": experiment.version,
        "block": block(cell),
        "cell": cell.uid,
        "seed": trial.seed,
        "distribution": _spoken(cell.distribution),
        "target": _spoken(cell.target),
        "model": kind(model),
        "width": model.width,
        "depth": model.depth,
        "outputs": model.outputs,
        "activation": model.activation,
        "init_scheme": model.init_scheme,
        "init_scale": _init_scale(model),
        "n": cell.n,
        "d": cell.d,
        "p_trained": model.num_params(cell.d),
        "rung": str(rung(cell)),
        "recipe": _spoken(cell.recipe),
        "target_mse": cell.recipe.target_mse,
        "flops_per_step": flops_per_step(cell),
    }


def block(cell: Cell) -> str:
    """The cells that a table may pool: all but sizes and seeds is the same."""
    model = cell.model
    parts = [f"{model.depth}-layer {model.activation}", _spoken(cell.distribution)]
    name, *has = kind(model).split("+")
    if name != "MLP":
        parts[0] += f" {name}"
    if "skips" in has:
        parts[0] += " with skips"
    if "bn" in has:
        parts[0] += " with batch norm"
    if model.init_scheme != "unit":
        parts[0] += f" from {model.init_scheme} init"
    if _init_scale(model) != 1:
        parts[0] += f" from {_init_scale(model):g} times its init"
    if model.outputs > 1:
        parts[0] += f" with {model.outputs} outputs"
    parts += [_spoken(cell.target), _spoken(cell.recipe, brief=True)]
    return "; ".join(parts)


def _init_scale(model: Any) -> float:
    """1 of a model that knows none."""
    return float(getattr(model, "init_scale", 1.0))


def _spoken(choice: Any, brief: bool = False) -> str:
    """`Path(target_mse=0.1, steps=2500)`: the fields (brief: those not at default)."""
    if hasattr(choice, "identity"):
        named = choice.identity()
    else:
        named = {f.name: getattr(choice, f.name) for f in dataclasses.fields(choice)}
        if brief:
            default = {f.name: f.default for f in dataclasses.fields(choice)}
            named = {
                k: v for k, v in named.items() if k == "target_mse" or v != default[k]
            }
    said = [f"{k}={f'{v:g}' if isinstance(v, float) else v}" for k, v in named.items()]
    return f"{type(choice).__name__}({', '.join(said)})"
