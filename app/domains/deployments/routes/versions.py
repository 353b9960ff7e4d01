"""Which version of a row an answer shows."""

from __future__ import annotations

from datetime import datetime


def version(changed_at: datetime) -> str:
    """The ETag of a row that was last changed then."""
    return f"{changed_at.timestamp():.6f}"
