"""The verbs of the tenants room. None commits; all run as the session's owner unless they say otherwise."""

from app.domains.tenants.rules import MIN_SLUG_LENGTH, allows, email_fault, slug_fault
from app.domains.tenants.service.roles import all_roles, ensure_roles
from app.domains.tenants.service.sessions import (
    Grant,
    Identity,
    authenticate,
    change_password,
    identity_of,
    log_out,
    open_session,
    refresh,
)
from app.domains.tenants.service.tenants import (
    all_tenants,
    checked_domain,
    create_tenant,
    delete_tenant,
    find_by_slug,
    get_tenant,
    seed,
    slug_is_free,
    time_zone,
)
from app.domains.tenants.service.users import all_users, create_user, get_user, seed_administrator

__all__ = [
    "MIN_SLUG_LENGTH",
    "Grant",
    "Identity",
    "all_roles",
    "all_tenants",
    "all_users",
    "allows",
    "authenticate",
    "change_password",
    "checked_domain",
    "create_tenant",
    "create_user",
    "delete_tenant",
    "email_fault",
    "ensure_roles",
    "find_by_slug",
    "get_tenant",
    "get_user",
    "identity_of",
    "log_out",
    "open_session",
    "refresh",
    "seed",
    "seed_administrator",
    "slug_fault",
    "slug_is_free",
    "time_zone",
]
