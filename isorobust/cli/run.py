"""Trains, measures and tabulates an experiment; the same command continues it."""

import signal
import threading
from argparse import ArgumentParser, Namespace
from types import FrameType

from isorobust.cli.ending import AGAIN, INTERRUPTED, fail
from isorobust.cli.options import add_config, add_devices

# what announces a preemption: SLURM, submitit, Kubernetes and the clouds send these
SIGNALS = (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1, signal.SIGUSR2)


def arguments(parser: ArgumentParser) -> None:
    """Declares the flags."""
    add_config(parser)
    parser.add_argument("--workdir", required=True, help="the folder of the run")
    add_devices(parser)


def call(args: Namespace) -> None:
    """Runs the experiment and prints its table."""
    stop, caught = threading.Event(), []

    def ask(number: int, frame: FrameType | None) -> None:
        caught.append(number)
        stop.set()
        if caught.count(signal.SIGINT) > 1:
            fail("stopped at once; the same command continues", INTERRUPTED)

    for number in SIGNALS:
        signal.signal(number, ask)
    from isorobust.experiment import load
    from isorobust.pipeline import Interrupted, run
    from isorobust.report.formats import markdown

    try:
        result = run(load(args.config, args.set), args.workdir, args.devices, stop)
    except Interrupted:
        code = INTERRUPTED if signal.SIGINT in caught else AGAIN
        name = signal.Signals(caught[0]).name
        fail(f"stopped by {name}: saved, and the same command continues", code)
    print(markdown(result.table))
    did = [f"{result.trained} networks trained"] if result.trained else []
    did += [f"{result.solved} cases solved"] if result.solved else []
    there = [(result.records, "records"), (result.rows, "cases")]
    files = [f"{len(rows)} in {result.folder}/{n}.jsonl" for rows, n in there if rows]
    print(f"{', '.join(did) or 'nothing left to do'}; {', '.join(files)}")
    print(f"to look at: {result.folder}/report.html")
