"""The calendar by which subscriptions count: whose midnight it is, where a period begins, and where it leads.

A customer's periods begin at midnight where the seller is. Those of a service that was activated for a tenant keep the time
of day in UTC at which it began: they have no time zone.
"""

from __future__ import annotations

from datetime import date, datetime
from zoneinfo import ZoneInfo

from sqlalchemy.orm import Session

from app.core.clock import now
from app.core.db import OWNER
from app.core.errors import Fault, Invalid
from app.domains.billing.models import Subscription
from app.domains.billing.rules.cycles import MONTHS_OF_CYCLE, first_period, period_end
from app.domains.billing.rules.days import local_day, midnight
from app.domains.billing.rules.periods import begun_on, extended, period
from app.domains.tenants import service as tenants

UTC_ZONE = ZoneInfo("UTC")
SETTING = "time_zone"


def zone_of(session: Session) -> ZoneInfo:
    """The time zone of the session's owner: its setting `time_zone` (a name of the IANA database), else UTC.

    Raises Invalid for a name that there is not.
    """
    name = tenants.get_tenant(session, tenant_id=session.info[OWNER]).settings.get(SETTING)
    if name is None:
        return UTC_ZONE
    try:
        return ZoneInfo(str(name))
    except (KeyError, ValueError, OSError) as error:
        message = f"There is no time zone “{name}”: the setting {SETTING} is a name like Europe/Berlin."
        raise Invalid(message, faults=[Fault(f"/settings/{SETTING}", message)]) from error


def today(session: Session, zone: ZoneInfo) -> date:
    """The date that a calendar in the zone shows now."""
    return local_day(now(session), zone)


def first_of(first_day: date, *, billing_cycle: str, zone: ZoneInfo) -> tuple[datetime, datetime | None]:
    """Start and end of a first period that begins on a day; no end where the cycle does not repeat."""
    months = MONTHS_OF_CYCLE.get(billing_cycle)
    if months is None:
        return midnight(first_day, zone), None
    first = period(begun_on(first_day, months=months, zone=zone), 0)
    return first.start, first.end


def end_after(subscription: Subscription, end: datetime, *, months: int) -> datetime:
    """Where a period that ended at `end` ends when so many calendar months follow, on the subscription's anchor day."""
    if subscription.time_zone is None:
        return period_end(end, months=months, anchor_day=subscription.anchor_day)
    zone = ZoneInfo(subscription.time_zone)
    return extended(end, term_months=months, anchor_day=subscription.anchor_day, zone=zone)


def begin_anew(subscription: Subscription, at: datetime) -> None:
    """Let the first period of a new rhythm begin: on the day of that moment, or where there is no zone, at the moment."""
    if subscription.time_zone is None:
        day = at.date()
        start, end = first_period(at, billing_cycle=subscription.billing_cycle)
    else:
        zone = ZoneInfo(subscription.time_zone)
        day = local_day(at, zone)
        start, end = first_of(day, billing_cycle=subscription.billing_cycle, zone=zone)
    subscription.anchor_day = day.day
    subscription.current_period_start, subscription.current_period_end = start, end
