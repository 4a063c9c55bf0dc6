"""Bounds on the Lipschitz constant of ONE network: attained below, certified above."""

from isorobust.lipschitz import lower, upper
from isorobust.lipschitz.bracket import Bracket as Bracket
from isorobust.lipschitz.bracket import bracket as bracket
from isorobust.lipschitz.domain import RD as RD
from isorobust.lipschitz.domain import SPHERE as SPHERE
from isorobust.lipschitz.domain import Domain as Domain
from isorobust.lipschitz.network import Network as Network

# name -> side: every bound there is; a bound's side is its folder
SIDES = dict.fromkeys(lower.__all__, "lower")
SIDES |= dict.fromkeys(upper.__all__, "upper")
# name -> side of what only an experiment that names it measures
ON_REQUEST = {"radius": "lower"}
