"""Random graphs on real workers against the plain model; 5,000 of them by `make graphs`."""

from __future__ import annotations

import pytest

from tests.graphs.drive import Graph, run, told
from tests.graphs.stack import Stack

pytestmark = pytest.mark.xdist_group("graphs")


@pytest.mark.parametrize("first", [0, 60])
def test_random_graphs_end_as_the_model_says(stack: Stack, first: int) -> None:
    faults = run(stack, [Graph("suite", number) for number in range(first, first + 60)])
    assert not faults, told(faults)
