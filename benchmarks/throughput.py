"""isorobust makes 2.5x the steps of jit(vmap(scan)), 9.5x of torch.func.vmap.

| peer | compile s | network-steps/s, median [min, max] | isorobust / peer |
| --- | ---: | ---: | ---: |
| isorobust | 0.79 | 119,708 [115,238, 121,829] | 1.00 |
| jit(vmap(scan)), as jax starts: one device | 0.27 | 48,263 [31,658, 66,940] | 2.52 |
| the same, a pinned process a core | 0.42 | 131,715 [125,154, 132,896] | **0.92** |
| pmap(vmap(scan)), two devices | 0.48 | 114,115 [108,690, 118,042] | 1.05 |
| jit(vmap(step)) called from Python | 0.24 | 45,550 [33,628, 59,843] | 2.53 |
| the same, a pinned process a core | 0.38 | 120,321 [116,024, 120,994] | 0.99 |
| flax loop (a pinned process a core) | 0.23 | 30,588 (53,096) | 3.98 (2.25) |
| TurbaNet 0.3.1 (a process a core) | 0.26 | 52,505 (53,692) | 2.19 (2.23) |
| torch.func.vmap (a process a core) | 1.03 | 12,633 (14,209) | 9.54 (8.41) |
| PyTorch stacked bmm (a process a core) | 0.03 | 18,053 (22,672) | 6.63 (5.08) |
| PyTorch loop (a process a core) | 0.02 | 4,824 (9,422) | 24.99 (12.75) |
| PyTorch fused loop (a process a core) | 0.03 | 6,262 (12,530) | 19.23 (9.48) |

2 cores of an AMD EPYC, Python 3.11, jax 0.10.2, torch 2.13.0, 5 interleaved rounds of a
second, 2026-11-24. What is won over plain jax is one device a core: whoever pins a
process a core with half of the networks has that too, and is 8 % faster, because it
never stops a lane: freezing costs 4 % of a step, m = 32 in place of 4 the rest. With
1000 steps and compiling counted in, plain jax is faster still, 71k against 48k: its one
program a process compiles in half the time of ours on two devices.

Question. How many steps of full-batch Adam a second, all networks taken together?
Two-layer ReLU networks with biases, (n, d, width) = (256, 32, 64) unless asked
otherwise, MSE, float32, each on data of its own.

Rules. Peers start at the same parameters, and after 100 steps parameters and MSE are
compared within a tolerance. Rounds of a second are interleaved; ratios are medians over
the rounds. Every peer that doesn't use all cores by itself also runs as a process per
core, each pinned to its core with its share of the networks, and the rates are added.
Of numbers of threads the best counts. "compile s" is what the first steps of all
networks take more than later ones; the last column counts it in.

Command.  python benchmarks/throughput.py [--n=512 --d=64 --width=256 --networks=32]
          [--only=isorobust] [--json]
Cost.     Five minutes; the first time also that of installing torch in .venv-torch and
          TurbaNet (Python >= 3.12) in .venv-turbanet.
"""

import argparse
import contextlib
import json
import statistics
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Annotated

import environments
import jax_peers
import numpy as np
import suite
import torch_peer
from peer import CHECK, ask, cores, hear, launch, mse, say

from isorobust.door import AtLeast, BadInput, nearest, parse, validate

PEERS = (suite.NAME, *jax_peers.PEERS, *torch_peer.PEERS)
WHOLE = (suite.NAME, "pmap(vmap(scan))")  # these use every core by themselves
# largest relative differences that peers may have from the first: of a network's
# parameters (rounding moves the step at which a ReLU turns) and of the mean MSE
AGREE, AGREE_MSE = 2e-2, 1e-3
LATER = 1000  # steps of the column that counts compiling in


@dataclass(frozen=True)
class Race:
    """What is raced: so many networks of (n, d, width), timed so many times."""

    networks: Annotated[int, AtLeast(1)] = 64
    n: Annotated[int, AtLeast(1)] = 256
    d: Annotated[int, AtLeast(1)] = 32
    width: Annotated[int, AtLeast(1)] = 64
    rounds: Annotated[int, AtLeast(1)] = 5


