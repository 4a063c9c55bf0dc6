"""The law of real data: sigma^2 and d_eff as ranges, and what they say of p."""

from argparse import Namespace
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from isorobust import data
from isorobust.cli import paper
from isorobust.cli.sheet import Answer, Row, between, number
from isorobust.data import cifar, idx
from isorobust.data.sample import Sample
from isorobust.door import BadInput, nearest
from isorobust.law import estimates, floors
from isorobust.law.arithmetic import needed, theorem_epsilon
from isorobust.law.estimates import Estimate
from isorobust.law.setting import Setting, of_data
from isorobust.law.theorem import theorem3_points

LIP, DELTA = 1.0, 0.01
SEEN = 4000  # points that are drawn, of which estimates look at POINTS
UNKNOWN = "isoperimetric constant of x is unknown"
NO_P = "neither --width nor --p is given"
FITTED = 1000  # points whose data floor is looked for
KINDS = {"mnist": data.MNISTClasses, "cifar10": data.CIFAR10Classes}


def answer(args: Namespace) -> Answer:
    """Estimates, and the arithmetic that they allow, beside the paper's."""
    chosen = found(args.data)
    n, d = chosen.shape
    rng = np.random.Generator(np.random.Philox(key=0))
    sample = chosen.draw(rng, min(n, SEEN), d)
    y, parts = sample.label, np.zeros(len(sample.x))
    if hasattr(chosen, "classes"):
        y, parts = estimates.coded(sample.label), sample.label
    elif np.all(np.abs(y) == 1):
        parts = y
    try:
        noise = estimates.noise_variance(sample.x, y, rng)
        wide = estimates.effective_dimension(sample.x, parts, rng)
    except ValueError as error:
        raise BadInput(f"--data={args.data}: {error}") from None
    components = len(np.unique(parts))
    facts = _facts(args, chosen, noise, wide, components)
    floor = floors.Floor(None, floors.CLASSES)
    if not hasattr(chosen, "classes"):
        floor = _data_floor(sample)
    facts["floor_data"] = floor.value
    if floor.value is None:
        facts["reasons"]["floor_data"] = floor.reason
    head = f"{args.data}: n = {n}, d = {d}, {components} components (classes)"
    ours = paper.row(
        args.data, n, d, (wide.low, wide.high), facts["p"], components, facts["delta"]
    )
    tables = (_ways(noise, wide), paper.table(facts["delta"], ours))
    told = (*_told(facts, noise, wide), *paper.told(facts["delta"]))
    return Answer(facts, (head,), tables, told)


def found(text: str) -> Any:
    """The data that a text names: digits, FILE.npz, FOLDER, mnist:FOLDER, cifar10:...

    Raises BadInput where it can't be read, or where there is nothing of the kind.
    """
    kind, colon, folder = text.partition(":")
    kind = kind.removesuffix("-idx")
    if text == "digits":
        chosen: Any = data.DigitClasses()
    elif colon and kind in KINDS and not Path(text).exists():
        chosen = KINDS[kind](folder)
    elif Path(text).is_dir():
        chosen = _inside(text)
    elif text.endswith(".npz") or Path(text).is_file():
        chosen = data.NPZ(text)
    else:
        allowed = ["digits", "mnist:FOLDER", "cifar10:FOLDER", "FOLDER", "FILE.npz"]
        raise BadInput(f"--data={text}: no such data; {nearest(text, allowed)}")
    complaint = chosen.check()
    if complaint:
        raise BadInput(f"--data={text}: {complaint}")
    return chosen


def _inside(folder: str) -> Any:
    """What lies in a folder: MNIST's files or CIFAR-10's."""
    for part in ("train", "test"):
        for reader, kind in zip((idx, cifar), KINDS.values(), strict=True):
            try:
                reader.files(folder, part)
            except BadInput as error:
                if "pickles" in str(error):
                    raise BadInput(f"--data={folder}: {error}") from None
            else:
                return kind(folder, part=part)
    raise BadInput(
        f"--data={folder}: holds neither MNIST's train-images-idx3-ubyte and "
        "train-labels-idx1-ubyte nor CIFAR-10's data_batch_1.bin to data_batch_5.bin"
    )


