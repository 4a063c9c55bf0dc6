"""Records of trained networks, and what can be concluded from them; never jax."""
