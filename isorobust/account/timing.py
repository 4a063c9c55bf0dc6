"""timing.json: what the last call that had work to do did, and how fast."""

from isorobust.account.provenance import peak_bytes
from isorobust.engine import lanes
from isorobust.engine.cache import Cache
from isorobust.files import as_json


def facts(
    rows: list[dict],
    trained: int,
    seconds: tuple[float, float],
    programs: list[lanes.Programs],
    cache: Cache,
    given_up: int,
) -> str:
    """The text of timing.json.

    seconds: of the training, of the whole call. given_up: micro-blocks in flight that
    devices had no memory for
    """
    train, total = seconds
    # of a resumed run, only the share this call trained counts
    share = trained / len(rows) if rows else 0.0
    flops = share * sum(row["flops"] for row in rows)
    roof = lanes.roof(programs)
    return as_json(
        {
            "networks": trained,
            "train_seconds": train,
            "total_seconds": total,
            "networks_per_second": trained / train,
            "network_steps_per_second": share * sum(r["steps"] for r in rows) / train,
            "flop_per_second": flops / train,
            "matmul_roof_flop_per_second": roof,
            "share_of_roof": flops / train / roof,
            "compile_seconds": sum(p.compile_seconds for p in programs),
            "programs": sum(p.compiled for p in programs),
            "compile_cache_hits": cache.hits,
            "compile_cache_misses": cache.misses,
            "blocks_given_up": given_up,
            "peak_bytes": peak_bytes(),
        }
    )
