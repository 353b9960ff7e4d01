"""Password hashing: argon2id with the library's parameters (RFC 9106, low memory)."""

from __future__ import annotations

from functools import cache

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from app.domains.tenants.rules import MAX_PASSWORD_LENGTH

_HASHER = PasswordHasher()


def hashed(password: str) -> str:
    """The hash to keep."""
    return _HASHER.hash(password)


def matches(password: str, password_hash: str | None) -> bool:
    """Whether the password is that of the hash. Without a hash it costs the same time and is False."""
    try:
        _HASHER.verify(password_hash or _nobody(), password[: MAX_PASSWORD_LENGTH + 1])
    except (VerificationError, InvalidHashError):
        return False
    return password_hash is not None


def is_outdated(password_hash: str) -> bool:
    """Whether the hash was made with weaker parameters than today's."""
    return _HASHER.check_needs_rehash(password_hash)


@cache
def _nobody() -> str:
    return hashed("nobody has this password")
