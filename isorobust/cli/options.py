"""Flags that several verbs share."""

from argparse import ArgumentParser


def add_config(parser: ArgumentParser) -> None:
    """--config and --set."""
    parser.add_argument(
        "--config", required=True, help="configs/law.py, or configs/law.py:smoke"
    )
    parser.add_argument(
        "--set",
        action="append",
        default=[],
        metavar="FIELD=VALUE",
        help="seeds=2, recipe.steps=500, ...; as often as you like",
    )
