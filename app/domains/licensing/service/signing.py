"""The keys that licenses are signed with: one at a time per owner, its private half sealed, its public half for all."""

from __future__ import annotations

from collections.abc import Sequence

from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.locks import Space, hold
from app.core.ports import port
from app.core.secrets import Vault
from app.domains.licensing import queries
from app.domains.licensing.errors import TooManySigningKeys
from app.domains.licensing.models import LicenseSigningKey
from app.domains.licensing.rules import tokens

_LOCK = "license signing key"


def sign(session: Session, statement: tokens.Statement) -> str:
    """The statement as a token of the owner's current key, which is made when there is none.

    Raises Unavailable when no configured sealing key opens the private key.
    """
    key = _current_key(session)
    assert key.private_key is not None
    return tokens.signed(statement, kid=key.kid, private=port(session, Vault).open(session, key.private_key))


def rotate_signing_key(session: Session) -> dict[str, str]:
    """Sign with a new key from now on, which is returned as JWK. The former one's private half is destroyed, its public half stays published.

    Raises TooManySigningKeys when no more of them could be published.
    """
    hold(session, Space.LICENSES, _LOCK)
    if len(queries.signing_keys(session)) >= queries.MAX_KEYS:
        message = f"There are {queries.MAX_KEYS} keys already, and none may go unpublished."
        raise TooManySigningKeys(message)
    if former := queries.current_key(session, retiring=True):
        assert former.private_key is not None
        port(session, Vault).destroy(session, former.private_key)
        former.private_key, former.retired_at = None, now(session)
        session.flush()  # there is one current key at any time
    key = _make_key(session)
    audit.record(
        session,
        "license_signing_key.rotated",
        f"license_signing_key/{key.kid}",
        before={"kid": former.kid} if former else None,
        after={"kid": key.kid},
    )
    return _published(key)


def public_keys(session: Session) -> Sequence[dict[str, str]]:
    """Every key that the session's owner ever signed with, as JWK, the newest first."""
    return [_published(key) for key in queries.signing_keys(session)]


def _published(key: LicenseSigningKey) -> dict[str, str]:
    return tokens.jwk(kid=key.kid, public=key.public_key)


def _current_key(session: Session) -> LicenseSigningKey:
    if key := queries.current_key(session):
        return key
    # there is none yet, or it was retired while we waited for it: whoever comes first makes one, the others find it
    hold(session, Space.LICENSES, _LOCK)
    return queries.current_key(session) or _make_key(session)


def _make_key(session: Session) -> LicenseSigningKey:
    pair = tokens.new_key_pair()
    sealed = port(session, Vault).seal(session, f"signs licenses, {pair.kid}", pair.private)
    key = LicenseSigningKey(kid=pair.kid, public_key=pair.public, private_key=sealed)
    session.add(key)
    session.flush()
    return key
