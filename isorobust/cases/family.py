"""A solvable family on a data set: the same data that a trained network would see."""
