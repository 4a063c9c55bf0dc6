"""What made a record: versions, device, host. Honest runs may differ in all of it."""

import functools
import importlib.metadata
import os
import platform
import resource
import subprocess
import sys
from pathlib import Path

from isorobust.engine import lanes


def provenance(used: int | None = None) -> dict:
    """The columns of a record that say what made it, on so many devices (all)."""
    devices = lanes.devices()[:used]
    return {
        "software_isorobust": importlib.metadata.version("isorobust"),
        "software_git": _git(),
        "software_jax": importlib.metadata.version("jax"),
        "software_jaxlib": importlib.metadata.version("jaxlib"),
        "software_python": platform.python_version(),
        "software_xla_flags": os.environ.get("XLA_FLAGS", ""),
        "device_kind": devices[0].device_kind,
        "device_count": len(devices),
        "device_precision": "training: default, bounds: highest and float64",
        "host_cpu": host_cpu(),
    }


@functools.cache  # asked once a page
def _git() -> str | None:
    """The commit of the checkout the package runs from, "+dirty" with local changes."""
    here = Path(__file__).parent.parent
    if not (here.parent / ".git").exists():
        return None

    def ask(*words: str) -> str:
        command = ["git", "-C", str(here), *words]
        return subprocess.run(command, capture_output=True, text=True).stdout.strip()

    commit = ask("rev-parse", "--short=12", "HEAD")
    return commit + ("+dirty" if ask("status", "--porcelain", "-uno") else "") or None


@functools.cache
def host_cpu() -> str:
    """The processor's name and the number of its cores."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    names = [line.partition(":")[2].strip() for line in lines if "model name" in line]
    return f"{names[0] if names else platform.machine()} x {len(names) or 1}"


def peak_bytes() -> int:
    """Largest memory of this process so far (the accelerator's, where it tells)."""
    stats = [device.memory_stats() for device in lanes.devices()]
    if all(stats):
        return max(int(each["peak_bytes_in_use"]) for each in stats)
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit
