"""What a distribution hands to a target: points, and what is known of each of them."""

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Sample:
    """n points of a distribution.

    x: [n, d] float64 points
    component: [n] whole numbers: the mixture component (or class) of each point
    label: [n] float64 in [-1, 1], the label the data came with; None where x is drawn
    """

    x: np.ndarray
    component: np.ndarray
    label: np.ndarray | None = None

    def __getitem__(self, rows: slice) -> "Sample":
        label = None if self.label is None else self.label[rows]
        return Sample(self.x[rows], self.component[rows], label)
