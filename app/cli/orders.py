"""`turnup orders`: looking at orders and moving them on."""

from __future__ import annotations

import threading
import time
from collections.abc import Iterator
from uuid import UUID

import click
from sqlalchemy.orm import Session

from app.cli.errors import Failed
from app.cli.following import Look, follow
from app.cli.installation import acting_as, opened, transaction
from app.cli.output import (
    headline,
    json_option,
    limit_option,
    owner_option,
    print_facts,
    print_heading,
    print_json,
    print_table,
    screen,
    seconds,
)
from app.core.errors import NotFound
from app.core.lists import newest
from app.core.money import rounded
from app.core.world import World
from app.domains.activation import service as activation
from app.domains.sales import schemas
from app.domains.sales import service as sales
from app.domains.sales.errors import OrderNotFound
from app.domains.tenants import service as tenants

LOOK_SECONDS = 0.5
NOT_ACTIVE = 1


@click.group()
def orders() -> None:
    """Orders. ORDER is an order's id or number."""


@orders.command("list")
@click.option("--status", type=click.Choice([status.value for status in sales.Status]), help="Only these.")
@click.option("--search", metavar="TEXT", help="Part of number, customer, company or subdomain.")
@limit_option
@owner_option
@json_option
def list_orders(status: str | None, search: str | None, limit: int, owner: str | None, *, as_json: bool) -> None:
    """Orders, newest first."""
    with acting_as(owner) as session:
        found = newest(session, sales.list_orders(session, status=status, q=search), limit=limit)
        if as_json:
            print_json(schemas.OrderOut(many=True).dump(found))
            return
        print_table(
            ("Id", "Number", "Status", "Company", "Subdomain", "Total", "Made"),
            (
                (o.id, o.order_number, o.status, o.company_name, o.organization_slug, _money(o), o.created_at)
                for o in found
            ),
            wrap=("Company", "Subdomain"),
            empty="There are no such orders.",
        )


@orders.command("show")
@click.argument("order")
@owner_option
@json_option
def show_order(order: str, owner: str | None, *, as_json: bool) -> None:
    """An order with its items, activations and history."""
    with acting_as(owner) as session:
        found = sales.get_order(session, order_id=_id_of(session, order))
        activations = activation.activations_of(session, order_id=found.id)
        history = sales.order_history(session, order_id=found.id)
        if as_json:
            document = schemas.OrderOut().dump(found)
            document["items"] = schemas.ItemOut(many=True).dump(found.items)
            document["activations"] = schemas.ActivationDetail(many=True).dump(activations)
            document["history"] = schemas.HistoryOut(many=True).dump(history)
            print_json(document)
            return
        _print_order(found)
        print_heading("Items")
        print_table(
            ("Service", "Name", "Quantity", "Total"),
            ((i.service_code, i.name, i.quantity, rounded(i.total_amount, found.currency)) for i in found.items),
            wrap=("Name",),
        )
        if activations:
            print_heading("Activations")
            print_table(
                ("Service", "Status", "Tries", "Took", "Error"),
                (
                    (
                        a.service_code,
                        a.activation_status,
                        a.retry_count + 1,
                        seconds(a.duration_seconds),
                        headline(headline(a.error_message)),
                    )
                    for a in activations
                ),
                wrap=("Error",),
            )
        print_heading("History")
        print_table(
            ("At", "Status", "By", "Message", "Reason"),
            ((h.at, h.to_status, _name_of(session, h.actor), h.status_message, h.reason) for h in history),
            wrap=("By", "Message", "Reason"),
        )


@orders.command("submit")
@click.argument("order")
@click.option("--payment-reference", help="How it was paid.")
@click.option("--auto-activate/--no-auto-activate", default=None, help="Start at once, or wait for `process`.")
@owner_option
@json_option
def submit_order(
    order: str, payment_reference: str | None, owner: str | None, *, auto_activate: bool | None, as_json: bool
) -> None:
    """Submit a draft."""
    with acting_as(owner) as session:
        found = sales.submit_order(
            session,
            order_id=_id_of(session, order),
            payment_reference=payment_reference,
            auto_activate=auto_activate,
        )
        document = schemas.OrderOut().dump(found)
    if as_json:
        print_json(document)
        return
    click.echo(f"Order {document['order_number']} is submitted, with execution {document['execution_id']}.")


