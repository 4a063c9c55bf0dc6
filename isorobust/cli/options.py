"""Flags that several verbs share."""

from argparse import ArgumentParser, ArgumentTypeError


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
    if not text.isdecimal() or int(text) < 1:
        raise ArgumentTypeError(f"{text!r}: must be a whole number >= 1")
    return int(text)
