"""Bounds on the Lipschitz constant of ONE network: attained below, certified above."""

from isorobust.lipschitz import lower, upper

# name -> side: every bound there is; a bound's side is its file
SIDES = {name: "lower" for name in lower.__all__}
SIDES |= {name: "upper" for name in upper.__all__}
