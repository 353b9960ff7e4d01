"""Access tokens: JWT, HS256, short-lived, issued at login and verified on every request."""

from __future__ import annotations

import hashlib
from datetime import timedelta
from uuid import UUID

import jwt

from app.core.clock import utc_now
from app.core.errors import Unauthenticated
from app.core.ids import new_id
from app.core.settings import Settings
from app.http.principal import Principal

ALGORITHM = "HS256"
ISSUER = "turnup"
AUDIENCE = "turnup-api"
_REQUIRED = ["iss", "aud", "exp", "iat", "jti", "sub", "owner"]


class Tokens:
    """Issues and verifies access tokens under a key of their own, derived from the configured secret."""

    def __init__(self, settings: Settings) -> None:
        self._key = hashlib.sha256(b"access-tokens:" + settings.secret_key.encode()).digest()
        self.lifetime = timedelta(minutes=settings.access_token_minutes)

    def issue(self, principal: Principal) -> str:
        """A token that speaks for this user; it is good for `lifetime`."""
        at = utc_now()
        claims = {
            "iss": ISSUER,
            "aud": AUDIENCE,
            "iat": at,
            "exp": at + self.lifetime,
            "jti": str(new_id()),
            "sub": str(principal.user_id),
            "owner": str(principal.owner_id),
            "email": principal.email,
            "roles": sorted(principal.roles),
            "permissions": sorted(principal.permissions),
        }
        return jwt.encode(claims, self._key, algorithm=ALGORITHM)

    def verify(self, token: str) -> Principal:
        """Who the token speaks for. Raises Unauthenticated when it is expired, forged or not ours."""
        try:
            claims = jwt.decode(
                token,
                self._key,
                algorithms=[ALGORITHM],
                issuer=ISSUER,
                audience=AUDIENCE,
                options={"require": _REQUIRED},
            )
            return Principal(
                user_id=UUID(claims["sub"]),
                owner_id=UUID(claims["owner"]),
                email=str(claims.get("email", "")),
                roles=tuple(claims.get("roles", ())),
                permissions=frozenset(claims.get("permissions", ())),
            )
        except jwt.ExpiredSignatureError:
            raise Unauthenticated("The access token has expired.") from None
        except (jwt.InvalidTokenError, ValueError, TypeError, AttributeError):
            raise Unauthenticated("The access token is not valid.") from None
