"""Says what a run would do, and how long it would take, after timing its programs."""

from argparse import ArgumentParser, Namespace
from typing import Any

from isorobust.cli.options import add_config, add_devices


def arguments(parser: ArgumentParser) -> None:
    """Declares the flags."""
    add_config(parser)
    add_devices(parser)
    parser.add_argument(
        "--untimed",
        action="store_true",
        help="don't compile and time the programs: no memory, a wider forecast",
    )


def call(args: Namespace) -> None:
    """Prints the plan of the experiment."""
    from isorobust.account import history
    from isorobust.engine import lanes
    from isorobust.engine.cache import Cache
    from isorobust.engine.forecast import Forecast, Past
    from isorobust.engine.plan import plan
    from isorobust.engine.rehearse import parts, rehearse
    from isorobust.experiment import load
    from isorobust.progress import Watch

    whole = plan(load(args.config, args.set))
    Cache.open()
    programs = lanes.programs(args.devices)
    past = history.recall(whole.experiment)
    sizes: dict[int, int] = {}
    if not args.untimed:
        count = len(parts(whole, past))
        with Watch("time", count, count, lambda: watch.pro_rata(), "programs") as watch:
            timed, sizes = rehearse(whole, programs, past, watch.advance)
        past = Past(past.steps, timed.speeds, timed.measures, timed.compile_seconds)
        history.remember(whole.experiment, Past({}, timed.speeds, timed.measures))
    _show(whole, Forecast(whole.groups, len(programs), past), sizes)


def _show(whole: Any, forecast: Any, sizes: dict[int, int]) -> None:
    from rich.console import Console
    from rich.table import Table

    from isorobust.engine.lanes import block_size
    from isorobust.engine.plan import disk_bytes, flops_per_step

    table = Table()
    longest = max((len(str(group.rung)) for group in whole.groups), default=None)
    table.add_column("rung", min_width=longest)
    for name in ("recipe", "nets", "blocks", "KB", "MFLOP", "steps", "device s"):
        table.add_column(name, justify="left" if name == "recipe" else "right")
    for group in whole.groups:
        step = flops_per_step(group.trials[0].cell, group.rung)
        steps = forecast.expected_steps(group)
        table.add_row(
            str(group.rung),
            group.recipe,
            str(len(group.trials)),
            str(-(-len(group.trials) // block_size(group.rung))),
            f"{sizes[group.index] / 1e3:,.0f}" if group.index in sizes else "-",
            f"{step / 1e6:.3g}",
            f"{steps:,.0f}",
            f"{steps * forecast.seconds_a_step(group):.1f}",
        )
    Console().print(table)
    print(
        "rung: padded n x d x width; blocks: micro-blocks of lanes; KB: memory of one; "
        "MFLOP: a network-step's; steps: of all the networks; device s: their seconds"
    )
    experiment = whole.experiment
    print(
        f"{experiment.track} v{experiment.version}: {len(whole.trials)} networks in "
        f"{len(experiment.cells)} cells, {whole.programs} training programs, at most "
        f"{whole.flops / 1e9:,.0f} GFLOP, {disk_bytes(whole) / 1e6:.1f} MB on disk"
    )
    if experiment.cases:
        count = len(experiment.cases)
        print(f"and {count} cases x {experiment.seeds} seeds, solved on the host")
    print(
        f"training {forecast.training()}, measuring {forecast.measuring()}, "
        f"together {forecast.total()}: medians and 90 % intervals"
    )
