"""An order's activations: made, turned into steps, counted."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from decimal import Decimal
from typing import Any
from uuid import UUID

from sqlalchemy import update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.db import OWNER
from app.core.ids import new_id
from app.domains.activation import queries
from app.domains.activation.models import ActivationWorkflow, ServiceActivation
from app.domains.activation.rules import progress as progress_rules
from app.domains.activation.rules import sequence
from app.domains.activation.rules.progress import Progress, Status

AFTER_DEPLOYMENT = "provision_deployment"
"""The pipeline's step that activations which wait for no other one wait for."""

_FRESH: Mapping[str, Any] = {
    "activation_status": Status.PENDING,
    "started_at": None,
    "completed_at": None,
    "success": None,
    "error_message": None,
    "error_details": None,
    "retry_count": 0,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class OrderedService:
    """A service of an order: its item (None: no single one), code, the name to show, and its configuration."""

    service_code: str
    service_name: str
    order_item_id: UUID | None = None
    configuration: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True, kw_only=True)
class Terms:
    """What an order says that activations need: who pays how much in which cycle. `amount` is for one billing cycle."""

    customer_name: str
    customer_email: str
    currency: str
    amount: Decimal
    billing_cycle: str


def missing_dependencies(service_sequence: Sequence[Mapping[str, Any]], codes: Collection[str]) -> list[str]:
    """A sentence for each ordered service that needs another which is neither ordered nor optional."""
    return sequence.missing(sequence.entries(service_sequence), codes)


def create_activations(
    session: Session,
    *,
    order_id: int,
    items: Iterable[OrderedService],
    workflow: ActivationWorkflow,
    terms: Terms,
    tenant_id: UUID | None = None,
) -> Sequence[ServiceActivation]:
    """One pending activation per service code of an order, by the workflow's sequence as it is now.

    For an order that is processed again the same rows begin anew; a code that is ordered twice is activated once.
    """
    by_code: dict[str, OrderedService] = {}
    for item in items:
        by_code.setdefault(item.service_code, item)
    listed = sequence.entries(workflow.service_sequence)
    for code, item in by_code.items():
        entry = sequence.entry_of(listed, code)
        row = {
            **_FRESH,
            "order_item_id": item.order_item_id,
            "tenant_id": tenant_id,
            "service_name": item.service_name,
            "sequence_number": entry.sequence,
            "depends_on": list(sequence.awaited(listed, code, by_code.keys())),
            "critical": entry.critical,
            "max_retries": entry.max_retries,
            "timeout_seconds": entry.timeout_seconds,
            "terms": _terms(terms, item, by_code.keys()),
            "activation_data": {},
        }
        session.execute(
            insert(ServiceActivation)
            .values(id=new_id(), owner_id=session.info[OWNER], order_id=order_id, service_code=code, **row)
            .on_conflict_do_update(index_elements=["order_id", "service_code"], set_=row)
        )
    return queries.activations(session, order_id, as_stored=True)


def steps_for(activations: Iterable[ServiceActivation]) -> list[dict[str, Any]]:
    """The step documents of these activations, to be put into the pipeline's definition."""
    return [_step(activation) for activation in activations]


def activations_of(session: Session, *, order_id: int) -> Sequence[ServiceActivation]:
    """An order's activations in the sequence's order."""
    return queries.activations(session, order_id)


def progress(session: Session, *, order_id: int) -> Progress:
    """How far an order's activations have come."""
    return progress_rules.measure(each.activation_status for each in activations_of(session, order_id=order_id))


def assign_tenant(session: Session, *, order_id: int, tenant_id: UUID) -> None:
    """Note the tenant that the order's activations are for, once it exists."""
    session.execute(update(ServiceActivation).where(ServiceActivation.order_id == order_id).values(tenant_id=tenant_id))


def reopen_failed(session: Session, *, order_id: int) -> list[str]:
    """Turn an order's failed activations to pending for another round; returns their steps' names."""
    names = []
    for activation in activations_of(session, order_id=order_id):
        if activation.activation_status == Status.FAILED:
            for name, value in _FRESH.items():
                setattr(activation, name, value)
            names.append(sequence.step_name(activation.service_code))
    session.flush()
    return names


def _terms(terms: Terms, item: OrderedService, codes: Iterable[str]) -> dict[str, Any]:
    return {
        "customer_name": terms.customer_name,
        "customer_email": terms.customer_email,
        "currency": terms.currency,
        "amount": str(terms.amount),
        "billing_cycle": terms.billing_cycle,
        "service_codes": sorted(codes),
        "configuration": dict(item.configuration),
    }


def _step(activation: ServiceActivation) -> dict[str, Any]:
    waits_for = [sequence.step_name(code) for code in activation.depends_on] or [AFTER_DEPLOYMENT]
    step: dict[str, Any] = {
        "name": sequence.step_name(activation.service_code),
        "type": "service_call",
        "description": f"Activate {activation.service_name}",
        "service": sequence.SERVICE,
        "method": sequence.method_of(activation.service_code),
        "params": {"tenant_id": "${tenant_id}", "activation_id": str(activation.id)},
        "depends_on": waits_for,
        "critical": activation.critical,
        "retry": {"maximum_attempts": activation.max_retries + 1},
    }
    if activation.timeout_seconds is not None:
        step["timeout_seconds"] = activation.timeout_seconds
    return step
