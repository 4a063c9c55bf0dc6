"""Exponents as a forest plot: every block, bound and model side by side."""

from typing import Any

from isorobust.report.canvas import FAINT, INK, MUTED, PAIRS, canvas, short, wrapped
from isorobust.report.table import Table
from isorobust.results.scaling import Estimate

# what the law's own scale has as exponent of a factor
LAW = {"n": 0.5, "d": 0.5, "p": -0.5, "law_ratio": 1.0}
SPOKEN = {"law_ratio": "√(nd/p)"}
NO_FACTORS = ("a", "b", "constant")  # intercepts and slopes are no exponents
FILLED = {"lower": True, "upper": False}

# (block, response, model, estimate, whether it is one) by factor
Found = dict[str, list[tuple[str, str, str, Estimate, bool]]]


def there(table: Table) -> bool:
    """Whether a block has an exponent."""
    return bool(_exponents(table))


def exponents(table: Table) -> Any:
    """A panel a factor, a row a block: estimates with 95 % intervals.

    Filled: of the attained lower bounds, open: of the certified upper ones. The line is
    the law's own exponent, which bounds need not have: it is one-sided.
    """
    found = _exponents(table)
    lines = [(b, r, m) for some in found.values() for b, r, m, *_ in some]
    names = short(list(dict.fromkeys(b for b, _, _ in lines)))
    models = list(dict.fromkeys(m for _, _, m in lines))
    marks = [(r, m) for r in ("lower", "upper") for m in models]
    step, gap = 1.0, 1.2
    height = len(names) * (len(marks) * step + gap)
    figure = canvas(7.4, 1.2 + 0.115 * height)
    axes = figure.subplots(1, len(found), sharey=True, squeeze=False)[0]
    places = {
        (block, *mark): -(i * (len(marks) * step + gap) + j * step)
        for i, block in enumerate(names)
        for j, mark in enumerate(marks)
    }
    for axis, (factor, some) in zip(axes, found.items(), strict=True):
        axis.axvline(0, color=FAINT, lw=0.8)
        if factor in LAW:
            axis.axvline(LAW[factor], color=MUTED, lw=0.8, ls=(0, (4, 3)))
        for block, response, model, value, known in some:
            shade = PAIRS[models.index(model) % len(PAIRS)]
            _mark(axis, places[block, response, model], value, response, shade, known)
        axis.set_title(f"exponent of {SPOKEN.get(factor, factor)}")
        axis.spines["left"].set_visible(False)
        axis.tick_params(axis="y", length=0)
    middles = [
        sum(places[(block, *mark)] for mark in marks) / len(marks) for block in names
    ]
    said = [wrapped(name, 26) for name in names.values()]
    axes[0].set_yticks(middles, said)
    axes[0].tick_params(axis="y", labelcolor=INK)
    axes[0].set_ylim(-height + 0.2, gap)
    _legend(figure, models)
    return figure


def _exponents(table: Table) -> Found:
    found: Found = {}
    for block in table.blocks:
        for response, fits in block.verdict.fits.items():
            for model, fit in fits.items():
                for factor, value in fit.terms.items():
                    if factor not in NO_FACTORS:
                        known = fit.kind == "estimates"
                        line = (block.name, response, model, value, known)
                        found.setdefault(factor, []).append(line)
    # the law's own factors first, in the order of its formula
    order = ["n", "d", "p", "law_ratio"]
    ranked = sorted(found, key=lambda f: order.index(f) if f in order else len(order))
    return {factor: found[factor] for factor in ranked[:6]}


def _mark(
    axis: Any, y: float, value: Estimate, response: str, shade: str, known: bool
) -> None:
    """A line from end to end; a dot at what is an estimate, none between bounds."""
    if value.low is not None and value.high is not None:
        axis.plot([value.low, value.high], [y, y], color=shade, lw=1.3)
    face = shade if FILLED.get(response, True) else "#ffffff"
    if known:
        axis.plot(value.estimate, y, "o", ms=4, mfc=face, mec=shade, mew=1)


def _legend(figure: Any, models: list[str]) -> None:
    from matplotlib.lines import Line2D

    marks = [
        Line2D([], [], color=PAIRS[i % len(PAIRS)], lw=1.3, label=model)
        for i, model in enumerate(models)
    ]
    for said, face in (("attained (lower)", MUTED), ("certified (upper)", "#ffffff")):
        style: Any = {"marker": "o", "ls": "", "mfc": face, "mec": MUTED, "ms": 4}
        marks.append(Line2D([], [], label=said, **style))
    law: Any = {"color": MUTED, "lw": 0.8, "ls": (0, (4, 3))}
    marks.append(Line2D([], [], label="the law's scale", **law))
    figure.legend(handles=marks, loc="outside lower center", ncols=3)
