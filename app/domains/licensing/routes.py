"""Licenses and their templates: issued, looked up, ended; and the keys by which their tokens are checked."""

from __future__ import annotations

from datetime import datetime
from typing import Any
from uuid import UUID

from app.core.ids import OPERATOR_ID, new_id
from app.domains.licensing import schemas, service
from app.http.endpoint import PUBLIC, Blueprint, Context, endpoint, page

licensing = Blueprint("licensing", __name__, description="What customers may use, and the keys that say so")


def blueprints() -> list[Blueprint]:
    """The routes of this room."""
    return [licensing]


@endpoint(
    licensing,
    "GET",
    "/licenses",
    permission="license.read",
    query=schemas.LicenseFilter,
    answer=schemas.LicenseOut,
    paged=True,
)
def list_licenses(ctx: Context) -> Any:
    """Licenses, newest first."""
    filters = {name: ctx.query.get(name) for name in ("customer_id", "status", "q")}
    return page(ctx, service.all_licenses(ctx.session, **filters))


@endpoint(
    licensing,
    "POST",
    "/licenses",
    permission="license.create",
    body=schemas.LicenseIn,
    answer=schemas.LicenseOut,
    status=201,
    idempotent=True,
    errors=[404, 409],
)
def issue_license(ctx: Context) -> Any:
    """Issue a license. Its token is shown with the license."""
    wanted = dict(ctx.body)
    template = wanted.pop("license_template_id", None)
    # whether a call is a repeat, its Idempotency-Key says: without one, two calls are two licenses
    issued = service.issue_license(ctx.session, key=f"request/{new_id()}", template=template, **wanted)
    ctx.headers["Location"] = f"/api/v1/licenses/{issued.id}"
    return issued


@endpoint(licensing, "GET", "/licenses/<uuid:license_id>", permission="license.read", answer=schemas.LicenseDetail)
def show_license(ctx: Context, *, license_id: UUID) -> Any:
    """One license, with its token."""
    return service.get_license(ctx.session, license_id=license_id)


@endpoint(
    licensing,
    "POST",
    "/licenses/<uuid:license_id>/revoke",
    permission="license.revoke",
    body=schemas.Reason,
    answer=schemas.LicenseOut,
    idempotent=True,
)
def revoke_license(ctx: Context, *, license_id: UUID) -> Any:
    """End a license for good. Its token still passes where it is checked offline."""
    return service.revoke_license(ctx.session, license_id=license_id, reason=ctx.body["reason"])


@endpoint(
    licensing,
    "POST",
    "/licenses/<uuid:license_id>/suspend",
    permission="license.update",
    body=schemas.Reason,
    answer=schemas.LicenseOut,
    idempotent=True,
    errors=[409],
)
def suspend_license(ctx: Context, *, license_id: UUID) -> Any:
    """Let a license not be used until it is resumed."""
    return service.suspend_license(ctx.session, license_id=license_id, reason=ctx.body["reason"])


@endpoint(
    licensing,
    "POST",
    "/licenses/<uuid:license_id>/resume",
    permission="license.update",
    answer=schemas.LicenseOut,
    idempotent=True,
    errors=[409],
)
def resume_license(ctx: Context, *, license_id: UUID) -> Any:
    """Let a suspended license be used again."""
    return service.resume_license(ctx.session, license_id=license_id)


@endpoint(
    licensing,
    "POST",
    "/licenses/verify",
    permission="license.read",
    body=schemas.KeyShown,
    answer=schemas.VerdictOut,
)
def verify_license(ctx: Context) -> Any:
    """Whether a key is well formed and known, and its license may be used now."""
    return service.verify(ctx.session, license_key=ctx.body["license_key"])


@endpoint(
    licensing,
    "GET",
    "/licenses/public-keys",
    permission=PUBLIC,
    query=schemas.IssuerQuery,
    answer=schemas.PublicKeys,
)
def show_public_keys(ctx: Context) -> Any:
    """The keys by which license tokens are checked, retired ones too: a token outlives the key that signed it."""
    issuer = ctx.query.get("issuer", OPERATOR_ID)
    with ctx.world.database.transaction(issuer) as session:
        return {"keys": service.public_keys(session)}


@endpoint(
    licensing,
    "POST",
    "/licenses/public-keys",
    permission="license.sign",
    answer=schemas.PublicKey,
    status=201,
    idempotent=True,
    errors=[409],
)
def rotate_signing_key(ctx: Context) -> Any:
    """Sign with a new key from now on; what was signed before stays good."""
    return service.rotate_signing_key(ctx.session)


@endpoint(
    licensing,
    "GET",
    "/license-templates",
    permission="license.read",
    answer=schemas.TemplateOut,
    paged=True,
)
def list_license_templates(ctx: Context) -> Any:
    """All templates, newest first."""
    return page(ctx, service.all_templates())


@endpoint(
    licensing,
    "POST",
    "/license-templates",
    permission="license.update",
    body=schemas.TemplateIn,
    answer=schemas.TemplateOut,
    status=201,
    idempotent=True,
    errors=[409],
)
def create_license_template(ctx: Context) -> Any:
    """Add a template."""
    return service.create_template(ctx.session, fields=ctx.body)


@endpoint(
    licensing,
    "GET",
    "/license-templates/<uuid:license_template_id>",
    permission="license.read",
    answer=schemas.TemplateOut,
)
def show_license_template(ctx: Context, *, license_template_id: UUID) -> Any:
    """One template."""
    template = service.get_template(ctx.session, template_id=license_template_id)
    ctx.etag(_version(template.updated_at))
    return template


@endpoint(
    licensing,
    "PUT",
    "/license-templates/<uuid:license_template_id>",
    permission="license.update",
    body=schemas.TemplateIn,
    answer=schemas.TemplateOut,
    errors=[409, 412],
)
def update_license_template(ctx: Context, *, license_template_id: UUID) -> Any:
    """Replace what a template is; licenses that were issued stay as they are."""
    before = service.get_template(ctx.session, template_id=license_template_id, locked=True)
    ctx.etag(_version(before.updated_at))
    template = service.update_template(ctx.session, template_id=license_template_id, fields=ctx.body)
    ctx.etag(_version(template.updated_at))
    return template


@endpoint(
    licensing,
    "DELETE",
    "/license-templates/<uuid:license_template_id>",
    permission="license.update",
    status=204,
    errors=[409],
)
def delete_license_template(ctx: Context, *, license_template_id: UUID) -> Any:
    """Remove a template from which nothing was issued."""
    service.delete_template(ctx.session, template_id=license_template_id)


def _version(changed_at: datetime) -> str:
    return f"{changed_at.timestamp():.6f}"
