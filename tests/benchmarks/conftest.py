"""The benchmarks are scripts: their folder is on the path, as it is for them."""

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent.parent.parent / "benchmarks"))
