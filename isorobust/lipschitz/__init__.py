"""Bounds on the Lipschitz constant of ONE network: attained below, certified above."""