@dataclass
class Team:
    """The processes of a peer that share the networks, and what they told.

    apart: (median, largest) relative difference of a network's parameters from those
        of the first peer; mse: mean over the networks; both after CHECK steps
    rates: {how: network-steps/s of each round}
    """

    processes: list[subprocess.Popen]
    version: str = ""
    compile_seconds: float = 0.0
    apart: tuple[float, float] = (0.0, 0.0)
    mse: float = 0.0
    rates: dict[str, list[float]] = field(default_factory=dict)
    roofs: list[float] = field(default_factory=list)

    @property
    def best(self) -> tuple[str, list[float]]:
        """(how, network-steps/s of each round) of the fastest way."""
        return max(self.rates.items(), key=lambda way: statistics.median(way[1]))

    def later(self, networks: int) -> float:
        """Network-steps/s over LATER steps, compiling counted in."""
        work = networks * LATER
        return work / (self.compile_seconds + work / statistics.median(self.best[1]))

    def round(self, name: str) -> None:
        """One more round."""
        for process in self.processes:
            ask(process)
        told = [hear(name, process) for process in self.processes]
        for how in told[0]["rates"]:
            rate = sum(one["rates"][how] for one in told)
            self.rates.setdefault(how, []).append(rate)
        if told[0]["roof"]:
            self.roofs.append(told[0]["roof"])


Teams = dict[str, list[Team]]  # of each peer: one process, and one per core


def command(name: str) -> list[str] | None:
    """How a peer's process is started; None where its environment can't be made."""
    python: str | None = sys.executable
    module = suite if name == suite.NAME else jax_peers
    if name in torch_peer.PEERS:
        module, python = torch_peer, environments.python(environments.TORCH)
    elif name == "TurbaNet":
        python = environments.python(environments.TURBANET)
    return [python, str(module.__file__), name] if python else None


def gather(
    name: str, call: list[str], folder: Path, count: int, stack: contextlib.ExitStack
) -> tuple[Team, dict[str, np.ndarray]]:
    """(the team of `count` processes, its parameters after CHECK steps)."""
    pins = cores() if count > 1 else [None]
    saved = [folder / f"weights-{i}.npz" for i in range(count)]
    team = Team([])
    for i, path in enumerate(saved):
        words = [*call, str(folder / "problem.npz"), f"{i}/{count}", str(path)]
        team.processes.append(stack.enter_context(launch(words, pins[i])))
        stack.callback(team.processes[-1].kill)
    told = [hear(name, process) for process in team.processes]
    team.version = told[0]["version"]
    team.compile_seconds = max(one["compile_seconds"] for one in told)
    parts = [dict(np.load(path)) for path in saved]
    return team, {key: np.concatenate([p[key] for p in parts]) for key in parts[0]}


def compete(race: Race, names: list[str]) -> tuple[Teams, list[str]]:
    """({peer: its teams}, peers that could not run). Raises RuntimeError."""
    found: Teams = {}
    absent, first, most = [], None, min(len(cores()), race.networks)
    with tempfile.TemporaryDirectory() as place, contextlib.ExitStack() as stack:
        folder = Path(place)
        networks = suite.trials(race.networks, race.n, race.d, race.width)
        problem = suite.problem(networks)
        np.savez(folder / "problem", allow_pickle=False, **problem)
        for name in names:  # one after the other: compiling is timed
            call, teams = command(name), []
            try:
                if call is None:
                    raise RuntimeError(f"{name}: no environment")
                for count in {1} if name in WHOLE else sorted({1, most}):
                    say(f"{name}: compiling and warming up, processes: {count}")
                    team, params = gather(name, call, folder, count, stack)
                    first = first or params
                    team.apart, team.mse = apart(params, first), mse(problem | params)
                    teams.append(team)
            except RuntimeError as error:
                say(f"{error}; left out")
                absent.append(name)
            else:
                found[name] = teams
        agree(found)
        for i in range(race.rounds):
            say(f"round {i + 1} of {race.rounds}")
            for name, teams in found.items():
                for team in teams:
                    team.round(name)
    return found, absent


def apart(
    params: dict[str, np.ndarray], first: dict[str, np.ndarray]
) -> tuple[float, float]:
    """Median and largest |difference| / |parameters| over the networks."""

    def lengths(params: dict[str, np.ndarray]) -> np.ndarray:
        flat = [v.reshape(len(v), -1) for v in params.values()]
        return np.linalg.norm(np.concatenate(flat, axis=1), axis=1)

    difference = {name: params[name] - first[name] for name in first}
    ratios = lengths(difference) / lengths(first)
    return float(np.median(ratios)), float(np.max(ratios))


