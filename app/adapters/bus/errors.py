"""What can go wrong with a bus."""

from __future__ import annotations


class BusError(Exception):
    """The bus did not take the events, or took some of them only: whoever publishes gives it all of them again."""
