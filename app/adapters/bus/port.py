"""The bus's port."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Protocol


class Bus(Protocol):
    """Publishes CloudEvents. May be given one twice; keeps the order in which it is given them, at the least per subject."""

    def publish(self, events: Sequence[Mapping[str, Any]]) -> None:
        """Publish these, in order; returns when the bus has them. Raises BusError when it has not: then give it all again."""

    def check(self) -> str:
        """Say in a few words what is there. Raises BusError when the bus does not answer."""