def agree(found: Teams) -> None:
    """Raises RuntimeError unless all peers train alike."""
    if not found:
        raise RuntimeError("none of these peers can run here")
    teams = [(name, team) for name, each in found.items() for team in each]
    first = teams[0][1].mse
    for name, team in teams:
        if team.apart[1] > AGREE or abs(team.mse / first - 1) > AGREE_MSE:
            what = f"parameters apart {team.apart}, MSE {team.mse} against {first}"
            raise RuntimeError(f"{name} trains otherwise: after {CHECK} steps {what}")


def render(race: Race, found: Teams, absent: list[str]) -> str:
    """The table in Markdown, and the line of the roof."""
    ours = found.get(suite.NAME, [None])[0]
    lines = [
        "| peer | compile s | network-steps/s, median [min, max] | isorobust / peer "
        f"| {LATER} steps with compiling | isorobust / peer "
        "| parameters apart: median, largest |",
        "| --- | ---: | ---: | ---: | ---: | ---: | ---: |",
    ]
    for name, teams in found.items():
        for team in teams:
            how, rates = team.best
            count = len(team.processes)
            about = [how, f"{count} processes" if count > 1 else "", team.version]
            later, ratio, late = team.later(race.networks), "-", "-"
            if ours:
                pairs = zip(ours.best[1], rates, strict=True)
                ratio = f"{statistics.median(us / it for us, it in pairs):.2f}"
                late = f"{ours.later(race.networks) / later:.2f}"
            middle = statistics.median(rates)
            cells = [
                f"{name} ({', '.join(filter(None, about))})",
                f"{team.compile_seconds:.2f}",
                f"{middle:,.0f} [{min(rates):,.0f}, {max(rates):,.0f}]",
                ratio,
                f"{later:,.0f}",
                late,
                f"{team.apart[0]:.0e}, {team.apart[1]:.0e}",
            ]
            lines += [f"| {' | '.join(cells)} |"]
    if ours:
        roof, rate = statistics.median(ours.roofs), statistics.median(ours.best[1])
        cell = suite.trials(1, race.n, race.d, race.width)[0].cell
        flops = suite.flops_per_step(cell) * rate
        did = f"isorobust: {flops / 1e9:.0f} GFLOP/s of matrix products"
        of = f"the {roof / 1e9:.0f} of a float32 product 2048 x 2048 on all devices"
        lines += ["", f"{did}, {flops / roof:.0%} of {of}"]
    sizes = ", ".join(f"{f.name} {getattr(race, f.name)}" for f in fields(race))
    lines += ["", f"{sizes}; {suite.machine()}"]
    return "\n".join(lines + [f"\ncould not run here: {name}" for name in absent])


def options(words: list[str]) -> tuple[Race, list[str], bool]:
    """(the race, the peers' names, whether to print JSON). Raises BadInput."""
    # no usage text: a mistake is said in one line
    parser = argparse.ArgumentParser(
        usage=argparse.SUPPRESS,
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    for each in fields(Race):
        parser.add_argument(f"--{each.name}", default=str(each.default))
    parser.add_argument("--only", action="append", help=", ".join(PEERS))
    parser.add_argument("--json", action="store_true")
    args = parser.parse_args(words)
    sizes = {f.name: parse(getattr(args, f.name), f.type, f.name) for f in fields(Race)}
    validate(Race(**sizes), "")
    asked = [name.strip() for some in args.only or PEERS for name in some.split(",")]
    for name in asked:
        if name not in PEERS:
            raise BadInput(f"only={name}: no such peer; {nearest(name, PEERS)}")
    return Race(**sizes), [name for name in PEERS if name in asked], args.json


def main() -> None:
    """The command line."""
    try:
        race, names, as_json = options(sys.argv[1:])
        found, absent = compete(race, names)
    except BadInput as error:
        say(f"--{error}")
        sys.exit(2)
    except RuntimeError as error:
        say(str(error))
        sys.exit(1)
    medians = {
        name: max(statistics.median(team.best[1]) for team in teams)
        for name, teams in found.items()
    }
    print(json.dumps(medians) if as_json else render(race, found, absent))


if __name__ == "__main__":
    main()
