"""Proves a table: every hash, and the table made again from its rows."""

from argparse import ArgumentParser, Namespace
from pathlib import Path

from isorobust.cli.ending import DIFFERS, fail

WORDS = {True: "holds", False: "FAILS", None: "-"}


def arguments(parser: ArgumentParser) -> None:
    """Declares the arguments."""
    parser.add_argument("run", metavar="RUN", help="the folder of a run, or published")


def call(args: Namespace) -> None:
    """Prints a line a finding; ends with 1 where one fails."""
    from isorobust.report.proof import prove

    findings = []
    for finding in prove(Path(args.run)):
        findings.append(finding)
        print(f"{WORDS[finding.holds]:6} {finding.said}", flush=True)
    failed = [finding.said for finding in findings if finding.holds is False]
    if failed:
        fail(f"{args.run}: {len(failed)} of {len(findings)} fail: {failed[0]}", DIFFERS)