@orders.command("process")
@click.argument("order")
@owner_option
@json_option
def process_order(order: str, owner: str | None, *, as_json: bool) -> None:
    """Begin an order that was submitted and waits, or process a failed one again."""
    with acting_as(owner) as session:
        execution = sales.process_order(session, order_id=_id_of(session, order))
        document = schemas.ExecutionOut().dump(execution)
    if as_json:
        print_json(document)
        return
    click.echo(f"Order {document['order_number']} is being processed by execution {document['execution_id']}.")


@orders.command("cancel")
@click.argument("order")
@click.option("--reason", help="Why; it is kept in the history.")
@owner_option
@json_option
def cancel_order(order: str, reason: str | None, owner: str | None, *, as_json: bool) -> None:
    """Cancel an order: at once where nothing was begun, else what was set up is removed first."""
    with acting_as(owner) as session:
        found = sales.cancel_order(session, order_id=_id_of(session, order), reason=reason)
        document = schemas.OrderOut().dump(found)
    if as_json:
        print_json(document)
        return
    click.echo(f"Order {document['order_number']} is {document['status']}: {document['status_message']}")


@orders.command("watch")
@click.argument("order")
@click.option("--timeout", type=click.FloatRange(min=0), metavar="SECONDS", help="Give up after so long.")
@owner_option
@json_option
def watch_order(order: str, timeout: float | None, owner: str | None, *, as_json: bool) -> None:
    """Follow an order until it has ended. The exit code is 0 when it is active."""
    with opened() as world:
        with transaction(world, owner) as session:
            found = sales.get_order(session, order_id=_id_of(session, order))
        if found.status == sales.Status.DRAFT:
            raise Failed(
                f"Order {found.order_number} is a draft: `turnup orders submit {found.id}` sends it on its way."
            )
        looks = _looks(world, owner, found.id, timeout)
        last = follow(looks, title=found.order_number, console=screen(err=as_json))
        if as_json:
            with transaction(world, owner) as session:
                print_json(schemas.StatusOut().dump(sales.order_status(session, order_id=found.id)))
    if last is None or not last.is_active:
        raise click.exceptions.Exit(NOT_ACTIVE)


def _looks(world: World, owner: str | None, order_id: int, timeout: float | None) -> Iterator[Look]:
    until = None if timeout is None else time.monotonic() + timeout
    while True:
        with transaction(world, owner) as session:
            status = sales.order_status(session, order_id=order_id)
        yield Look(status.status, status.status_message, status.progress_percent)
        if sales.has_ended(status.status):
            return
        if until is not None and time.monotonic() > until:
            raise Failed(f"Order {status.order_number} is still {status.status} after {timeout:g} s.")
        threading.Event().wait(LOOK_SECONDS)


def _id_of(session: Session, order: str) -> int:
    """The id of an order named by id or number. Raises OrderNotFound."""
    if order.isdecimal():
        return int(order)
    numbered = sales.list_orders(session).where(sales.Order.order_number == order.upper())
    found = session.scalars(numbered.limit(1)).one_or_none()
    if found is None:
        raise OrderNotFound
    return found.id


def _name_of(session: Session, actor: str) -> str:
    """Who did something: a user's address rather than their id."""
    try:
        return tenants.get_user(session, user_id=UUID(actor)).email
    except (ValueError, NotFound):
        return actor


def _money(order: sales.Order) -> str:
    return f"{rounded(order.total_amount, order.currency)} {order.currency}"


def _print_order(order: sales.Order) -> None:
    print_facts(
        (
            ("Order", f"{order.order_number} (id {order.id})"),
            ("Status", order.status),
            ("Message", order.status_message),
            ("Customer", f"{order.customer_name} <{order.customer_email}>"),
            ("Company", order.company_name),
            ("Subdomain", order.organization_slug),
            ("Address", order.activation_url),
            ("Package", order.package_code),
            ("Region", order.deployment_region),
            ("Total", f"{_money(order)} {order.billing_cycle}"),
            ("Execution", order.execution_id),
            ("Tenant", order.tenant_id),
            ("Made", order.created_at),
            ("Submitted", order.submitted_at),
            ("Active since", order.activated_at),
            ("Processing took", seconds(order.processing_seconds)),
        )
    )
