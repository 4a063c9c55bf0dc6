"""What all figures share: colours, type, names short enough for an axis, saving."""

import io
import re
import textwrap
import warnings
from collections.abc import Sequence
from typing import Any

# categories in their order; a page with a dark scheme replaces each by its own
PAIRS = (
    "#2f6aa8", "#c2572b", "#3f8a5b", "#8558a8", "#a98321", "#5b6770", "#1f93a8",
    "#b0427f", "#7a5a3a",
)  # fmt: skip
INK, MUTED, FAINT, PAPER = "#1b1c1e", "#6d7175", "#c9cccf", "#ffffff"
ALARM = "#b3261e"

STYLE: Any = {
    "svg.hashsalt": "isorobust",  # the same table, the same bytes
    "svg.fonttype": "none",  # text stays text: a small file that can be searched
    "pdf.fonttype": 42,
    "font.size": 8.5,
    "axes.titlesize": 8.5,
    "axes.titlelocation": "left",
    "axes.labelsize": 8.5,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.linewidth": 0.6,
    "axes.edgecolor": MUTED,
    "axes.labelcolor": INK,
    "axes.titlecolor": INK,
    "axes.facecolor": PAPER,
    "figure.facecolor": PAPER,
    "text.color": INK,
    "xtick.color": MUTED,
    "ytick.color": MUTED,
    "xtick.labelsize": 7.5,
    "ytick.labelsize": 7.5,
    "xtick.major.width": 0.6,
    "ytick.major.width": 0.6,
    "xtick.minor.width": 0.4,
    "ytick.minor.width": 0.4,
    "legend.frameon": False,
    "legend.fontsize": 7.5,
    "legend.labelcolor": INK,
    "lines.solid_capstyle": "butt",
}


def canvas(width: float, height: float) -> Any:
    """An empty figure of that many inches."""
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def saved(figure: Any, kind: str, title: str) -> bytes:
    """The figure as "svg" or "pdf", without the time at which it was made."""
    stamp = {"svg": {"Date": None}, "pdf": {"CreationDate": None, "ModDate": None}}
    metadata = stamp[kind] | {"Creator": "isorobust", "Title": title}
    content = io.BytesIO()
    with warnings.catch_warnings():  # a letter that our font lacks, others may have
        warnings.filterwarnings("ignore", "Glyph .* missing from font")
        figure.savefig(content, format=kind, metadata=metadata)
    return content.getvalue()


def short(names: Sequence[str]) -> dict[str, str]:
    """Names of blocks, less what all of them share and what isn't needed to tell.

    "2-layer relu; Sphere(); BalancedSigns(); Path(target_mse=0.1)" -> "Path", say.
    """
    parts = {name: name.split("; ") for name in names}
    shared = set.intersection(*(set(some) for some in parts.values())) if parts else ()
    own = {n: [p for p in some if p not in shared] or some for n, some in parts.items()}
    if len(parts) == 1:
        own = parts
    brief = {n: "; ".join(map(_bare, some)) for n, some in own.items()}
    told = list(brief.values())
    whole = {n: "; ".join(some).replace("()", "") for n, some in own.items()}
    return {n: cut(b if told.count(b) == 1 else whole[n]) for n, b in brief.items()}


def _bare(part: str) -> str:
    return re.sub(r"\(.*\)", "", part)


def cut(text: str, most: int = 90) -> str:
    """At most so many characters: no mathematics of matplotlib's, none XML forbids."""
    text = " ".join(text.split()).replace("$", r"\$")
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return text if len(text) <= most else text[: most - 1] + "…"


def wrapped(name: str, width: int = 44) -> str:
    """The name on lines of at most some `width` characters, broken where it may be."""
    return "\n".join(textwrap.wrap(name, width, break_on_hyphens=False))


def plain_ticks(axis: Any, which: str, most: int = 7) -> None:
    """Ticks of a logarithmic axis as plain numbers, few enough to be read."""
    from matplotlib.ticker import (
        LogLocator,
        MaxNLocator,
        NullFormatter,
        StrMethodFormatter,
    )

    ticks = axis.xaxis if which == "x" else axis.yaxis
    low, high = axis.get_xlim() if which == "x" else axis.get_ylim()
    decades = high / low if low > 0 else 10.0
    subs: tuple[float, ...] = (1.0, 2.0, 5.0) if decades < 10**2.5 else (1.0,)
    if decades < 10:
        subs = (1.0, 1.5, 2.0, 3.0, 4.0, 6.0, 8.0)
    locator: Any = LogLocator(subs=subs, numticks=2 * most)
    if decades < 1.6:  # hardly a scale at all
        locator = MaxNLocator(3)
    ticks.set_major_locator(locator)
    form = "{x:.4g}" if low > 1e-3 and high < 1e5 else "{x:.0e}"
    ticks.set_major_formatter(StrMethodFormatter(form))
    ticks.set_minor_formatter(NullFormatter())
