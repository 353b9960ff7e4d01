"""One stack for all tests with graphs."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.graphs import stack as stacks
from tests.graphs.stack import Stack


@pytest.fixture(scope="session")
def stack(worker_id: str) -> Iterator[Stack]:
    """The engine on real workers where nothing goes wrong."""
    with stacks.stack(f"turnup_graphs_{worker_id}") as stack:
        yield stack
