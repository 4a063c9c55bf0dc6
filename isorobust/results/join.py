"""From what a run's pages say of a trial to its record: pure JSON and numpy, no jax."""

import math
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from isorobust.door import BadInput
from isorobust.files import manifest, read_json, unsealed
from isorobust.law.columns import columns
from isorobust.law.generalisation import gap_bound
from isorobust.law.setting import Setting
from isorobust.results import radius, rules
from isorobust.results.records import SCHEMA
from isorobust.results.rules import Check, Rule

CLOSED = 1e-9  # a bracket this tight is the constant: records call it exact
ROUNDING = 1e-12  # by which a lower bound may seem to exceed an upper one


@dataclass(frozen=True)
class Origin:
    """Where rows came from.

    place: the folder or file, as the user named it; command: the words that started
    the run, sha256: of its experiment, and task: of what its track asks, where they
    were recorded; hashes: SHA-256 by file of rows (of a run's folder its own manifest
    holds them)
    """

    place: str
    command: list[str] | None = None
    sha256: str | None = None
    task: str | None = None
    hashes: dict[str, str] = field(default_factory=dict)

    @staticmethod
    def of(place: Path, about: dict, hashes: dict[str, str]) -> "Origin":
        """From what an experiment.json recorded."""
        command, sha256, task = map(about.get, ("command", "sha256", "task"))
        return Origin(str(place), command, sha256, task, hashes)


@dataclass(frozen=True)
class Found:
    """What a run has so far.

    records: of all measured trials in plan order; rows: of all cases computed; planned:
    how many of both there will be. shown: block of cases -> columns that a table shows
    checks: verdicts on rules as published, where the rules themselves aren't there
    repeated: rows that were there more than once, and are here once; contradicted: how
    many of them said something else than the one that is here
    """

    track: str
    version: int
    records: list[dict]
    planned: int
    rows: list[dict] = field(default_factory=list)
    shown: dict[str, list[str]] = field(default_factory=dict)
    rules: list[Rule] = field(default_factory=list)
    checks: list[Check] = field(default_factory=list)
    origins: list[Origin] = field(default_factory=list)
    repeated: int = 0
    contradicted: int = 0

    @staticmethod
    def of(records: list[dict], planned: int | None = None) -> "Found":
        """Some records alone."""
        first, count = records[0], len(records) if planned is None else planned
        return Found(first["track"], first["track_version"], records, count)


def collect(folder: Path) -> Found:
    """What a run has so far: it may be under way.

    Reads experiment.json, the pages and the cases. Raises BadInput for a folder that
    holds no run.
    """
    file = folder / "experiment.json"
    if not file.is_file():
        raise BadInput(f"{folder}: holds no run (no experiment.json)")
    about = unsealed(file)
    try:
        experiment = about["experiment"]
        cases, seeds = about.get("cases", {}), experiment["seeds"]
        return Found(
            experiment["track"],
            experiment["version"],
            _collect(folder, about),
            len(about["trials"]) + seeds * len(cases),
            _cases(folder, cases),
            {case["block"]: case["shown"] for case in cases.values()},
            [rules.from_json(rule) for rule in about.get("rules", ())],
            origins=[Origin.of(folder, about, {})],
        )
    except (KeyError, TypeError, IndexError, AttributeError, ValueError) as error:
        if isinstance(error, BadInput):
            raise
        raise BadInput(
            f"{folder}: its files don't fit together ({type(error).__name__}: {error})"
        ) from error


def _collect(folder: Path, about: dict) -> list[dict]:
    identities = {row["uid"]: row for row in about["trials"]}
    bounds, hashes = about["bounds"], manifest(folder)
    found: dict[str, dict] = {}
    pages = sorted(n.split("/")[1] for n in hashes if n.endswith("/trials.json"))
    for page in pages:
        parts = ["trials", "fit", *(f"bound_{name}" for name in bounds)]
        names = [f"pages/{page}/{part}.json" for part in parts]
        if not all(name in hashes for name in names):
            continue
        trained, *others = (read_json(folder, name, hashes[name]) for name in names)
        for row, fit, *bound in zip(trained, *others, strict=True):
            measured = dict(zip(bounds, bound, strict=True))
            found[row["uid"]] = join(identities[row["uid"]], row, fit, measured)
    return [found[uid] for uid in identities if uid in found]


def _cases(folder: Path, planned: dict[str, dict]) -> list[dict]:
    """The rows of the cases that the manifest vouches for, in the plan's order."""
    hashes, rows = manifest(folder), []
    for uid in planned:
        name = f"cases/{uid}.json"
        if name in hashes:
            rows += read_json(folder, name, hashes[name])
    return rows


