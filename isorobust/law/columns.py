"""What the law says of one function, as the columns of its record."""

from isorobust.law import floors, theorem
from isorobust.law.setting import Setting

DOMAINS = ("rd", "sphere")


def columns(s: Setting) -> dict:
    """law_ratio, the literal theorem, every floor, and why it is silent if it is.

    floor: the highest of them; floor_name, floor_domain: which it is, and of which
    constant; floor_rd, floor_sphere: the highest of a domain
    """
    found = {name: getattr(floors, name)(s) for name in floors.__all__}
    row: dict = {
        "law_ratio": theorem.law_ratio(s.n, s.d, s.p),
        "floor_theorem": theorem.literal_floor(s),
        "theorem_applies": theorem.literal_applies(s),
    }
    for name, floor in found.items():
        row |= {f"floor_{name}": floor.value, f"floor_{name}_reason": floor.reason}
    valid = {name: f for name, f in found.items() if f.value is not None}
    best = max(valid, key=lambda name: valid[name].value or 0.0, default=None)
    row["floor"] = valid[best].value if best else None
    row["floor_name"] = best
    row["floor_domain"] = valid[best].domain if best else None
    for domain in DOMAINS:
        here = [f.value for f in valid.values() if f.value and f.domain == domain]
        row[f"floor_{domain}"] = max(here, default=None)
    return row
