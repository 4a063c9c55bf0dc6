"""Many networks at once: padded shapes, lanes, pages, and what a run keeps on disk."""
