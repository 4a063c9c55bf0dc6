"""jax's persistent compile cache, in a folder that nobody else can write to.

What is cached is machine code: loading somebody else's would run it.
"""

import os
import stat
from dataclasses import dataclass
from pathlib import Path

import jax

HITS = "/jax/compilation_cache/cache_hits"
MISSES = "/jax/compilation_cache/cache_misses"


@dataclass
class Cache:
    """Counts what the compile cache did since it was opened.

    folder: None where there is none that is safe
    """

    folder: Path | None
    hits: int = 0
    misses: int = 0

    @staticmethod
    def open() -> "Cache":
        """Switches jax's cache on: the folder jax was told of, else the user's own."""
        told = jax.config.values["jax_compilation_cache_dir"]
        folder = Path(told) if told else _own()
        if folder and not told:
            jax.config.update("jax_compilation_cache_dir", str(folder))
        # programs of small networks compile in a fraction of a second: keep them too
        jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.0)
        jax.config.update("jax_persistent_cache_min_entry_size_bytes", -1)
        cache = Cache(folder)
        jax.monitoring.register_event_listener(cache._hear)
        return cache

    def _hear(self, event: str, **_: object) -> None:
        self.hits += event == HITS
        self.misses += event == MISSES


def user_folder() -> Path:
    """Where this user's cached files lie: $XDG_CACHE_HOME/isorobust or ~/.cache's."""
    base = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(base) / "isorobust"


def _own() -> Path | None:
    """A folder of mode 0700 that is this user's, made where there is none."""
    folder = user_folder() / "xla"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = folder.stat()
    except (OSError, RuntimeError):
        return None
    mine = not hasattr(os, "getuid") or about.st_uid == os.getuid()
    private = not about.st_mode & (stat.S_IWGRP | stat.S_IWOTH)
    return folder if mine and private else None
