"""Trains, measures and tabulates an experiment; the same command continues it."""

from argparse import ArgumentParser, Namespace

from isorobust.cli.options import add_config
from isorobust.door import BadInput


def arguments(parser: ArgumentParser) -> None:
    """Declares the flags."""
    add_config(parser)
    parser.add_argument("--workdir", required=True, help="the folder of the run")
    parser.add_argument("--devices", type=int, help="devices to use; all by default")


def call(args: Namespace) -> None:
    """Runs the experiment and prints its table."""
    if args.devices is not None and args.devices < 1:
        raise BadInput(f"--devices={args.devices}: must be a whole number >= 1")
    from isorobust.experiment import load
    from isorobust.pipeline import run
    from isorobust.report.table import markdown

    result = run(load(args.config, args.set), args.workdir, args.devices)
    print(markdown(result.table))
    done = (
        f"{result.trained} networks trained" if result.trained else "nothing left to do"
    )
    print(f"{done}; {len(result.records)} records in {result.folder}/records.jsonl")
