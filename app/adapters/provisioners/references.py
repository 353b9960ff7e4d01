"""Our names for deployments: what may be one, and how it fits where names are short."""

from __future__ import annotations

import hashlib

from app.adapters.provisioners.addresses import is_label
from app.adapters.provisioners.errors import ProvisioningFailed

LONGEST_LABEL = 63


def check(reference: str) -> None:
    """Raises ProvisioningFailed (permanent) unless this is a DNS label: it becomes part of paths, names and hosts."""
    if not is_label(reference):
        message = f"A deployment cannot be called so: {reference!r} is no DNS label."
        raise ProvisioningFailed(message, permanent=True)


def fitting(prefix: str, reference: str) -> str:
    """`{prefix}-{reference}` as a DNS label; what is too long is cut and ends in a digest of the whole.

    Another reference may be made up to look like such a name: whoever uses it asks the thing itself whose it is.
    """
    name = f"{prefix}-{reference}"
    if len(name) <= LONGEST_LABEL:
        return name
    digest = hashlib.sha256(name.encode()).hexdigest()[:12]
    return f"{name[: LONGEST_LABEL - 13].rstrip('-')}-{digest}"
