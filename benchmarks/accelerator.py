"""Not run on an accelerator yet: no GPU and no TPU was at hand.

Question. What does one accelerator make of the suite: how far from the machine's roofs
is a training step, what bounds it, which m is best, how many network-steps a second
against a loop over single networks (goal: 300 times) and torch.func.vmap, how many
networks reach their target a minute, how many are bracketed a second?

Command.  python benchmarks/accelerator.py [--minutes=9] [--smoke] [--only=NAME,...]
Cost.     At most --minutes, on one device, no network, nothing to install but jax and
          what the suite needs. `--smoke`: everything tiny, a minute on 2 CPU cores.

Writes benchmarks/results/<date>-<device>/: a JSON file a stage, after each of them;
summary.md with every table; law/ with the records and the table of the law. A stage is
a process of its own with a share of the clock; what it did not use, the others get. One
that fails or overruns is recorded with its error, and the next one goes on.
"""

import argparse
import contextlib
import datetime
import importlib.metadata
import os
import re
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from kit.figure import draw
from kit.stage import read, say, write
from kit.summary import render

HERE = Path(__file__).resolve().parent
ROOT = HERE.parent

# in the order of their importance; the numbers are shares of the clock
SHARES = {
    "fingerprint": 2,
    "roofs": 9,
    "block": 26,
    "loop": 6,
    "pallas": 22,
    "loops": 8,
    "graphs": 4,
    "profile": 8,
    "precision": 7,
    "lanes": 8,
    "target": 12,
    "bounds": 9,
    "torch": 8,
    "law": 36,
}
# while loops and products in CUDA graphs: fewer launches a step, if the backend can
GRAPHS = "FUSION,CUBLAS,CUBLASLT,CUSTOM_CALL,CUDNN,DYNAMIC_SLICE_FUSION,WHILE"
LEAST = "--xla_gpu_graph_min_graph_size=1"
FLAGS = {"graphs": f"--xla_gpu_enable_command_buffer={GRAPHS} {LEAST}"}
FRESH = ("target",)  # its compiling is timed: no programs of other stages
TAIL = 3000  # characters of a failed stage's output that are kept
FLOOR = 20.0  # seconds: the least that a stage gets while there is time
SLACK = 5.0  # seconds that a stage has to end by itself before it is killed


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--minutes", type=float, default=9.0)
    parser.add_argument("--smoke", action="store_true")
    parser.add_argument("--only", help=f"some of {', '.join(SHARES)}")
    parser.add_argument("--out", type=Path, help="a folder instead of results/...")
    args = parser.parse_args()
    asked = set((args.only or ",".join(SHARES)).split(",")) | {"fingerprint"}
    names = [name for name in SHARES if name in asked]
    until = time.monotonic() + 60 * args.minutes - 2 * SLACK
    with tempfile.TemporaryDirectory(prefix="isorobust-kit-") as scratch:
        found = Path(args.out.resolve() if args.out else Path(scratch) / "found")
        found.mkdir(parents=True, exist_ok=True)
        for place, name in enumerate(names):
            shares = [SHARES[later] for later in names[place:]]
            left = until - time.monotonic()
            seconds = min(left, max(FLOOR, left * shares[0] / sum(shares)))
            ask(name, found, Path(scratch), seconds, args.smoke)
            if not args.out:
                found = home(found, args.smoke)
            (found / "summary.md").write_text(render(found))
        print(render(found))
        say(f"all of it in {found}")
        with contextlib.suppress(ImportError):  # no figure without matplotlib
            draw(found)


def home(found: Path, smoke: bool) -> Path:
    """The results' folder, named when the first stage has said what the device is."""
    if found.name != "found":
        return found
    kind = str(read(found / "fingerprint.json").get("device_kind", "unknown"))
    slug = re.sub(r"\W+", "-", kind.lower()).strip("-") + ("-smoke" if smoke else "")
    place = HERE / "results" / f"{datetime.date.today()}-{slug}"
    place.mkdir(parents=True, exist_ok=True)
    for file in found.iterdir():
        (place / file.name).write_bytes(file.read_bytes())
    return place


def ask(name: str, folder: Path, scratch: Path, seconds: float, smoke: bool) -> None:
    """Runs one stage in a process of its own and adds to its file how that went."""
    file = folder / f"{name}.json"
    file.unlink(missing_ok=True)
    if seconds < 1:
        write(file, {"stage": {"status": "no time left", "seconds": 0.0}})
        return
    say(f"{name}: at most {seconds:.0f} s")
    soft = max(1.0, seconds - SLACK)
    call = [sys.executable, "-m", "kit", name, str(folder), f"{soft:.1f}"]
    began = time.monotonic()
    with (scratch / f"{name}.log").open("w+") as log:
        process = subprocess.Popen(
            [*call, *(["smoke"] if smoke else [])],
            cwd=ROOT,
            env=environment(name, scratch),
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
        try:
            code = process.wait(seconds)
            status = "done" if code == 0 else f"failed ({code})"
        except subprocess.TimeoutExpired:
            status = "overran"
        finally:
            end(process)
        log.seek(0)
        told = log.read()
    about = {"status": status, "seconds": time.monotonic() - began}
    say(f"{name}: {status} after {about['seconds']:.0f} s")
    if status != "done":
        about["output"] = told[-TAIL:]
        say((told.strip().splitlines() or [""])[-1][:200])
    write(file, read(file) | {"stage": about})


def end(process: subprocess.Popen) -> None:
    """Ends a stage's process and what it started: they are a session of their own."""
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def environment(name: str, scratch: Path) -> dict[str, str]:
    """A stage's: checkout and kit on the path, a cache of programs, its XLA flags."""
    env = dict(os.environ)
    paths = [str(ROOT), str(HERE), *filter(None, [env.get("PYTHONPATH")])]
    try:
        importlib.metadata.version("isorobust")
    except importlib.metadata.PackageNotFoundError:
        paths.append(str(_metadata(scratch / "metadata")))
    env["PYTHONPATH"] = os.pathsep.join(paths)
    if name not in FRESH:
        env["JAX_COMPILATION_CACHE_DIR"] = str(scratch / "cache")
        env["JAX_PERSISTENT_CACHE_MIN_COMPILE_TIME_SECS"] = "0"
    if name in FLAGS:
        env["XLA_FLAGS"] = f"{env.get('XLA_FLAGS', '')} {FLAGS[name]}".strip()
    if name == "lanes":  # the question is how much fits
        env.setdefault("XLA_PYTHON_CLIENT_MEM_FRACTION", "0.92")
    return env


def _metadata(folder: Path) -> Path:
    """What an installation would say of the version: records name it."""
    line = re.search(r"(?m)^version = (\S+)$", (ROOT / "setup.cfg").read_text())
    version = line[1] if line else "0"
    place = folder / f"isorobust-{version}.dist-info"
    place.mkdir(parents=True, exist_ok=True)
    told = f"Metadata-Version: 2.1\nName: isorobust\nVersion: {version}\n"
    (place / "METADATA").write_text(told)
    return folder


if __name__ == "__main__":
    main()
