"""Payment methods: what a customer pays by, as the gateway calls it, and which of them a payment is taken by."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.adapters.payments.errors import PaymentRefused
from app.adapters.payments.port import Gateway, Gateways
from app.core import audit
from app.core.clock import now
from app.core.db import OWNER
from app.core.errors import Fault
from app.core.ids import as_uuid, new_id
from app.core.ports import port
from app.domains.billing.errors import (
    GatewayNotFound,
    PaymentMethodInvalid,
    PaymentMethodNotFound,
    PaymentMethodTaken,
)
from app.domains.billing.models import PaymentMethod
from app.domains.billing.queries import payables as payable_queries
from app.domains.billing.queries import payments as queries
from app.domains.billing.rules.methods import method_fault
from app.domains.billing.rules.payment_states import MethodStatus
from app.domains.customers import service as customers


@dataclass(frozen=True, slots=True, kw_only=True)
class Means:
    """By what a payment is taken: the gateway, and its names for the method and the customer."""

    gateway: str
    reference: str
    customer_reference: str | None = None
    method_id: UUID | None = None


def add_method(
    session: Session,
    *,
    customer_id: UUID,
    reference: str,
    gateway: str | None = None,
    customer_reference: str | None = None,
    label: str = "",
    is_default: bool = True,
) -> PaymentMethod:
    """Note what a customer pays by, as the gateway (without one: the default) calls it.

    What could not be collected from them so far is tried with it by the next run. Raises NotFound for the customer,
    GatewayNotFound, PaymentMethodInvalid (a card's number is never taken), PaymentMethodTaken.
    """
    customers.lock_customer(session, customer_id=customer_id)
    refuse_reference(reference)
    name = named_gateway(session, gateway).name
    # before the methods, as whoever charges them locks them
    waiting = payable_queries.awaiting_method(session, customer_id)
    method: PaymentMethod | None = session.scalar(
        insert(PaymentMethod)
        .values(
            id=new_id(),
            owner_id=session.info[OWNER],
            customer_id=customer_id,
            gateway=name,
            reference=reference,
            customer_reference=customer_reference,
            label=label,
        )
        .on_conflict_do_nothing()
        .returning(PaymentMethod)
    )
    if method is None:
        message = "The customer has this payment method already."
        raise PaymentMethodTaken(message)
    audit.record(session, "payment_method.added", _subject(method), after={"gateway": name, "label": label})
    if is_default:
        prefer_method(session, customer_id=customer_id, method_id=method.id)
    for payable in waiting:
        payable.next_attempt_at = now(session)
    session.flush()
    return method


def prefer_method(session: Session, *, customer_id: UUID, method_id: UUID) -> PaymentMethod:
    """From now on a customer pays by this where nothing else is said. Raises PaymentMethodNotFound."""
    customers.lock_customer(session, customer_id=customer_id)
    method = _of_customer(session, customer_id, method_id)
    if method.status != MethodStatus.ACTIVE:
        message = "Nothing is charged by this payment method any more: it was refused."
        raise PaymentMethodInvalid(message)
    for other in session.scalars(queries.methods(customer_id)).all():
        other.is_default = False
    session.flush()
    method.is_default = True
    session.flush()
    return method


def remove_method(session: Session, *, customer_id: UUID, method_id: UUID) -> None:
    """Nothing is charged by it any more; what was charged by it stays known. Raises PaymentMethodNotFound."""
    method = _of_customer(session, customer_id, method_id)
    method.status, method.is_default = MethodStatus.REMOVED.value, False
    session.flush()
    audit.record(session, "payment_method.removed", _subject(method), before={"label": method.label})


def methods_of(session: Session, *, customer_id: UUID) -> Select[PaymentMethod]:
    """What a customer pays by, refused ones too, to be paged. Raises NotFound for the customer."""
    customers.get_customer(session, customer_id=customer_id)
    return queries.methods(customer_id)


def refuse_method(session: Session, *, method_id: UUID, reason: str) -> None:
    """It was declined for good: it is not charged again until the customer names it anew."""
    method = queries.method(session, method_id, locked=True)
    if method is not None and method.status == MethodStatus.ACTIVE:
        method.status, method.is_default, method.refused_reason = MethodStatus.REFUSED.value, False, reason
        session.flush()
        audit.record(session, "payment_method.refused", _subject(method), reason=reason, owner_id=method.owner_id)


def means_on_file(session: Session, *, customer_id: UUID | None) -> Means | None:
    """By what a customer's payments are collected: the default, else the newest on file.

    Somebody who never named any is charged by the default gateway's own, where it has one. None: there is nothing to charge by.
    """
    if customer_id is not None:
        if method := queries.usable_method(session, customer_id):
            return _means(method)
        if queries.has_methods(session, customer_id):
            return None
    gateway = port(session, Gateways).default()
    if gateway.default_method is None:
        return None
    return Means(gateway=gateway.name, reference=gateway.default_method)


def means_by_name(session: Session, *, customer_id: UUID | None, wanted: str | None) -> Means:
    """By what somebody wants to pay: the id of a method on file, a gateway's name, or what the default gateway calls it.

    Without a name: by what is on file. Raises PaymentMethodInvalid, PaymentMethodNotFound.
    """
    if wanted is None:
        if means := means_on_file(session, customer_id=customer_id):
            return means
        message = "No payment method is named, and none is on file that could be charged."
        raise PaymentMethodInvalid(message, faults=[Fault("/payment_method", message)])
    gateways = port(session, Gateways)
    if customer_id is not None and (method_id := as_uuid(wanted)):
        method = _of_customer(session, customer_id, method_id)
        if method.status != MethodStatus.ACTIVE:
            message = f"This payment method was refused: {method.refused_reason}"
            raise PaymentMethodInvalid(message)
        return _means(method)
    if wanted in gateways.names():
        return _means_at(session, customer_id, gateways.get(wanted))
    refuse_reference(wanted)
    gateway = gateways.default().name
    if customer_id is not None:
        known = queries.usable_method(session, customer_id, gateway=gateway, reference=wanted)
        if known is not None:
            return _means(known)
    return Means(gateway=gateway, reference=wanted)


def named_gateway(session: Session, name: str | None) -> Gateway:
    """The gateway of that name, or the default one. Raises GatewayNotFound."""
    gateways = port(session, Gateways)
    try:
        return gateways.default() if name is None else gateways.get(name)
    except PaymentRefused as error:
        raise GatewayNotFound(str(error)) from error


def refuse_reference(reference: str) -> None:
    """Raises PaymentMethodInvalid for what may not be kept as the name of a payment method."""
    if message := method_fault(reference):
        raise PaymentMethodInvalid(message, faults=[Fault("/payment_method", message)])


def _means_at(session: Session, customer_id: UUID | None, gateway: Gateway) -> Means:
    method = queries.usable_method(session, customer_id, gateway=gateway.name) if customer_id else None
    if method is not None:
        return _means(method)
    if gateway.default_method is None:
        message = f"{gateway.name} has no payment method of its own: name one, or put one on file."
        raise PaymentMethodInvalid(message, faults=[Fault("/payment_method", message)])
    return Means(gateway=gateway.name, reference=gateway.default_method)


def _means(method: PaymentMethod) -> Means:
    return Means(
        gateway=method.gateway,
        reference=method.reference,
        customer_reference=method.customer_reference,
        method_id=method.id,
    )


def _of_customer(session: Session, customer_id: UUID, method_id: UUID) -> PaymentMethod:
    method = queries.method(session, method_id, locked=True)
    if method is None or method.customer_id != customer_id or method.status == MethodStatus.REMOVED:
        message = "The customer has no such payment method."
        raise PaymentMethodNotFound(message)
    return method


def _subject(method: PaymentMethod) -> str:
    return f"payment_method/{method.id}"
