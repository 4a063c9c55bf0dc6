"""Builds the API reference from the docstrings by pdoc: `make docs`.

python docs/reference.py build/docs
"""

import sys
from pathlib import Path

import pdoc

import isorobust

# beside what `isorobust` itself names: what a config may say
MODULES = ("isorobust.cases", "isorobust.results", "isorobust.experiment")


def build(place: Path) -> None:
    """Writes HTML pages with a search box into a folder."""
    for name in isorobust.__all__:  # loaded when first asked for, and pdoc only looks
        vars(isorobust)[name] = getattr(isorobust, name)
    pdoc.render.configure(docformat="markdown", show_source=False)
    pdoc.pdoc("isorobust", *MODULES, output_directory=place)


if __name__ == "__main__":
    build(Path(sys.argv[1]))
