"""The bus's port."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Bus(Protocol):
    """Publishes CloudEvents. May be given one twice; keeps the order in which it is given them."""

    def publish(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Publish these, in order; returns when the bus has them. Raises what its client raises when it has not."""
