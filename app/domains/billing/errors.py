"""What can be wrong about accounts and subscriptions.

NotFound
└── AccountNotFound   the tenant has no billing account
"""

from __future__ import annotations

from app.core.errors import NotFound

__all__ = ["AccountNotFound"]


class AccountNotFound(NotFound):
    """The tenant has no billing account."""

    code = "billing-account-not-found"
