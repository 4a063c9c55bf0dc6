r"""The table as LaTeX: booktabs, with a caption and a label for every tabular.

A fragment to \input; it asks the preamble for booktabs, graphicx and array.
"""

import re
import unicodedata

from isorobust.report.cells import Grid, grids
from isorobust.report.table import Table
from isorobust.report.words import LEGEND, title

LINES = 40  # of a tabular: more don't fit a page, and go into a second part
# a tabular that is wider than the text is scaled down to it
FIT = (
    r"\providecommand{\isorobustfit}[1]{\setbox0\hbox{#1}"
    r"\ifdim\wd0>\linewidth\resizebox{\linewidth}{!}{\box0}\else\box0\fi}"
)
RAGGED = r">{{\raggedright\arraybackslash}}p{{{}\linewidth}}"
ESCAPED = {c: "\\" + c for c in "&%$#_{}"} | {
    "~": r"\textasciitilde{}",
    "^": r"\textasciicircum{}",
    "\\": r"\textbackslash{}",
    "<": r"\textless{}",
    ">": r"\textgreater{}",
    "|": r"\textbar{}",
    '"': "''",
    "`": r"\textasciigrave{}",
    "[": "{[}",  # after a line's end it would begin an option
    "]": "{]}",
    "-": "{-}",  # two would be a dash
}
UNICODE = {
    "√": r"$\surd$", "≥": r"$\geq$", "≤": r"$\leq$", "·": r"$\cdot$",
    "\u00d7": r"$\times$",
    "ε": r"$\varepsilon$", "\u03c3": r"$\sigma$", "²": r"$^2$", "≈": r"$\approx$",
    "∞": r"$\infty$", "±": r"$\pm$", "\u2013": "--", "—": "---",
}  # fmt: skip
CAPTIONS = {
    "predictions": "what was predicted before the run, and what was found",
    "verdict": "the verdict, a line a block",
}


def latex(table: Table) -> str:
    """A table environment a grid; long ones in parts."""
    lines = [f"% {safe(title(table))}", FIT, ""]
    first = table.blocks[0].name if table.blocks else None  # has the legend
    for number, grid in enumerate(grids(table), 1):
        label = f"tab:{_word(table.track)}-v{table.version}-{grid.kind}-{number}"
        parts = [grid.body[i : i + LINES] for i in range(0, len(grid.body), LINES)]
        for part, body in enumerate(parts, 1):
            which = f" (part {part} of {len(parts)})" if len(parts) > 1 else ""
            said = CAPTIONS.get(grid.kind, grid.name)
            caption = f"{table.track} v{table.version}: {said}{which}."
            if grid.name == first and part == 1:
                caption += f" {LEGEND}"
            name = label + (f"-{part}" if part > 1 else "")
            lines += _environment(grid, body, caption, name)
    return "\n".join(lines)


def _environment(
    grid: Grid, body: tuple[tuple[str, ...], ...], caption: str, label: str
) -> list[str]:
    sides = ["l" if words else "r" for words in grid.words]
    if grid.kind == "predictions":
        sides[0] = RAGGED.format(0.45)
    if grid.kind == "verdict":
        sides[0] = RAGGED.format(0.35)
    return [
        r"\begin{table}[p]",
        r"\centering\scriptsize\setlength{\tabcolsep}{3pt}",
        rf"\caption{{{safe(caption)}}}",
        rf"\label{{{label}}}",
        r"\isorobustfit{%",
        r"\begin{tabular}{@{}" + "".join(sides) + "@{}}",
        r"\toprule",
        " & ".join(map(safe, grid.heads)) + r" \\",
        r"\midrule",
        *(" & ".join(map(safe, cells)) + r" \\" for cells in body),
        r"\bottomrule",
        r"\end{tabular}}",
        r"\end{table}",
        "",
    ]


def safe(text: str) -> str:
    """The text as LaTeX sets it, command characters and all; one line."""
    return "".join(map(_letter, " ".join(text.split())))


def _letter(letter: str) -> str:
    if letter in ESCAPED or letter in UNICODE:
        return ESCAPED.get(letter) or UNICODE[letter]
    if letter.isascii():
        return letter if letter.isprintable() else "?"
    plain = unicodedata.normalize("NFKD", letter).encode("ascii", "ignore").decode()
    return "".join(map(_letter, plain)) or f"U+{ord(letter):04X}"


def _word(text: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-")[:60]
