"""What the room's tables have in common."""

from __future__ import annotations

from enum import StrEnum

from sqlalchemy import Numeric

MONEY = Numeric(16, 3)
"""Fine enough for every currency's minor unit."""
PERCENT = Numeric(6, 3)
DEGREES = Numeric(9, 6)

CYCLES = "billing_cycle IN ('monthly', 'annual', 'one_time')"
DEPLOYMENT_TYPES = "deployment_type IN ('local', 'kubernetes', 'awx', 'docker', 'none')"
CURRENCY = "currency ~ '^[A-Z]{3}$'"


def one_of(column: str, values: type[StrEnum]) -> str:
    """The condition that a column holds one of these."""
    return f"{column} IN ({', '.join(repr(each.value) for each in values)})"
