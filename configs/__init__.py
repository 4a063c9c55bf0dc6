"""Experiments as data: one file = one table; its docstring is the recipe card."""
