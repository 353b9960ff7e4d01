"""Who asks whom: the four actors, the ways that a ticket may go between them, and for whom somebody speaks."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum


class Actor(StrEnum):
    """Who asks, and who is asked."""

    CUSTOMER = "customer"
    TENANT = "tenant"
    PARTNER = "partner"
    PLATFORM = "platform"


WAYS: Mapping[Actor, frozenset[Actor]] = {
    Actor.CUSTOMER: frozenset({Actor.TENANT}),
    Actor.TENANT: frozenset({Actor.PARTNER, Actor.PLATFORM}),
    Actor.PARTNER: frozenset({Actor.PLATFORM, Actor.TENANT}),
    Actor.PLATFORM: frozenset({Actor.PARTNER}),
}
"""Whom each may ask; every other way is refused."""

_PLATFORM_ROLE, _PARTNER_ROLE = "platform_admin", "partner"


@dataclass(frozen=True, slots=True)
class Author:
    """Somebody who writes. `speaks_for`: the actors in whose name, the most fitting first."""

    email: str
    speaks_for: tuple[Actor, ...]

    @classmethod
    def of(cls, email: str, *, roles: Collection[str]) -> Author:
        """A signed-in user: staff enter what customers say on the telephone, partners speak for themselves alone."""
        if _PLATFORM_ROLE in roles:
            return cls(email, (Actor.PLATFORM, Actor.TENANT, Actor.CUSTOMER))
        if set(roles) == {_PARTNER_ROLE}:
            return cls(email, (Actor.PARTNER,))
        return cls(email, (Actor.TENANT, Actor.CUSTOMER))


SYSTEM = Author.of("system@workflow", roles=("system",))
"""Workflows act as this user of the tenant."""


def origin_of(author: Author, *, target: Actor) -> Actor | None:
    """In whose name this author asks the target; None when the target cannot be asked by them."""
    return next((actor for actor in author.speaks_for if target in WAYS[actor]), None)


def writes_as(author: Author, *, parties: Sequence[Actor], wanted: Actor | None = None) -> Actor | None:
    """For which of a ticket's parties, the first that fits, this author writes; None when for neither."""
    return next(
        (actor for actor in parties if actor in author.speaks_for and wanted in {None, actor}),
        None,
    )
