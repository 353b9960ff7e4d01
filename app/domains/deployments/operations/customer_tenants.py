"""Tenants that are made and deployed for customers in one step, and removed in one."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from app.domains.deployments import service
from app.domains.deployments.operations.building import PROVISION_SECONDS, build, shown, unbuild
from app.domains.deployments.service import Brand, DeploymentInstance
from app.domains.tenants import service as tenants
from pipelines.operations import Call, Catalogue, Effect

OPERATIONS = Catalogue()

UNDONE_BY = "deployment_service.deprovision_tenant"


def _begun(call: Call, session: Any, params: Mapping[str, Any], brand: Brand | None = None) -> DeploymentInstance:
    return service.begin_tenant(
        session,
        customer_id=params["customer_id"],
        key=call.idempotency_key,
        template=params.get("template_id"),
        deployment_type=params.get("deployment_type"),
        region=params.get("region"),
        license_key=params.get("license_key"),
        brand=brand,
    )


def _own(call: Call, instance: DeploymentInstance) -> list[Effect]:
    """Tenant and instance, where this step made them: what another made is not this one's to remove."""
    if instance.provisioned_for != call.idempotency_key:
        return []
    tenant_id = str(instance.tenant_id)
    undo = {"tenant_id": tenant_id, "instance_id": str(instance.id)}
    return [Effect("tenant", tenant_id, f"Tenant {instance.external_reference} and its deployment", undo=undo)]


def _finished(call: Call, instance: DeploymentInstance) -> dict[str, Any]:
    own = _own(call, instance)
    active = build(call, instance)
    for effect in own:
        call.effect(effect.kind, effect.reference, effect.summary, undo=effect.undo)
    tenant = tenants.get_tenant(call.session, tenant_id=active.tenant_id)
    tenant_id = str(tenant.id)
    return {
        "tenant_id": tenant_id,
        "tenant": {"id": tenant_id, "slug": tenant.slug, "name": tenant.name, "domain": tenant.domain},
        "branding": tenant.branding,
        **shown(active),
    }


def _intended(call: Call, params: Mapping[str, Any]) -> Iterable[Effect]:
    """Tenant and instance, in the claim's commit: what dies half-way is found by them and removed."""
    return _own(call, _begun(call, call.session, params))


@OPERATIONS.operation(
    "deployment_service.provision_tenant",
    undone_by=UNDONE_BY,
    lease=True,
    intends=_intended,
    timeout_seconds=PROVISION_SECONDS,
    resource="deployment",
)
def provision_tenant(
    call: Call,
    *,
    customer_id: UUID,
    template_id: str | None = None,
    deployment_type: str | None = None,
    region: str | None = None,
    license_key: str | None = None,
) -> dict[str, Any]:
    """Make a customer's tenant and deploy it; returns once the deployment answers its health check.

    The template is named by id or name, else chosen by region and type as for an order. What the customer has from that
    template in that region is found, however often and by whomever it is asked for.
    """
    params = {
        "customer_id": customer_id,
        "template_id": template_id,
        "deployment_type": deployment_type,
        "region": region,
        "license_key": license_key,
    }
    with call.transaction() as session:
        instance = _begun(call, session, params)
    return _finished(call, instance)


def _intended_for_partner(call: Call, params: Mapping[str, Any]) -> Iterable[Effect]:
    return _own(call, _begun_for_partner(call, call.session, params))


def _begun_for_partner(call: Call, session: Any, params: Mapping[str, Any]) -> DeploymentInstance:
    service.refuse_other_partner(session, customer_id=params["customer_id"], partner=params["partner_id"])
    brand = service.checked_brand(session, config=params.get("white_label_config") or {})
    return _begun(call, session, params, brand)


@OPERATIONS.operation(
    "deployment_service.provision_partner_tenant",
    undone_by=UNDONE_BY,
    lease=True,
    intends=_intended_for_partner,
    timeout_seconds=PROVISION_SECONDS,
    resource="deployment",
)
def provision_partner_tenant(
    call: Call,
    *,
    customer_id: UUID,
    partner_id: str,
    white_label_config: dict[str, Any] | None = None,
    template_id: str | None = None,
    deployment_type: str | None = None,
    region: str | None = None,
    license_key: str | None = None,
) -> dict[str, Any]:
    """Make the tenant of a partner's customer under the partner's brand, and deploy it as provision_tenant does.

    `white_label_config`: company_name, logo_url, primary_color, secondary_color, support_email, support_phone and
    custom_domain, or `{branding}` with the same or the company's name.
    """
    params = {
        "customer_id": customer_id,
        "partner_id": partner_id,
        "white_label_config": white_label_config,
        "template_id": template_id,
        "deployment_type": deployment_type,
        "region": region,
        "license_key": license_key,
    }
    with call.transaction() as session:
        instance = _begun_for_partner(call, session, params)
    return _finished(call, instance)


@OPERATIONS.operation(UNDONE_BY, lease=True, timeout_seconds=PROVISION_SECONDS)
def deprovision_tenant(call: Call, *, tenant_id: UUID, instance_id: UUID) -> dict[str, Any]:
    """Remove a customer's deployment with all it has, and then its tenant; nothing happens when they are gone."""
    with call.transaction() as session:
        instance = service.begin_destroying(session, instance_id=instance_id)
    destroyed = unbuild(call, instance)
    service.remove_tenant(call.session, tenant_id=tenant_id)
    return {"destroyed": destroyed}
