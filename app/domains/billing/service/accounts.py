"""Billing accounts: opened with their invoice series and first subscription, and closed again."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from uuid import UUID

from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.db import OWNER
from app.core.events import emit
from app.core.ids import new_id
from app.domains.billing import queries
from app.domains.billing.errors import AccountNotFound
from app.domains.billing.models import BillingAccount, InvoiceSeries, Subscription
from app.domains.billing.rules import first_period, series_prefix
from app.domains.billing.rules.subscription_states import ENDED, Status
from app.domains.billing.service.moving import move_to
from app.domains.billing.service.stating import about, subject


@dataclass(frozen=True, slots=True)
class Opened:
    """What billing a tenant rests on."""

    account: BillingAccount
    series: InvoiceSeries
    subscription: Subscription


def open_account(
    session: Session,
    *,
    tenant_id: UUID,
    slug: str,
    name: str,
    email: str,
    currency: str,
    amount: Decimal,
    billing_cycle: str,
    order_id: int | None = None,
    service_codes: Sequence[str] = (),
) -> Opened:
    """A tenant's account, invoice series and first subscription, which starts now and does not renew by itself.

    `amount` is for one billing cycle. Repeats find what the first call made; an account that was closed opens again
    with a new subscription. Emits subscription.created when it makes one.
    """
    account_id = session.scalar(
        insert(BillingAccount)
        .values(
            id=new_id(),
            owner_id=session.info[OWNER],
            tenant_id=tenant_id,
            order_id=order_id,
            name=name,
            email=email,
            currency=currency,
        )
        .on_conflict_do_nothing(index_elements=["tenant_id"])
        .returning(BillingAccount.id)
    )
    account = find_account(session, tenant_id=tenant_id)
    if account_id is not None:
        session.add(InvoiceSeries(billing_account_id=account.id, prefix=series_prefix(slug)))
        session.flush()
        audit.record(session, "billing_account.opened", f"billing_account/{account.id}")
    account.status = "open"
    series = queries.series_of(session, account.id)
    assert series is not None
    live = [each for each in queries.subscriptions_of(session, account.id) if each.status not in ENDED]
    subscription = live[0] if live else _subscribe(session, account, amount, billing_cycle, order_id, service_codes)
    return Opened(account, series, subscription)


def close_account(session: Session, *, tenant_id: UUID) -> bool:
    """End a tenant's billing: its subscriptions are cancelled, and nothing of the account is left.

    Where an invoice number was given out, the books stay and the account is closed. False when none is open.
    """
    account = queries.account_of(session, tenant_id)
    if account is None or account.status == "closed":
        return False
    for subscription in queries.subscriptions_of(session, account.id):
        if subscription.status not in ENDED:
            move_to(session, subscription=subscription, status=Status.CANCELLED)
    audit.record(session, "billing_account.closed", f"billing_account/{account.id}")
    series = queries.series_of(session, account.id)
    if series is not None and series.year is not None:
        account.status = "closed"
        session.flush()
    else:
        session.flush()
        session.delete(account)  # series and subscriptions go with it, by the database
        session.flush()
    return True


def find_account(session: Session, *, tenant_id: UUID) -> BillingAccount:
    """A tenant's account. Raises AccountNotFound."""
    if account := queries.account_of(session, tenant_id):
        return account
    message = "The tenant has no billing account."
    raise AccountNotFound(message)


def subscriptions_of(session: Session, *, tenant_id: UUID) -> Sequence[Subscription]:
    """A tenant's subscriptions, the first first; none where there is no account."""
    account = queries.account_of(session, tenant_id)
    return queries.subscriptions_of(session, account.id) if account else []


def _subscribe(  # noqa: PLR0917 - the columns of one row
    session: Session,
    account: BillingAccount,
    amount: Decimal,
    billing_cycle: str,
    order_id: int | None,
    service_codes: Sequence[str],
) -> Subscription:
    start, end = first_period(now(session), billing_cycle=billing_cycle)
    subscription = Subscription(
        id=new_id(),
        billing_account_id=account.id,
        tenant_id=account.tenant_id,
        order_id=order_id,
        service_codes=list(service_codes),
        amount=amount,
        currency=account.currency,
        billing_cycle=billing_cycle,
        anchor_day=start.day,
        current_period_start=start,
        current_period_end=end,
        renews_automatically=False,
        started_at=start,
    )
    session.add(subscription)
    session.flush()
    emit(session, "subscription.created", subject(subscription), about(subscription))
    return subscription
