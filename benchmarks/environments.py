"""The peers' own environments, made by the benchmarks where they are missing."""

import contextlib
import shutil
import subprocess
import sys
from pathlib import Path
from typing import NamedTuple

from peer import say

ROOT = Path(__file__).resolve().parent.parent


class Environment(NamedTuple):
    """A virtual environment in ROOT.

    requires: what pip installs, name==version; least: the least Python, as (3, 12)
    """

    folder: str
    requires: tuple[str, ...]
    least: tuple[int, int] = (3, 11)


TORCH = Environment(".venv-torch", ("torch==2.13.0", "numpy"))
SOLVER = Environment(".venv-solver", ("cvxpy==1.9.3",))
TURBANET = Environment(".venv-turbanet", ("turbanet==0.3.1",), (3, 12))


def python(environment: Environment) -> str | None:
    """The environment's Python; made where there is none, None where that fails."""
    folder, requires, least = environment
    found = str(ROOT / folder / "bin" / "python")
    if _has(found, requires):
        return found
    base = _interpreter(least)
    if base is None:
        say(f"no Python >= {least[0]}.{least[1]} for {', '.join(requires)}")
        return None
    say(f"installing {', '.join(requires)} in {folder}, once")
    pip = [found, "-m", "pip", "install", "-q", *requires]
    try:
        for call in ([base, "-m", "venv", "--clear", str(ROOT / folder)], pip):
            subprocess.run(call, check=True, capture_output=True)
    except (OSError, subprocess.CalledProcessError):
        say(f"{', '.join(requires)} could not be installed")
        return None
    return found if _has(found, requires) else None


def _has(python: str, requires: tuple[str, ...]) -> bool:
    """Whether the Python exists and has what is required, at that version."""
    code = "import sys; from importlib.metadata import version as v"
    for name, _, wanted in (require.partition("==") for require in requires):
        code += f"; assert v({name!r}).startswith({wanted!r})"
    with contextlib.suppress(OSError):
        return subprocess.run([python, "-c", code], capture_output=True).returncode == 0
    return False


def _interpreter(least: tuple[int, int]) -> str | None:
    """A Python of at least that version: this one, on the PATH, or of pyenv."""
    names = [f"python{least[0]}.{minor}" for minor in range(least[1], least[1] + 4)]
    versions = sorted(Path.home().glob(".pyenv/versions/*/bin/python"))
    for path in (sys.executable, *map(shutil.which, names), *map(str, versions)):
        with contextlib.suppress(OSError, subprocess.CalledProcessError):
            if path:
                code = f"import sys; sys.exit(sys.version_info < {least!r})"
                subprocess.run([path, "-c", code], check=True, capture_output=True)
                return path
    return None