def _data_floor(sample: Sample) -> floors.Floor:
    """The data floor of an exact fit, from some of the points: certain for all."""
    some = sample[:FITTED]
    assert some.label is not None  # real data comes with labels
    known = of_data(some.x, some.label, some.component, some.x.shape[1])
    return floors.data(
        Setting(
            **known, p=1, mse=0.0, noise_variance=0.0, independent=False, components=1,
            c=None, radius=None, on_sphere=False, delta=DELTA,
        )
    )  # fmt: skip


def _facts(
    args: Namespace, chosen: Any, noise: Estimate, wide: Estimate, components: int
) -> dict:
    (n, d), lip = chosen.shape, LIP if args.lip is None else args.lip
    delta = DELTA if args.delta is None else args.delta
    p = args.p if args.width is None else args.width * (d + 2) + 1
    span, sigma = (wide.low, wide.high), (min(noise.low, 1.0), min(noise.high, 1.0))
    best = theorem3_points(sigma[1], components, delta) if sigma[1] else None
    reasons = dict.fromkeys(("floor_theorem", "floor_sharp"), UNKNOWN)
    if p is None:
        reasons |= dict.fromkeys(("p", "law_ratio"), NO_P)
    return {
        "n": n,
        "d": d,
        "p": p,
        "d_eff": list(span),
        "sigma2": [noise.low, noise.high],
        "law_ratio": p and [float(np.sqrt(n * one / p)) for one in span],
        "floor_theorem": None,
        "theorem_applies": False,
        "theorem_needs_n": best,
        "theorem_needs_epsilon": theorem_epsilon(n, components, delta),
        "floor_sharp": None,
        "required_p": list(needed(n, span, lip)),
        "required_p_noise": list(needed(n, span, lip, sigma)),
        "lip": lip,
        "components": components,
        "delta": delta,
        "data": args.data,
        "points": {"sigma2": noise.points, "d_eff": wide.points},
        "ways": {
            "sigma2": [asdict(way) for way in noise.ways],
            "d_eff": [asdict(way) for way in wide.ways],
        },
        "reasons": reasons,
        "paper": paper.facts(delta),
    }


def _ways(noise: Estimate, wide: Estimate) -> tuple[Row, list[Row]]:
    header: Row = ("quantity", "estimator", "value", "interval", "errs", "assumes")
    rows: list[Row] = [
        (name, way.name, number(way.value), between(way.low, way.high), way.side,
         way.assumes)
        for name, found in (("sigma^2", noise), ("d_eff", wide))
        for way in found.ways
    ]  # fmt: skip
    return header, rows


def _told(facts: dict, noise: Estimate, wide: Estimate) -> list[str]:
    lip, sigma = facts["lip"], facts["theorem_needs_epsilon"]
    lines = [
        f"sigma^2: {between(noise.low, noise.high)}; {noise.note}.",
        f"d_eff = d / c: {between(wide.low, wide.high)}; {wide.note}.",
        f"Lip <= {lip:g} (|x| ~ 1) takes p ~ n d_eff / L^2 of "
        f"{between(*facts['required_p'])}, of labels with the noise above "
        f"sigma^2 n d_eff / L^2 of {between(*facts['required_p_noise'])}.",
        f"Theorem 3 as printed needs epsilon >= {sigma:.3g} at this n and K = "
        f"{facts['components']}, and epsilon <= sigma^2: it doesn't apply.",
    ]
    if facts["floor_data"] is None:
        lines[0] += " Classes count as labels 2 apart, as signs do."
    else:
        floor = facts["floor_data"]
        lines.append(
            f"Whatever p: a function that fits all labels has Lip >= {floor:.4g}."
        )
    if facts["law_ratio"]:
        ratio = between(*facts["law_ratio"])
        lines.append(f"sqrt(n d_eff / p) at p = {facts['p']}: {ratio}.")
    return lines
