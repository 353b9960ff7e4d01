"""The version that a time of change stands for."""

from __future__ import annotations

from datetime import datetime


def version(changed_at: datetime) -> str:
    """What an ETag says of a row that was last changed then."""
    return f"{changed_at.timestamp():.6f}"
