"""Flags that several verbs share."""

from argparse import ArgumentParser

from isorobust.door import BadInput


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


def add_devices(parser: ArgumentParser) -> None:
    """--devices."""
    parser.add_argument("--devices", type=_count, help="devices to use; all by default")


def _count(text: str) -> int:
    """The number of devices. Raises BadInput (argparse would swallow a ValueError)."""
    try:
        count = int(text)
    except ValueError:
        count = 0
    if count < 1:
        raise BadInput(f"--devices={text}: must be a whole number >= 1")
    return count
