"""What workflows may call of the activation room: one operation per built-in service code, and its undo.

All are of the lease form, so that an activation is seen to be in progress. A service code of somebody else's is
activated by the operation `activation_service.<code with underscores>` of their own package.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any
from uuid import UUID

from app.adapters.provisioners.port import Provisioners
from app.domains.activation import service
from app.domains.activation.errors import FirstCheckFailed
from app.domains.deployments import service as deployments
from pipelines.operations import Call, Catalogue, Effect, Intend

OPERATIONS = Catalogue()

ACTIVATION_SECONDS = 60.0


def _intends(kind: str, summary: str) -> Intend:
    def intended(call: Call, params: Mapping[str, Any]) -> Iterable[Effect]:  # noqa: ARG001 - Intend's signature
        undo = {name: str(params[name]) for name in ("tenant_id", "activation_id")}
        return [Effect(kind, undo["tenant_id"], summary, undo=undo)]

    return intended


def _confirm(call: Call, kind: str, summary: str, *, tenant_id: UUID, activation_id: UUID) -> None:
    undo = {"tenant_id": str(tenant_id), "activation_id": str(activation_id)}
    call.effect(kind, str(tenant_id), summary, undo=undo)


def _output(activation_id: UUID, setup: service.Setup) -> dict[str, Any]:
    return {
        "activation_id": str(activation_id),
        "activation": {"id": str(activation_id), "endpoints": setup.endpoints, "references": setup.references},
    }


SUBSCRIBERS = ("subscriber_realm", "Subscriber realm and numbering")


@OPERATIONS.operation(
    "activation_service.subscriber_provisioning",
    undone_by="activation_service.deactivate_subscriber_provisioning",
    lease=True,
    intends=_intends(*SUBSCRIBERS),
    timeout_seconds=ACTIVATION_SECONDS,
)
def subscriber_provisioning(call: Call, *, tenant_id: UUID, activation_id: UUID) -> dict[str, Any]:
    """Set up the tenant's subscriber realm and numbering."""
    service.activation_for(call.session, activation_id=activation_id, tenant_id=tenant_id)
    setup = service.set_up_subscribers(call.session, tenant_id=tenant_id)
    _confirm(call, *SUBSCRIBERS, tenant_id=tenant_id, activation_id=activation_id)
    return _output(activation_id, setup)


@OPERATIONS.operation("activation_service.deactivate_subscriber_provisioning")
def deactivate_subscriber_provisioning(call: Call, *, tenant_id: UUID, activation_id: UUID) -> dict[str, Any]:
    """Remove the tenant's subscriber realm and numbering."""
    return _removed(activation_id, removed=service.forget_subscribers(call.session, tenant_id=tenant_id))


BILLING = ("billing_account", "Billing account, invoice series and subscription")


@OPERATIONS.operation(
    "activation_service.billing_invoicing",
    undone_by="activation_service.deactivate_billing_invoicing",
    lease=True,
    intends=_intends(*BILLING),
    timeout_seconds=ACTIVATION_SECONDS,
)
def billing_invoicing(call: Call, *, tenant_id: UUID, activation_id: UUID) -> dict[str, Any]:
    """Open the tenant's billing account, invoice series and first subscription, by the order's terms."""
    activation = service.activation_for(call.session, activation_id=activation_id, tenant_id=tenant_id)
    setup = service.open_billing(call.session, tenant_id=tenant_id, activation=activation)
    _confirm(call, *BILLING, tenant_id=tenant_id, activation_id=activation_id)
    return _output(activation_id, setup)


@OPERATIONS.operation("activation_service.deactivate_billing_invoicing")
def deactivate_billing_invoicing(call: Call, *, tenant_id: UUID, activation_id: UUID) -> dict[str, Any]:
    """Cancel the tenant's subscriptions and close its billing account."""
    return _removed(activation_id, removed=service.stop_billing(call.session, tenant_id=tenant_id))


RADIUS = ("radius_realm", "RADIUS realm, NAS client and shared secret")


@OPERATIONS.operation(
    "activation_service.radius_aaa",
    undone_by="activation_service.deactivate_radius_aaa",
    lease=True,
    intends=_intends(*RADIUS),
    timeout_seconds=ACTIVATION_SECONDS,
)
def radius_aaa(call: Call, *, tenant_id: UUID, activation_id: UUID) -> dict[str, Any]:
    """Create the tenant's RADIUS realm, NAS client and shared secret; the secret is sealed and named by reference."""
    activation = service.activation_for(call.session, activation_id=activation_id, tenant_id=tenant_id)
    setup = service.set_up_radius(call.session, tenant_id=tenant_id, activation=activation)
    _confirm(call, *RADIUS, tenant_id=tenant_id, activation_id=activation_id)
    return _output(activation_id, setup)


