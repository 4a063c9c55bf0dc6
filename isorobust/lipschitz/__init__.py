"""Bounds on the Lipschitz constant of ONE network: attained below, certified above."""

from isorobust.lipschitz import lower, upper

# name -> side: every bound there is; a bound's side is its folder
SIDES = dict.fromkeys(lower.__all__, "lower")
SIDES |= dict.fromkeys(upper.__all__, "upper")
