"""Tenants that are made for customers, each with its instance: both or neither, and gone together again."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.core.errors import Fault, Invalid
from app.domains.customers import service as customers
from app.domains.customers.service import Customer
from app.domains.deployments import queries
from app.domains.deployments.errors import BrandInvalid, CustomerOfAnotherPartner, DeploymentOfAnotherCustomer
from app.domains.deployments.models import DeploymentInstance
from app.domains.deployments.rules import PRODUCTION, Brand, read_brand, slugs
from app.domains.deployments.service.instances import LICENSE_KEY, begin_provisioning
from app.domains.deployments.service.templates import as_id, template_for_customer
from app.domains.tenants import service as tenants
from app.domains.tenants.errors import SlugTaken

CONFIG = "/white_label_config"


def begin_tenant(
    session: Session,
    *,
    customer_id: UUID,
    key: str,
    template: UUID | str | None = None,
    deployment_type: str | None = None,
    region: str | None = None,
    license_key: str | None = None,
    brand: Brand | None = None,
) -> DeploymentInstance:
    """A customer's tenant and its instance, made if they are not there, the instance in state provisioning (or active).

    The template is named by id or name, else chosen as for an order; the tenant is called after the company. `key` names what
    asks, a step of an execution, say: asking again finds the same. What a customer has from that template in that region is
    found under any key: only whose `provisioned_for` is the key made it.

    Raises NotFound for the customer or template, NoTemplate, DeploymentOfAnotherCustomer, Conflict for a taken domain.
    """
    # two at once are one after the other
    customer = customers.lock_customer(session, customer_id=customer_id)
    found = queries.instance_asked_by(session, key)
    if found is not None and found.customer_id != customer_id:
        message = "The same was asked for before, and the deployment is another customer's."
        raise DeploymentOfAnotherCustomer(message, faults=[Fault("/customer_id", message)])
    if found is None:
        chosen = template_for_customer(session, template=template, region=region, deployment_type=deployment_type)
        found = queries.instance_of_customer(
            session, customer_id=customer_id, template_id=chosen.id, region=region, environment=PRODUCTION
        )
        if found is None:
            return begin_provisioning(
                session,
                tenant_id=_new_tenant(session, customer, brand),
                template_id=chosen.id,
                region=region,
                config={LICENSE_KEY: license_key} if license_key else None,
                customer_id=customer_id,
                key=key,
            )
    return begin_provisioning(session, tenant_id=found.tenant_id, template_id=found.template_id, region=found.region)


def checked_brand(session: Session, *, config: Mapping[str, Any]) -> Brand:
    """The brand that a white-label configuration says. Raises BrandInvalid with every fault at once."""
    brand, faults = read_brand(config)
    if brand.custom_domain is not None:
        try:
            tenants.checked_domain(session, domain=brand.custom_domain)
        except Invalid as error:
            faults = [*faults, Fault("/custom_domain", error.message)]
    if faults:
        message = f"A tenant cannot look like that: {'; '.join(map(str, faults))}"
        raise BrandInvalid(message, faults=[Fault(f"{CONFIG}{each.pointer}", each.message) for each in faults])
    return brand


def refuse_other_partner(session: Session, *, customer_id: UUID, partner: str) -> None:
    """Raises CustomerOfAnotherPartner unless the customer is one of a partner's: of that one, where it is named by its id.

    NotFound for the customer. A partner's code is looked up by those who keep partners.
    """
    customer = customers.get_customer(session, customer_id=customer_id)
    named = as_id(partner)
    if customer.partner_id is None or named not in {None, customer.partner_id}:
        message = f"{customer.customer_number} is not a customer of the partner {partner}."
        raise CustomerOfAnotherPartner(message, faults=[Fault("/partner_id", message)])


def remove_tenant(session: Session, *, tenant_id: UUID) -> None:
    """Remove a tenant of which nothing is deployed any more; nothing happens when it is gone."""
    tenants.delete_tenant(session, tenant_id=tenant_id)


def _new_tenant(session: Session, customer: Customer, brand: Brand | None) -> UUID:
    """A tenant by the company's name; a number behind it where that is taken."""
    name = customer.company_name or customer.name
    settings = {"customer_id": str(customer.id), "customer_number": customer.customer_number}
    otherwise = f"customer-{customer.customer_number.rpartition('-')[2]}"
    for slug in slugs(name, shortest=tenants.MIN_SLUG_LENGTH, otherwise=otherwise):
        if tenants.slug_fault(slug) is not None:
            continue
        try:
            return tenants.create_tenant(
                session,
                name=name,
                slug=slug,
                settings=settings,
                domain=brand.custom_domain if brand else None,
                branding=dict(brand.shown()) if brand else None,
            ).id
        except SlugTaken:
            continue
    message = f"Every subdomain by the name of {name} is taken."
    raise SlugTaken(message)
