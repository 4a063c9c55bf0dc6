"""LipSDP-Neuron certified: any depth, any outputs, a sector for every unit.

A tangent vector v of the unit ball passes a layer as z = W v, v+ = C z + R p with
|p_i| <= |z_i|; C, R = diag(high +- low) / 2 of the slopes' sectors. If v is in the
ellipsoid {v: v'P^-1 v <= 1}, then z is in that of S = W P W', and for every diagonal
T >= 0 with T^1/2 S T^1/2 < I, v+ is in that of

    P+ = C S (I - T S)^-1 C + R^2 T^-1,      (I - T S)^-1 of S^-1 - T > 0

since z'S^-1 z <= 1 and p'T p <= z'T z. So L^2 <= lambda_max(W_D P W_D'), P_0 = I. The
least over T is LipSDP-Neuron (Fazlyab et al. 2019; the recursion of ECLipsE, Xu &
Sivaranjani 2024, inverted); any T is a certificate. Units with low = high (linear,
dead, never switching) take T = 0 and cost nothing.
"""

import math
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from scipy.linalg import solve_triangular

from isorobust.lipschitz.domain import RD, UNIT, Domain, slopes
from isorobust.lipschitz.network import Network
from isorobust.lipschitz.upper import relaxation
