"""Invoice numbers: each in its series, year by year, without gaps or doubles."""

from __future__ import annotations

from dataclasses import dataclass
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.db import OWNER
from app.core.ids import new_id
from app.domains.billing.models import InvoiceSeries
from app.domains.billing.queries import invoices as queries
from app.domains.billing.rules.days import local_day
from app.domains.billing.rules.numbering import Place, following, invoice_number, series_prefix
from app.domains.billing.service.accounts import find_account
from app.domains.billing.service.calendar import zone_of
from app.domains.tenants import service as tenants


@dataclass(frozen=True, slots=True)
class Numbered:
    """A number that was given out, and where it stands."""

    number: str
    series_id: UUID
    place: Place


def hold_series(session: Session, *, billing_account_id: UUID | None) -> InvoiceSeries:
    """The series of an account, or without one the owner's own, which is made when it is first needed.

    It is locked until the transaction ends: a number is given back when nothing comes of it, and only then is there no gap.
    """
    series = queries.locked_series(session, billing_account_id)
    if series is None and billing_account_id is None:
        _make_own(session)
        series = queries.locked_series(session, None)
    if series is None:
        raise RuntimeError(f"the billing account {billing_account_id} has no series of invoices")
    return series


def number_in(session: Session, *, series: InvoiceSeries) -> Numbered:
    """The next number of a series that is held; the year is this one in the owner's zone."""
    last = None if series.year is None else Place(series.year, series.next_number - 1)
    place = following(last, year=local_day(now(session), zone_of(session)).year)
    series.year, series.next_number = place.year, place.number + 1
    session.flush()
    return Numbered(invoice_number(series.prefix, place), series.id, place)


def next_invoice_number(session: Session, *, tenant_id: UUID) -> str:
    """The next number of a tenant's invoices; it stays held until the commit. Raises AccountNotFound."""
    account = find_account(session, tenant_id=tenant_id)
    return number_in(session, series=hold_series(session, billing_account_id=account.id)).number


def _make_own(session: Session) -> None:
    owner_id = session.info[OWNER]
    slug = tenants.get_tenant(session, tenant_id=owner_id).slug
    session.execute(
        insert(InvoiceSeries)
        .values(id=new_id(), owner_id=owner_id, prefix=series_prefix(slug))
        .on_conflict_do_nothing()
    )
