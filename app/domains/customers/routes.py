"""Customers by HTTP, for staff."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from app.domains.customers import schemas, service
from app.http.endpoint import Blueprint, Context, endpoint, page

customers = Blueprint("customers", __name__, description="Who buys, and where they are")


def blueprints() -> list[Blueprint]:
    """The routes of this room."""
    return [customers]


@endpoint(
    customers,
    "GET",
    "/customers",
    permission="customer.read",
    query=schemas.CustomerQuery,
    answer=schemas.CustomerOut,
    paged=True,
)
def list_customers(ctx: Context) -> Any:
    """Customers, newest first."""
    filters = {name: ctx.query.get(name) for name in ("q", "status", "email", "partner_id")}
    return page(ctx, service.list_customers(ctx.session, **filters))


@endpoint(
    customers,
    "POST",
    "/customers",
    permission="customer.create",
    body=schemas.CustomerIn,
    answer=schemas.CustomerOut,
    status=201,
    idempotent=True,
)
def create_customer(ctx: Context) -> Any:
    """Make a customer, a prospect unless said otherwise."""
    customer = service.create_customer(ctx.session, new=service.NewCustomer(**_fields(ctx.body)))
    ctx.headers["Location"] = f"/api/v1/customers/{customer.id}"
    return _shown(ctx, customer)


@endpoint(customers, "GET", "/customers/<uuid:customer_id>", permission="customer.read", answer=schemas.CustomerOut)
def show_customer(ctx: Context, *, customer_id: UUID) -> Any:
    """A customer with its addresses."""
    return _shown(ctx, service.get_customer(ctx.session, customer_id=customer_id))


@endpoint(
    customers,
    "PATCH",
    "/customers/<uuid:customer_id>",
    permission="customer.update",
    body=schemas.CustomerChange,
    answer=schemas.CustomerOut,
    errors=[409, 412],
)
def update_customer(ctx: Context, *, customer_id: UUID) -> Any:
    """Change what is given."""
    ctx.etag(service.lock_customer(ctx.session, customer_id=customer_id).version)
    return _shown(ctx, service.update_customer(ctx.session, customer_id=customer_id, changes=_fields(ctx.body)))


@endpoint(
    customers,
    "POST",
    "/customers/<uuid:customer_id>/activate",
    permission="customer.update",
    answer=schemas.CustomerOut,
    idempotent=True,
    errors=[412],
)
def activate_customer(ctx: Context, *, customer_id: UUID) -> Any:
    """A prospect, or somebody who left, is a customer from now on."""
    ctx.etag(service.lock_customer(ctx.session, customer_id=customer_id).version)
    return _shown(ctx, service.activate_customer(ctx.session, customer_id=customer_id))


@endpoint(
    customers,
    "POST",
    "/customers/<uuid:customer_id>/deactivate",
    permission="customer.update",
    body=schemas.DeactivateIn,
    answer=schemas.CustomerOut,
    idempotent=True,
    errors=[412],
)
def deactivate_customer(ctx: Context, *, customer_id: UUID) -> Any:
    """Somebody is no customer any more."""
    ctx.etag(service.lock_customer(ctx.session, customer_id=customer_id).version)
    return _shown(ctx, service.deactivate_customer(ctx.session, customer_id=customer_id, **ctx.body))


@endpoint(
    customers,
    "DELETE",
    "/customers/<uuid:customer_id>",
    permission="customer.delete",
    answer=schemas.RemovalOut,
)
def delete_customer(ctx: Context, *, customer_id: UUID) -> Any:
    """Delete a customer with its addresses; one that something refers to is deactivated instead."""
    return {"id": customer_id, "outcome": service.delete_customer(ctx.session, customer_id=customer_id)}


def _shown(ctx: Context, customer: service.Customer) -> service.Customer:
    ctx.etag(customer.version)
    return customer


def _fields(body: Mapping[str, Any]) -> dict[str, Any]:
    fields = dict(body)
    if "addresses" in fields:
        fields["addresses"] = [service.NewAddress(**each) for each in fields["addresses"]]
    return fields
