"""A published table with all there is: predictions, networks, cases, a sandwich."""

from pathlib import Path

import pytest

from isorobust.report import tabulate
from isorobust.report.table import Table
from isorobust.results.gather import gather

PUBLISHED = Path(__file__).parents[2] / "benchmarks" / "results"


@pytest.fixture(scope="session")
def published() -> Table:
    (found,) = gather([str(PUBLISHED / "2026-11-24-cpu-controls")])
    return tabulate(found)
