"""summary.md: every table of a results folder, rendered from its JSON files; no jax."""

from pathlib import Path
from typing import Any

from kit.stage import measured, read

SUFFIXES = ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k"))


def render(folder: Path) -> str:
    """All tables, in the order of the stages, then how each stage went."""
    parts = ["# What one accelerator makes of isorobust", *_head(folder)]
    for name, title in TABLES.items():
        found = read(folder / f"{name}.json")
        for key in ("rows", "batched"):
            found |= (
                {key: [_shared(r, folder) for r in found[key]]} if key in found else {}
            )
        lines = _tables(name, found)
        if lines:
            parts += ["", f"## {title}", "", *lines]
    return "\n".join([*parts, "", "## Stages", "", *_stages(folder), ""])


TABLES = {
    "roofs": "Roofs",
    "block": "Network-steps/s over m",
    "loop": "Against single networks",
    "pallas": "The fused step (Pallas)",
    "loops": "Steps a turn of the loop",
    "graphs": "The same with loops in CUDA graphs",
    "profile": "What bounds a step",
    "precision": "Precision of the products",
    "lanes": "Lanes in flight",
    "target": "To the target, through isorobust.run",
    "bounds": "Bounds",
    "torch": "PyTorch",
    "law": "The table of the law",
}


def table(rows: list[dict], without: tuple[str, ...] = ()) -> list[str]:
    """Rows of dicts as Markdown; nested values are left to the JSON file."""
    names: list[str] = []
    for row in rows:
        fresh = (k for k, v in row.items() if not isinstance(v, dict | list))
        names += [k for k in fresh if k not in names and k not in without]
    if not names:
        return []
    lines = ["| " + " | ".join(name.replace("_", " ") for name in names) + " |"]
    lines.append("| " + " | ".join("---:" for _ in names) + " |")
    lines += [
        "| " + " | ".join(spoken(row.get(name)) for name in names) + " |"
        for row in rows
    ]
    return lines


def spoken(value: Any) -> str:
    """A number in three digits and a suffix; other things as they are."""
    if value is None:
        return "-"
    if isinstance(value, bool) or not isinstance(value, int | float):
        return str(value).replace("|", "/").replace("\n", " ")
    if isinstance(value, int) and value < 100_000:
        return str(value)
    for size, suffix in SUFFIXES:
        if abs(value) >= size:
            return f"{value / size:.3g} {suffix}"
    return f"{value:.3g}"


def _shared(row: dict[str, Any], folder: Path) -> dict[str, Any]:
    """The row with its shares of the measured roofs.

    byte share: of the bytes that a step moves at least, if only its activations and
    its state go through the device's memory
    """
    roofs, more = measured(folder), {}
    for key, roof in (
        ("flop_per_second", "flop_per_second"),
        ("least_bytes_per_second", "bytes_per_second"),
    ):
        if row.get(key) and roofs[roof]:
            more[f"{key.split('_per')[0]}_share"] = row[key] / roofs[roof]
    return row | more


def _head(folder: Path) -> list[str]:
    found = read(folder / "fingerprint.json")
    if not found:
        return []
    versions = ", ".join(f"{k} {v}" for k, v in found.get("versions", {}).items())
    return [
        "",
        f"{found.get('device_kind')} ({found.get('platform')}), {versions}; "
        f"{found.get('host_cpu')}, {found.get('host_cores')} cores; "
        f"commit {found.get('commit')}; present m = {found.get('present_block')}",
        "",
        f"    {found.get('nvidia_smi')}".replace("\n", "\n    "),
    ]


def _tables(name: str, found: dict[str, Any]) -> list[str]:
    lines: list[str] = []
    if "skipped" in found:
        return [found["skipped"]]
    if name == "roofs":
        copies = found.get("copy_bytes_per_second") or {}
        lines += table([{"copied": k, "bytes/s": v} for k, v in copies.items()])
        lines += ["", *table([found.get("seconds_per_turn") or {}])]
    keys = [k for k in ("products", "batched", "rows", "upper", "lower") if k in found]
    for key in keys:
        lines += ["", *table(found[key])]
    if name == "block" and "best" in found:
        best = [{"shape": shape, **row} for shape, row in found["best"].items()]
        lines += ["", *table(best)]
    if name == "law" and "size" in found:
        about = {k: v for k, v in found.items() if not isinstance(v, dict | list)}
        timing = found.get("timing") or {}
        lines += table([about]) + (["", *table([timing])] if timing else [])
    if name == "profile":
        for trace in filter(None, found.get("traces", [])):
            told = f"Kernels of a step at {trace['shape']}, m = {trace['m']}:"
            lines += ["", told, "", *table(trace["rows"])]
    return lines[1:] if lines and not lines[0] else lines


def _stages(folder: Path) -> list[str]:
    rows, failures = [], []
    for name in ("fingerprint", *TABLES):
        found = read(folder / f"{name}.json")
        if found:
            failed = found.get("failures", [])
            about = found.get("stage", {"status": "under way"})
            row = {"stage": name, **about, "failures": len(failed)}
            rows.append({k: v for k, v in row.items() if k != "output"})
            failures += [f"- {name}, {f['what']}: {f['error'][:300]}" for f in failed]
            if "output" in about:
                failures.append(f"- {name}: {about['output'][-300:]}")
    told = [" ".join(line.split()) for line in failures]
    return table(rows) + (["", *told] if told else [])
