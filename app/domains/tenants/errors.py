"""What can be wrong about tenants and users.

Conflict
├── SlugTaken     another tenant has that slug
├── DomainTaken   another tenant has that domain
└── EmailTaken    another user has that e-mail address
"""

from __future__ import annotations

from app.core.errors import Conflict

__all__ = ["DomainTaken", "EmailTaken", "SlugTaken"]


class SlugTaken(Conflict):
    """Another tenant has that slug."""

    code = "slug-taken"


class DomainTaken(Conflict):
    """Another tenant has that domain."""

    code = "domain-taken"


class EmailTaken(Conflict):
    """Another user has that e-mail address."""

    code = "email-taken"
