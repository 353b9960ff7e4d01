"""What is left of the licenses that a partner may give out."""

from __future__ import annotations

from dataclasses import dataclass

from app.core.errors import Fault

MAX_TOTAL = 10_000_000
MAX_LICENSES_AT_ONCE = 500
"""They are issued and signed one by one while nobody else takes from the pool."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Quota:
    """Licenses: how many there are, how many are given out, and how many somebody asks for."""

    total: int
    allocated: int
    requested: int

    @property
    def available(self) -> int:
        """How many are left."""
        return self.total - self.allocated

    @property
    def sufficient(self) -> bool:
        """Whether as many are left as are asked for."""
        return self.requested <= self.available


def count_faults(license_count: int) -> list[Fault]:
    """What is wrong with how many licenses are to be given out at once."""
    if 1 <= license_count <= MAX_LICENSES_AT_ONCE:
        return []
    return [Fault("/license_count", f"Between 1 and {MAX_LICENSES_AT_ONCE} licenses are given out at once.")]


def total_faults(total: int) -> list[Fault]:
    """What is wrong with how many licenses a pool is to have."""
    if 0 <= total <= MAX_TOTAL:
        return []
    return [Fault("/total", f"A pool has between 0 and {MAX_TOTAL:,} licenses.")]
