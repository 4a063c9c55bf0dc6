"""What earlier runs on this machine teach a plan: steps to the target, and speeds.

One small JSON file a track in the user's cache folder; a lost or damaged one costs a
wider forecast, nothing else.
"""

import json
from pathlib import Path

from isorobust.account.provenance import provenance
from isorobust.engine.cache import user_folder
from isorobust.engine.forecast import Past
from isorobust.experiment import Experiment
from isorobust.files import as_json, write_whole


def recall(experiment: Experiment) -> Past:
    """What is known of the track; speeds only of this machine and these versions."""
    try:
        held = json.loads(_file(experiment).read_bytes())
        here = held["speeds"].get(_machine(), {})
        return Past(
            {
                str(cell): [int(s) for s in steps]
                for cell, steps in held["steps"].items()
            },
            {str(key): float(s) for key, s in here.get("train", {}).items()},
            {str(key): float(s) for key, s in here.get("measure", {}).items()},
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RuntimeError):
        return Past()


def remember(experiment: Experiment, learnt: Past) -> None:
    """Adds what was learnt; silently not, where the folder can't be written."""
    try:
        file = _file(experiment)
        file.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        try:
            held = json.loads(file.read_bytes())
            steps, speeds = dict(held["steps"]), dict(held["speeds"])
        except (OSError, ValueError, KeyError, TypeError):
            steps, speeds = {}, {}
        here = speeds.get(_machine(), {})
        train = here.get("train", {}) | learnt.speeds
        measure = here.get("measure", {}) | learnt.measures
        speeds[_machine()] = {"train": train, "measure": measure}
        write_whole(file, as_json({"steps": steps | learnt.steps, "speeds": speeds}))
    except (OSError, RuntimeError, ValueError, TypeError, AttributeError):
        pass  # a damaged history is no reason to stop


def _file(experiment: Experiment) -> Path:
    name = "".join(c if c.isalnum() or c in "-+." else "_" for c in experiment.track)
    return user_folder() / "history" / f"{name}-v{experiment.version}.json"


def _machine() -> str:
    about = provenance()
    names = ("host_cpu", "device_kind", "device_count", "software_jax")
    return " / ".join(str(about[name]) for name in names)
