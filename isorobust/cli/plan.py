"""Says what a run would do: networks, programs, pages, operations."""

from argparse import ArgumentParser, Namespace
from collections import Counter, defaultdict

from rich.console import Console
from rich.table import Table

from isorobust.cli.options import add_config


def arguments(parser: ArgumentParser) -> None:
    """Declares the flags."""
    add_config(parser)


def call(args: Namespace) -> None:
    """Prints the plan of the experiment."""
    from isorobust.engine.plan import plan
    from isorobust.experiment import load

    whole = plan(load(args.config, args.set))
    experiment = whole.experiment
    table = Table("rung n x d x width", "recipe", "networks", "pages", "GFLOP at most")
    networks: Counter = Counter()
    pages: Counter = Counter()
    flops: dict[tuple, float] = defaultdict(float)
    for page in whole.pages:
        networks[page.program] += len(page.trials)
        pages[page.program] += 1
        flops[page.program] += page.cost
    for program in whole.programs:
        rung, recipe, _ = program
        counts = (str(networks[program]), str(pages[program]))
        table.add_row(str(rung), recipe, *counts, f"{flops[program] / 1e9:,.0f}")
    Console().print(table)
    print(
        f"{experiment.track} v{experiment.version}: {len(whole.trials)} networks in "
        f"{len(experiment.cells)} cells, {len(whole.programs)} training programs, "
        f"{len(whole.pages)} pages, at most {whole.flops / 1e9:,.0f} GFLOP"
    )
