"""Renderings of records: one table object, several formats; never jax."""
