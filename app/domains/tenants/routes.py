"""Signing in, users, roles, tenants.

Whoever signs in has no tenant yet: login, refresh and logout work across owners, in a transaction of their own that
keeps what it recorded also where the answer is a refusal.
"""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.core.audit import ADDRESS
from app.core.errors import Unauthenticated
from app.domains.tenants import schemas, service
from app.http.endpoint import PUBLIC, Blueprint, Context, endpoint, page
from app.http.principal import Principal

auth = Blueprint("auth", __name__, description="Signing in and staying signed in")
users = Blueprint("users", __name__, description="Users and roles of the caller's tenant")
tenants = Blueprint("tenants", __name__, description="Tenants that the caller's tenant made, and itself")


def blueprints() -> list[Blueprint]:
    """The routes of this room."""
    return [auth, users, tenants]


@endpoint(
    auth, "POST", "/auth/login", permission=PUBLIC, body=schemas.Credentials, answer=schemas.TokenPair, errors=[401]
)
def log_in(ctx: Context) -> Any:
    """Sign in with e-mail address and password."""
    ctx.throttle_login(ctx.body["email"])
    with ctx.world.across.transaction() as session:
        session.info[ADDRESS] = ctx.address
        identity = service.authenticate(session, email=ctx.body["email"], password=ctx.body["password"])
        days = _refresh_days(ctx)
        grant = service.open_session(session, identity=identity, days=days) if identity else None
    if grant is None:
        message = "E-mail address or password is wrong."
        raise Unauthenticated(message)
    return _pair(ctx, grant)


@endpoint(
    auth,
    "POST",
    "/auth/refresh",
    permission=PUBLIC,
    body=schemas.RefreshTokenIn,
    answer=schemas.TokenPair,
    errors=[401],
)
def refresh(ctx: Context) -> Any:
    """Exchange a refresh token for a new pair. Each works once; a second use ends the whole session."""
    with ctx.world.across.transaction() as session:
        session.info[ADDRESS] = ctx.address
        grant = service.refresh(session, token=ctx.body["refresh_token"], days=_refresh_days(ctx))
    if grant is None:
        message = "The refresh token is not valid (any more): sign in again."
        raise Unauthenticated(message)
    return _pair(ctx, grant)


@endpoint(auth, "POST", "/auth/logout", permission=PUBLIC, body=schemas.RefreshTokenIn, status=204)
def log_out(ctx: Context) -> None:
    """End the session that a refresh token belongs to. An unknown token is no error."""
    with ctx.world.across.transaction() as session:
        session.info[ADDRESS] = ctx.address
        service.log_out(session, token=ctx.body["refresh_token"])


@endpoint(auth, "GET", "/auth/me", permission=None, authenticated=True, answer=schemas.Me)
def me(ctx: Context) -> Any:
    """Who is signed in, as of now."""
    identity = service.identity_of(ctx.session, user_id=ctx.principal.user_id)
    if identity is None:
        message = "This account is not active any more."
        raise Unauthenticated(message)
    return identity


@endpoint(
    auth,
    "POST",
    "/auth/password",
    permission=None,
    authenticated=True,
    body=schemas.PasswordChange,
    status=204,
    errors=[429],
)
def change_password(ctx: Context) -> None:
    """Change one's own password. Ends all sessions; access tokens go on until they expire."""
    ctx.throttle_login(ctx.principal.email)
    service.change_password(
        ctx.session,
        user_id=ctx.principal.user_id,
        current=ctx.body["current_password"],
        new=ctx.body["new_password"],
    )


@endpoint(users, "GET", "/users", permission="user.read", answer=schemas.UserOut, paged=True)
def list_users(ctx: Context) -> Any:
    """The tenant's users, newest first."""
    return page(ctx, service.all_users())


@endpoint(
    users,
    "POST",
    "/users",
    permission="user.create",
    body=schemas.UserIn,
    answer=schemas.UserOut,
    status=201,
    idempotent=True,
    errors=[403, 409],
)
def create_user(ctx: Context) -> Any:
    """Make a user of the tenant. Nobody gives a role with permissions that they do not hold."""
    return service.create_user(ctx.session, granted_by=ctx.principal.permissions, **ctx.body)


@endpoint(users, "GET", "/users/<uuid:user_id>", permission="user.read", answer=schemas.UserOut)
def show_user(ctx: Context, *, user_id: UUID) -> Any:
    """One user."""
    return service.get_user(ctx.session, user_id=user_id)


@endpoint(users, "GET", "/roles", permission="role.read", answer=schemas.RoleOut, paged=True)
def list_roles(ctx: Context) -> Any:
    """The tenant's roles, newest first."""
    return page(ctx, service.all_roles())


@endpoint(tenants, "GET", "/tenants", permission="tenant.read", answer=schemas.TenantOut, paged=True)
def list_tenants(ctx: Context) -> Any:
    """The tenants that the caller's tenant made, and itself, newest first."""
    return page(ctx, service.all_tenants())


@endpoint(tenants, "GET", "/tenants/<uuid:tenant_id>", permission="tenant.read", answer=schemas.TenantOut)
def show_tenant(ctx: Context, *, tenant_id: UUID) -> Any:
    """One tenant."""
    return service.get_tenant(ctx.session, tenant_id=tenant_id)


def _refresh_days(ctx: Context) -> int:
    return ctx.world.settings.refresh_token_days


def _pair(ctx: Context, grant: service.Grant) -> dict[str, object]:
    identity = grant.identity
    principal = Principal(
        user_id=identity.user_id,
        owner_id=identity.owner_id,
        email=identity.email,
        roles=identity.roles,
        permissions=identity.permissions,
    )
    return {
        "access_token": ctx.tokens.issue(principal),
        "refresh_token": grant.refresh_token,
        "token_type": "Bearer",
        "expires_in": int(ctx.tokens.lifetime.total_seconds()),
    }
