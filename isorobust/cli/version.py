"""Prints the versions and the devices that a record would name."""

import json
from argparse import ArgumentParser, Namespace


def arguments(parser: ArgumentParser) -> None:
    """Declares no flags."""


def call(args: Namespace) -> None:
    """Prints the provenance columns as JSON."""
    from isorobust.account.provenance import provenance

    print(json.dumps(provenance(), indent=1))