def join(identity: dict, trained: dict, fit: dict, bounds: dict[str, dict]) -> dict:
    """The record of one trial: identity, fit, bounds, floors, verdict, cost.

    identity: its columns of the plan; trained: a page's row in trials.json; fit: its
    row in fit.json; bounds: name -> its row in bound_<name>.json.
    """
    overflowed = dict.fromkeys(("mse", "rho"), math.inf)
    known: dict[str, Any] = {
        k: overflowed.get(k) if v is None else v for k, v in fit["setting"].items()
    }
    known.pop("largest", None)  # of the box that older runs took for the ball
    s = Setting(**known)
    row = {**identity, "schema_version": SCHEMA, "p": s.p}
    row |= {
        "train_mse": s.mse,
        "noise_variance": s.noise_variance,
        "epsilon": s.epsilon,
        "fits_below_noise": s.epsilon > 0,
        # the stop was decided in float32, this MSE is float64
        "reached": s.mse <= identity["target_mse"] * (1 + 1e-6)
        and trained["stop"] != "diverged",
        "stop": trained["stop"],
        "steps": trained["steps"],
        "test_mse": fit["test_mse"],
        "clipped_gap": fit.get("clipped_gap"),
        "gradient_at_start": fit.get("gradient_at_start"),  # pages before it lack it
    }
    row |= _bounds(bounds, s.on_sphere)
    if "radius" in bounds:
        row |= radius.columns(bounds["radius"], row["upper"])
    row["gap_bound"] = None
    limit = row.get("upper_sphere", row["upper"])
    if row["clipped_gap"] is not None and limit is not None:
        row["gap_bound"] = gap_bound(s, limit, fit["test_points"])
    row |= columns(s)
    row |= _verdict(row)
    row |= {
        "train_seconds": trained["train_seconds"],
        "measure_seconds": fit["measure_seconds"]
        + sum(b["measure_seconds"] for b in bounds.values()),
        "flops": identity["flops_per_step"] * trained["steps"],
        "peak_bytes": trained["peak_bytes"],
    }
    del row["flops_per_step"]
    row |= trained["provenance"]
    return {k: v if _is_json(v) else None for k, v in row.items()}


def _is_json(value: Any) -> bool:
    """Whether it is no number that overflowed."""
    return not isinstance(value, float) or math.isfinite(value)


def _bounds(bounds: dict[str, dict], on_sphere: bool) -> dict:
    """Every bound by name, then the best of each side and domain.

    An upper bound on R^d holds on the sphere too, and a tangential gradient is no
    longer than the whole one: so upper_sphere <= upper and lower_sphere <= lower.
    """
    row: dict[str, Any] = {}
    found: dict[str, list[float]] = {}
    for name, bound in bounds.items():
        for domain, suffix in (("rd", ""), ("sphere", "_sphere")):
            if domain in bound:
                row[f"{bound['side']}_{name}{suffix}"] = bound[domain]
            if bound.get(domain) is not None:
                found.setdefault(bound["side"] + suffix, []).append(bound[domain])
            if f"attained_{domain}" in bound:  # an upper bound that brought a point
                value = row[f"lower_{name}{suffix}"] = bound[f"attained_{domain}"]
                if value is not None:
                    found.setdefault("lower" + suffix, []).append(value)
        if "reason" in bound:
            row[f"{bound['side']}_{name}_reason"] = bound["reason"]
    below = [*found.get("lower", ()), *found.get("lower_sphere", ())]
    row["lower"] = max(below, default=None)
    row["upper"] = min(found.get("upper", ()), default=None)
    if on_sphere:
        row["lower_sphere"] = max(found.get("lower_sphere", ()), default=None)
        above = [*found.get("upper_sphere", ()), *found.get("upper", ())]
        row["upper_sphere"] = min(above, default=None)
    for suffix in ("", "_sphere") if on_sphere else ("",):
        ratio = _ratio(row[f"upper{suffix}"], row[f"lower{suffix}"])
        closed = ratio is not None and 1 - ROUNDING <= ratio <= 1 + CLOSED
        row[f"exact{suffix}"] = row[f"upper{suffix}"] if closed else None
        row[f"upper_over_lower{suffix}"] = ratio
    return row


def _ratio(upper: float | None, lower: float | None) -> float | None:
    """upper / lower; None where it isn't known or lower is 0."""
    return upper / lower if upper is not None and lower else None


def _verdict(row: dict) -> dict:
    """Whether a certified upper bound lies below a floor of its domain, and the ratios.

    A floor on the sphere is a floor on R^d; upper_sphere is compared with it where
    there is one. reach = upper / (sigma (1 - sqrt(1 - eps / sigma^2)) law_ratio).
    """
    upper, lower, floor = row["upper"], row["lower"], row["floor"]
    violated = None
    if upper is not None and floor is not None:
        on_sphere = row["floor_sphere"]
        bound = row.get("upper_sphere", upper)
        violated = upper < floor or bool(on_sphere and bound < on_sphere)
    crossed = None
    if upper is not None and lower is not None:
        tangential = row.get("lower_sphere") or 0.0
        sphere = row.get("upper_sphere", upper) * (1 + ROUNDING)
        crossed = lower > upper * (1 + ROUNDING) or tangential > sphere
    share = (
        min(1.0, row["epsilon"] / row["noise_variance"]) if row["noise_variance"] else 0
    )
    unit = 1 - math.sqrt(1 - share) if share > 0 else 0.0
    reach = unit * math.sqrt(row["noise_variance"]) * row["law_ratio"]
    return {
        "violated": violated,
        "crossed": crossed,
        "lower_over_floor": lower / floor if lower is not None and floor else None,
        "upper_over_floor": upper / floor if upper is not None and floor else None,
        "reach": upper / reach if upper is not None and reach > 0 else None,
    }
