"""What goes wrong while something is provisioned."""

from __future__ import annotations

from pipelines.errors import StepFailed

PASSING = frozenset({408, 409, 423, 425, 429})
"""Refusals that may be different the next time: too slow, in each other's way, too many at once."""
LONGEST_REASON = 500


class ProvisioningFailed(StepFailed):
    """A deployment could not be built, checked or removed. `permanent`: another attempt cannot help."""


def refused(what: str, *, status: int, reason: str, retry_after: str | None = None) -> ProvisioningFailed:
    """The failure for an answer with an error status: what we asked wrongly stays wrong, all else may pass.

    `retry_after`: the header of that name; only seconds are understood.
    """
    permanent = 400 <= status < 500 and status not in PASSING  # noqa: PLR2004 - HTTP's client errors
    seconds = float(retry_after) if retry_after and retry_after.isdecimal() else None
    message = f"{what}: {reason.strip()[:LONGEST_REASON] or 'no reason given'} (HTTP {status})."
    return ProvisioningFailed(message, permanent=permanent, retry_after=seconds)


def unreachable(system: str, error: Exception) -> ProvisioningFailed:
    """The failure for no answer at all. Names the error's kind only: its text may hold addresses with passwords."""
    return ProvisioningFailed(f"{system} did not answer ({type(error).__name__}).", permanent=False)
