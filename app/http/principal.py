"""Who is calling."""

from __future__ import annotations

import re
from dataclasses import dataclass
from uuid import UUID

ANYTHING = "*"


@dataclass(frozen=True, slots=True)
class Principal:
    """A signed-in user as the access token says. `owner_id` is the tenant whose rows are seen."""

    user_id: UUID
    owner_id: UUID
    email: str
    roles: tuple[str, ...] = ()
    permissions: frozenset[str] = frozenset()

    def may(self, permission: str) -> bool:
        """Whether the permission was granted: by its name, as part of its kind (`order.*`, `workflow:*`), or of all (`*`)."""
        kind = re.sub(r"[^.:]+$", ANYTHING, permission)
        return not self.permissions.isdisjoint({permission, kind, ANYTHING})
