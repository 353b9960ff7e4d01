"""How a subscription goes from one state to another: as the table says, with its times, its event and its audit row."""

from __future__ import annotations

from collections.abc import Mapping

from sqlalchemy.orm import Session

from app.core import audit
from app.core.clock import now
from app.core.events import emit
from app.domains.billing.errors import SubscriptionStateForbids
from app.domains.billing.models import Subscription
from app.domains.billing.rules.subscription_states import Status, is_legal
from app.domains.billing.service.stating import about, picture, subject

_EVENTS: Mapping[tuple[Status, Status], str] = {
    (Status.PENDING, Status.ACTIVE): "subscription.activated",
    (Status.PENDING, Status.TRIALING): "subscription.activated",
    (Status.TRIALING, Status.ACTIVE): "subscription.trial_ended",
    (Status.SUSPENDED, Status.ACTIVE): "subscription.resumed",
}
_EVENTS_OF_STATE: Mapping[Status, str] = {
    Status.SUSPENDED: "subscription.suspended",
    Status.EXPIRED: "subscription.expired",
    Status.CANCELLED: "subscription.cancelled",
}


def move_to(
    session: Session, *, subscription: Subscription, status: Status | str, reason: str | None = None
) -> Subscription:
    """Bring a locked subscription into a state, with audit row and, where others have to know, an event.

    Already there: nothing happens. One that is paid for again and whose end was announced becomes `expiring` rather than
    active: its end stands. `reason`: for the audit log and the event. Raises SubscriptionStateForbids.
    """
    before, after = Status(subscription.status), _standing(subscription, Status(status))
    if before is after:
        return subscription
    if not is_legal(before, after):
        message = f"A subscription that is {before} cannot become {after}."
        raise SubscriptionStateForbids(message)
    former = picture(subscription)
    subscription.status = after.value
    _note_times(session, subscription, after)
    session.flush()
    audit.record(
        session,
        f"subscription.{after}",
        subject(subscription),
        before=former,
        after=picture(subscription),
        reason=reason,
        owner_id=subscription.owner_id,
    )
    if event := _EVENTS.get((before, after)) or _EVENTS_OF_STATE.get(after):
        said = about(subscription) | ({} if reason is None else {"reason": reason})
        emit(session, event, subject(subscription), said, owner_id=subscription.owner_id)
    return subscription


def _note_times(session: Session, subscription: Subscription, status: Status) -> None:
    """When it began, was stopped, or ended: the service of one that has expired is stopped, too."""
    at = now(session)
    match status:
        case Status.CANCELLED:
            subscription.cancelled_at = at
        case Status.SUSPENDED | Status.EXPIRED:
            subscription.suspended_at = subscription.suspended_at or at
        case _:
            subscription.started_at = subscription.started_at or at
            subscription.suspended_at = None


def _standing(subscription: Subscription, status: Status) -> Status:
    """What being paid for again means: to run on, or to end as announced."""
    end = subscription.current_period_end
    was_announced = end is not None and subscription.notice_sent_for == end
    if status is not Status.ACTIVE or subscription.status != Status.PAST_DUE:
        return status
    return Status.EXPIRING if was_announced and not subscription.renews_automatically else status
