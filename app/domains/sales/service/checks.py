"""Whether an order can be fulfilled: asked when it is made or changed, when it is submitted, and by the pipeline's first step."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.adapters.provisioners.port import Provisioners
from app.core.errors import Fault, Invalid
from app.core.ports import port
from app.core.settings import Settings
from app.domains.activation import service as activation
from app.domains.catalog import service as catalog
from app.domains.deployments import service as deployments
from app.domains.sales.errors import OrderInvalid
from app.domains.sales.models import Order
from app.domains.sales.rules import PAID, email_fault
from app.domains.tenants import service as tenants

SERVICES = "/selected_services"


@contextmanager
def collected(faults: list[Fault]) -> Iterator[None]:
    """Keep what a check refuses, so that the next check is asked too."""
    try:
        yield
    except Invalid as error:
        faults += error.faults or [Fault("", error.message)]


def refuse(faults: Sequence[Fault]) -> None:
    """Raise OrderInvalid with all faults, if there are any; its message is what a customer may read."""
    if faults:
        sentences = dict.fromkeys(fault.message.rstrip(".") + "." for fault in faults)
        raise OrderInvalid(" ".join(sentences), faults=faults)


def person_faults(fields: Mapping[str, Any]) -> list[Fault]:
    """What is wrong with the customer's address in form."""
    fault = email_fault(str(fields["customer_email"])) if "customer_email" in fields else None
    return [Fault("/customer_email", fault)] if fault else []


def slug_faults(session: Session, slug: str, *, order: Order | None = None) -> list[Fault]:
    """What is wrong with the wanted subdomain; the tenant that this order itself made is no obstacle."""
    if fault := tenants.slug_fault(slug):
        return [Fault("/organization_slug", fault)]
    if tenants.slug_is_free(session, slug=slug):
        return []
    holder = tenants.find_by_slug(session, slug=slug)
    if order is not None and holder is not None and is_of(holder.settings, order):
        return []
    return [Fault("/organization_slug", f"The subdomain “{slug}” is taken.")]


def is_of(settings: Mapping[str, Any], order: Order) -> bool:
    """Whether a tenant with these settings was made by that order."""
    return settings.get("order_id") == order.id


def lines(session: Session, selected: Sequence[Mapping[str, Any]], package_code: str | None) -> list[catalog.Line]:
    """What is to be priced: the services selected, then those of the package that were not. Raises Invalid."""
    wanted = [
        catalog.Line(
            service_code=service["service_code"],
            quantity=service.get("quantity", 1),
            configuration=service.get("configuration") or {},
        )
        for service in selected
    ]
    if package_code is None:
        return wanted
    named = {line.service_code for line in wanted}
    return wanted + [
        catalog.Line(service_code=code)
        for code in catalog.package_services(session, package_code=package_code)
        if code not in named
    ]


def dependency_faults(session: Session, codes: Sequence[str], *, template_id: UUID | None) -> list[Fault]:
    """Which ordered services need one that is not in the order, by the activation workflow that would be taken."""
    faults: list[Fault] = []
    with collected(faults):
        workflow = activation.choose_workflow(session, template_id=template_id)
        missing = activation.missing_dependencies(workflow.service_sequence, codes)
        faults += [Fault(SERVICES, sentence) for sentence in missing]
    return faults


def template_for(session: Session, order: Order) -> deployments.DeploymentTemplate:
    """The deployment template that the order gets. Raises Invalid telling what was tried."""
    return deployments.choose_template(
        session,
        template_id=order.deployment_template_id,
        package_code=order.package_code,
        region=order.deployment_region,
        deployment_type=order.deployment_type,
    )


def fulfilment_faults(session: Session, order: Order) -> tuple[UUID | None, list[Fault]]:
    """The deployment template that the order gets, and everything that stands against fulfilling it."""
    faults = person_faults({"customer_email": order.customer_email})
    faults += slug_faults(session, order.organization_slug, order=order)
    with collected(faults):
        catalog.price(
            session,
            lines=lines(session, order.selected_services, order.package_code),
            currency=order.currency,
            billing_cycle=order.billing_cycle,
            region=order.deployment_region,
        )
    template_id: UUID | None = None
    with collected(faults):
        template = template_for(session, order)
        template_id = template.id
        if template.deployment_type not in port(session, Provisioners).types():
            message = f"Deployments of type {template.deployment_type} cannot be made here."
            faults.append(Fault("/deployment_type", message))
    codes = [item.service_code for item in order.items if item.service_code is not None]
    faults += dependency_faults(session, codes, template_id=template_id)
    if port(session, Settings).payment_required and order.payment_status != PAID:
        faults.append(Fault("/payment_reference", "The order has not been paid."))
    return template_id, faults
