"""block.svg: network-steps/s over m, a line a shape; needs matplotlib."""

from pathlib import Path

from kit.stage import read


def draw(folder: Path) -> None:
    """Writes the figure beside the tables, where the stage `block` has rows."""
    import matplotlib

    matplotlib.use("svg")
    from matplotlib import pyplot as plt

    rows = read(folder / "block.json").get("rows", [])
    if not rows:
        return
    figure, axes = plt.subplots(figsize=(7, 4.5), layout="constrained")
    for shape in dict.fromkeys(row["shape"] for row in rows):
        mine = sorted((r["m"], r["network_steps_per_second"]) for r in rows
                      if r["shape"] == shape)  # fmt: skip
        axes.plot(*zip(*mine, strict=True), marker="o", label=shape)
    loop = read(folder / "loop.json").get("rows", [])
    for row in loop[:1]:
        axes.axhline(row["network_steps_per_second"], linestyle=":", color="black",
                     label=f"single networks, {row['way']}")  # fmt: skip
    kind = read(folder / "fingerprint.json").get("device_kind", "")
    axes.set(xscale="log", yscale="log", xlabel="m, lanes of a block", title=kind,
             ylabel="network-steps/s")  # fmt: skip
    axes.legend(fontsize="small")
    figure.savefig(folder / "block.svg", metadata={"Date": None})
    plt.close(figure)