@OPERATIONS.operation("activation_service.deactivate_radius_aaa")
def deactivate_radius_aaa(call: Call, *, tenant_id: UUID, activation_id: UUID) -> dict[str, Any]:
    """Remove the tenant's RADIUS realm and clients, and destroy their secrets."""
    return _removed(activation_id, removed=service.forget_radius(call.session, tenant_id=tenant_id))


MONITORING = ("monitoring_target", "Probe targets and their checks")


@OPERATIONS.operation(
    "activation_service.network_monitoring",
    undone_by="activation_service.deactivate_network_monitoring",
    lease=True,
    intends=_intends(*MONITORING),
    timeout_seconds=ACTIVATION_SECONDS,
)
def network_monitoring(call: Call, *, tenant_id: UUID, activation_id: UUID) -> dict[str, Any]:
    """Look at the tenant's address and register it as a target with that first check; no answer is a failed attempt."""
    with call.transaction() as session:
        instance = deployments.find_instance(session, tenant_id=tenant_id)
    address = instance.endpoint if instance is not None else None
    seconds = 0.0
    if instance is not None and address is not None:
        probe = deployments.probe(call.port(Provisioners), deployment_type=instance.deployment_type, endpoint=address)
        if not probe.answered:
            raise FirstCheckFailed(address)
        seconds = probe.seconds
    service.activation_for(call.session, activation_id=activation_id, tenant_id=tenant_id)
    setup = service.set_up_monitoring(
        call.session, tenant_id=tenant_id, address=address, is_up=address is not None, response_seconds=seconds
    )
    _confirm(call, *MONITORING, tenant_id=tenant_id, activation_id=activation_id)
    return _output(activation_id, setup)


@OPERATIONS.operation("activation_service.deactivate_network_monitoring")
def deactivate_network_monitoring(call: Call, *, tenant_id: UUID, activation_id: UUID) -> dict[str, Any]:
    """Remove the tenant's probe targets and their checks."""
    return _removed(activation_id, removed=service.forget_monitoring(call.session, tenant_id=tenant_id))


REPORTS = ("report_set", "Report set")


@OPERATIONS.operation(
    "activation_service.analytics_reporting",
    undone_by="activation_service.deactivate_analytics_reporting",
    lease=True,
    intends=_intends(*REPORTS),
    timeout_seconds=ACTIVATION_SECONDS,
)
def analytics_reporting(call: Call, *, tenant_id: UUID, activation_id: UUID) -> dict[str, Any]:
    """Create the tenant's report set."""
    service.activation_for(call.session, activation_id=activation_id, tenant_id=tenant_id)
    setup = service.set_up_reports(call.session, tenant_id=tenant_id)
    _confirm(call, *REPORTS, tenant_id=tenant_id, activation_id=activation_id)
    return _output(activation_id, setup)


@OPERATIONS.operation("activation_service.deactivate_analytics_reporting")
def deactivate_analytics_reporting(call: Call, *, tenant_id: UUID, activation_id: UUID) -> dict[str, Any]:
    """Remove the tenant's report set."""
    return _removed(activation_id, removed=service.forget_reports(call.session, tenant_id=tenant_id))


AUTOMATION = ("enabled_triggers", "Triggers of the built-in workflows")


@OPERATIONS.operation(
    "activation_service.automation_workflows",
    undone_by="activation_service.deactivate_automation_workflows",
    lease=True,
    intends=_intends(*AUTOMATION),
    timeout_seconds=ACTIVATION_SECONDS,
)
def automation_workflows(call: Call, *, tenant_id: UUID, activation_id: UUID) -> dict[str, Any]:
    """Enable the built-in workflows' triggers for the tenant."""
    service.activation_for(call.session, activation_id=activation_id, tenant_id=tenant_id)
    setup = service.enable_automation(call.session, tenant_id=tenant_id)
    _confirm(call, *AUTOMATION, tenant_id=tenant_id, activation_id=activation_id)
    return _output(activation_id, setup)


@OPERATIONS.operation("activation_service.deactivate_automation_workflows")
def deactivate_automation_workflows(call: Call, *, tenant_id: UUID, activation_id: UUID) -> dict[str, Any]:
    """Disable the built-in workflows' triggers for the tenant."""
    return _removed(activation_id, removed=service.forget_automation(call.session, tenant_id=tenant_id))


def _removed(activation_id: UUID, *, removed: bool) -> dict[str, Any]:
    return {"activation_id": str(activation_id), "removed": removed}
