"""License tokens: JSON Web Tokens signed with Ed25519 (RFC 7519, RFC 8037), which whoever has the public key can check.

A token says what was issued. Whether the license was revoked since, only this installation knows.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

import jwt
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

ALGORITHM = "EdDSA"
TYPE = "license+jwt"
"""The header `typ`: no other token of this installation passes for a license (RFC 8725, 3.11)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Statement:
    """What a token says. `issuer`: the owner who issued it; `expires_at` None: never."""

    issuer: UUID
    license_id: UUID
    license_key: str
    customer_id: UUID
    products: Sequence[str]
    features: Mapping[str, Any]
    seats: int
    issued_at: datetime
    expires_at: datetime | None


@dataclass(frozen=True, slots=True)
class KeyPair:
    """A new signing key. `kid`: its name, by its own content; `public`: the `x` of its JWK; `private`: PKCS #8 PEM."""

    kid: str
    public: str
    private: str


def new_key_pair() -> KeyPair:
    """A random Ed25519 key."""
    key = Ed25519PrivateKey.generate()
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    public = _base64url(
        key.public_key().public_bytes(serialization.Encoding.Raw, serialization.PublicFormat.Raw),
    )
    return KeyPair(kid=_thumbprint(public), public=public, private=private.decode())


def jwk(*, kid: str, public: str) -> dict[str, str]:
    """A public key as the world is shown it (RFC 8037)."""
    return {"kty": "OKP", "crv": "Ed25519", "x": public, "kid": kid, "use": "sig", "alg": ALGORITHM}


def signed(statement: Statement, *, kid: str, private: str) -> str:
    """The statement as a compact token, signed with that PEM. Times in it are whole seconds."""
    claims: dict[str, Any] = {
        "iss": str(statement.issuer),
        "jti": str(statement.license_id),
        "sub": str(statement.customer_id),
        "iat": int(statement.issued_at.timestamp()),
        "license_key": statement.license_key,
        "products": list(statement.products),
        "features": dict(statement.features),
        "seats": statement.seats,
    }
    if statement.expires_at is not None:
        claims["exp"] = int(statement.expires_at.timestamp())
    return jwt.encode(claims, private, algorithm=ALGORITHM, headers={"kid": kid, "typ": TYPE})


def _thumbprint(public: str) -> str:
    """RFC 7638: the members of the JWK that make the key, in the order of their names, hashed."""
    return _base64url(hashlib.sha256(f'{{"crv":"Ed25519","kty":"OKP","x":"{public}"}}'.encode()).digest())


def _base64url(content: bytes) -> str:
    return base64.urlsafe_b64encode(content).rstrip(b"=").decode()
