"""The bus's port."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Bus(Protocol):
    """Publishes CloudEvents. May be given one twice; keeps the order in which it is given them."""

    def publish(self, event: Mapping[str, Any]) -> None:
        """Publish one event; returns when the bus has it. Raises what its client raises when it has not."""
