"""The port of chat: what a channel is told, and who tells it."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Notice:
    """What a channel is told, in plain text."""

    title: str
    text: str
    severity: str


class Chat(Protocol):
    """Tells channels by their addresses. Every call is bounded in time."""

    def service_of(self, address: str) -> str:
        """The name of the service behind an address (`slack`, `mailto`). Raises BadAddress."""

    def tell(self, address: str, notice: Notice) -> None:
        """Tell one channel; returns once its service has taken it. Raises ChatRefused or ChatUnavailable."""
