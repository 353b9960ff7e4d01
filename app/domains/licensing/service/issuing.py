"""Issuing licenses: once for whatever asks, however often and in however many places it asks."""

from __future__ import annotations

import secrets
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.db import OWNER
from app.core.errors import Fault, Invalid
from app.core.events import emit
from app.core.ids import new_id
from app.core.locks import Space, hold
from app.domains.customers import service as customers
from app.domains.licensing import queries
from app.domains.licensing.errors import LicenseIssuedToAnother
from app.domains.licensing.models import License, LicenseTemplate
from app.domains.licensing.rules import contents, keys
from app.domains.licensing.rules.contents import Contents
from app.domains.licensing.rules.tokens import Statement
from app.domains.licensing.service.ending import still_lives
from app.domains.licensing.service.signing import sign
from app.domains.licensing.service.stating import about, subject
from app.domains.licensing.service.templates import find_template


def issue_license(
    session: Session,
    *,
    customer_id: UUID,
    key: str,
    template: UUID | str | None = None,
    products: Sequence[str] | None = None,
    seats: int | None = None,
    features: Mapping[str, Any] | None = None,
    term_months: int | None = None,
    expires_at: datetime | None = None,
    subscription_id: UUID | None = None,
    partner_id: UUID | None = None,
) -> License:
    """A new active license of a customer, from a template (by id or code) or for products; emits license.issued.

    What is given comes before what the template says; `features` are added to its features. It ends at `expires_at`,
    else after the term, else never. `key` names what asks, a step of an execution, say: asking again finds the license
    while it has not ended. A subscription has one live license of the same products: it is found under any key.

    Raises NotFound for the customer, LicenseTemplateNotFound, Invalid with all faults, LicenseIssuedToAnother.
    """
    customers.get_customer(session, customer_id=customer_id)
    hold(session, Space.LICENSES, f"license for {key}")
    earlier = queries.live_license(session, issued_for=key)
    if earlier and still_lives(session, license_=earlier):
        return _of_customer(earlier, customer_id)
    origin = _origin(session, template, products)
    at = now(session)
    held = _contents(origin, products=products, seats=seats, features=features)
    _refuse(held, term_months=term_months, expires_at=expires_at, at=at)
    end = _end(origin, at=at, term_months=term_months, expires_at=expires_at)
    if subscription_id is not None:
        hold(session, Space.LICENSES, f"licenses of subscription {subscription_id}")
        for license_ in queries.live_licenses_of(session, subscription_id=subscription_id):
            if set(license_.products) == set(held.products) and still_lives(session, license_=license_):
                return _of_customer(license_, customer_id)
    issued = License(
        id=new_id(),
        customer_id=customer_id,
        subscription_id=subscription_id,
        template_id=origin.id if origin else None,
        partner_id=partner_id,
        license_key=_new_key(),
        products=list(held.products),
        features=dict(held.features),
        seats=held.seats,
        issued_for=key,
        issued_at=at,
        expires_at=end,
    )
    issued.token = sign(session, _statement(issued, issuer=session.info[OWNER]))
    session.add(issued)
    session.flush()
    emit(session, "license.issued", subject(issued), about(issued))
    audit.record(session, "license.issued", subject(issued), after=about(issued))
    return issued


def _of_customer(license_: License, customer_id: UUID) -> License:
    if license_.customer_id == customer_id:
        return license_
    message = "The same was asked for before, and the license was issued to another customer."
    raise LicenseIssuedToAnother(message, faults=[Fault("/customer_id", message)])


def _origin(session: Session, template: UUID | str | None, products: Sequence[str] | None) -> LicenseTemplate | None:
    if template is None:
        if not products:
            message = "A license is issued from a template or for products: name one of them."
            raise Invalid(message, faults=[Fault("/license_template_id", message)])
        return None
    found = find_template(session, template=template)
    if not found.is_active:
        message = f"The license template “{found.code}” is not active: nothing is issued from it any more."
        raise Invalid(message, faults=[Fault("/license_template_id", message)])
    return found


def _contents(
    origin: LicenseTemplate | None,
    *,
    products: Sequence[str] | None,
    seats: int | None,
    features: Mapping[str, Any] | None,
) -> Contents:
    if origin is None:
        return Contents(products=tuple(products or ()), features=features or {}, seats=1 if seats is None else seats)
    return Contents(
        products=tuple(products or origin.products),
        features={**origin.features, **(features or {})},
        seats=origin.seats if seats is None else seats,
    )


def _refuse(held: Contents, *, term_months: int | None, expires_at: datetime | None, at: datetime) -> None:
    found = [
        *contents.faults(held),
        *contents.term_faults(term_months),
        *contents.end_faults(expires_at, issued_at=at),
    ]
    if found:
        message = "The license cannot be issued like this."
        raise Invalid(message, faults=found)


def _end(
    origin: LicenseTemplate | None, *, at: datetime, term_months: int | None, expires_at: datetime | None
) -> datetime | None:
    if expires_at is not None:
        return expires_at.astimezone(UTC)
    months = term_months if term_months is not None else origin.term_months if origin else None
    return None if months is None else contents.end_of_term(at, term_months=months)


def _new_key() -> str:
    return keys.completed("".join(secrets.choice(keys.ALPHABET) for _ in range(keys.RANDOM_LENGTH)))


def _statement(license_: License, *, issuer: UUID) -> Statement:
    return Statement(
        issuer=issuer,
        license_id=license_.id,
        license_key=license_.license_key,
        customer_id=license_.customer_id,
        products=license_.products,
        features=license_.features,
        seats=license_.seats,
        issued_at=license_.issued_at,
        expires_at=license_.expires_at,
    )
