"""The command line: picks the verb, and turns what goes wrong into one line."""

import io
import sys
from collections.abc import Sequence
from typing import Any, NoReturn

from absl import app, flags, logging
from absl.flags import argparse_flags

from isorobust.cli import (
    cite,
    fit,
    law,
    measure,
    plan,
    report,
    run,
    verify,
    version,
)
from isorobust.cli.ending import guarded
from isorobust.door import BadInput, nearest

VERBS = {
    "plan": plan, "run": run, "report": report, "cite": cite, "verify": verify,
    "fit": fit, "measure": measure, "law": law, "version": version,
}  # fmt: skip
SAID = "The benchmark of the law of robustness. `isorobust VERB --help` says more."


class Parser(argparse_flags.ArgumentParser):
    """argparse, except that a mistake is a BadInput and not a page of usage."""

    def error(self, message: str) -> NoReturn:
        """Raises what argparse found wrong as BadInput."""
        raise BadInput(message)


def main() -> None:
    """Entry point: exit code 0, or 2 with one line for bad input."""
    if isinstance(sys.stdout, io.TextIOWrapper):  # pages say that they are UTF-8
        sys.stdout.reconfigure(encoding="utf-8", errors="backslashreplace")
    app.run(call, flags_parser=guarded(parse))


def parse(argv: Sequence[str]) -> Any:
    """The parsed arguments; `args.call(args)` does the work."""
    flags.FLAGS.mark_as_parsed()  # absl's own (-v, ...) are no flags of ours
    parser = Parser(
        prog="isorobust",
        description=SAID,
        allow_abbrev=False,
        inherited_absl_flags=None,
    )
    shelf = parser.add_subparsers(dest="verb", metavar=" | ".join(VERBS))
    parsers = {}
    for name, module in VERBS.items():
        parsers[name] = shelf.add_parser(
            name,
            help=module.__doc__,
            description=module.__doc__,
            allow_abbrev=False,
            inherited_absl_flags=None,
        )
        module.arguments(parsers[name])
        parsers[name].set_defaults(call=module.call)
    words = argv[1:]
    if not words:
        raise BadInput(f"which verb? {nearest('', VERBS)}")
    if words[0][:1] == "-" and words[0] not in parser._option_string_actions:
        close = nearest(words[0].lstrip("-"), VERBS)
        raise BadInput(f"{words[0]}: no verb; which? {close}")
    verb = next((word for word in words if not word.startswith("-")), None)
    if verb is not None and verb not in VERBS:
        raise BadInput(f"{verb}: no such verb; {nearest(verb, VERBS)}")
    if verb is not None:
        known = [f for f in parsers[verb]._option_string_actions if f[:2] == "--"]
        for word in words[words.index(verb) :]:
            flag = word.partition("=")[0]
            if flag[:2] == "--" and flag not in known:
                raise BadInput(f"{verb} {flag}: no such flag; {nearest(flag, known)}")
    return parser.parse_args(words)


def call(args: Any) -> None:
    """Does what the parsed arguments ask for."""
    logging.set_verbosity(logging.WARNING)  # jax tells of every backend it lacks
    guarded(args.call)(args)
