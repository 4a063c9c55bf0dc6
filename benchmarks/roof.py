"""How much of the machine does a training step use, shape by shape?

Question. isorobust's floating-point operations a second in the matrix products of
training, over those of a float32 product 2048 x 2048 on all devices (the roof): shares
of a roof taken in the same round. What is missing is Adam, activations and overhead.
Goal: 70 % at (256, 32, 64), 85 % at (512, 64, 256).

Command.  python benchmarks/roof.py [--rounds=5] [--quick]
Cost.     A minute and a half on 2 cores; --quick (a glance, no measurement) 20 seconds.
"""

import argparse
import statistics

import suite
from peer import say

# networks, n, d, width, depth
SHAPES = (
    (64, 256, 32, 64, 2),
    (32, 512, 64, 256, 2),
    (64, 128, 16, 16, 2),
    (64, 256, 128, 16, 2),
    (32, 1024, 64, 64, 2),
    (16, 1024, 128, 128, 2),
    (16, 1024, 128, 256, 2),
    (32, 256, 32, 64, 3),
)


def main() -> None:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--quick", action="store_true")
    args = parser.parse_args()
    say("compiling and warming up")
    fleets = [suite.Fleet(suite.trials(*shape)) for shape in SHAPES]
    rounds, about = (2, 0.2) if args.quick else (args.rounds, 1.0)
    rates, roofs = suite.interleaved(fleets, rounds, about)
    lines = suite.head("networks x (n, d, width), layers")
    for (networks, *shape, depth), fleet, found in zip(
        SHAPES, fleets, rates, strict=True
    ):
        name = f"{networks} x {tuple(shape)}, {depth}"
        lines.append(suite.row(name, fleet.flops, found, roofs))
    print("\n".join(lines))
    roof = f"{statistics.median(roofs) / 1e9:.0f} GFLOP/s"
    print(f"\nroof {roof}; rounds: {rounds}; {suite.made()}; {suite.machine()}")


if __name__ == "__main__":
    main()
