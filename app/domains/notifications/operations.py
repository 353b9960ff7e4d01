"""What workflows may call of the notifications room."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.domains.notifications import service
from pipelines.operations import Call, Catalogue

OPERATIONS = Catalogue()


@OPERATIONS.operation(
    "notifications_service.notify_team",
    undone_by="notifications_service.withdraw_notification",
)
def notify_team(
    call: Call,
    *,
    team: str,
    title: str,
    message: str,
    severity: str = "info",
    link: str | None = None,
) -> dict[str, Any]:
    """Tell a team something: its members in the product, and its channels. What is not yet sent is withdrawn on rollback."""
    row = service.notify_team(
        call.session,
        team=team,
        title=title,
        message=message,
        severity=severity,
        link=link,
        key=f"step:{call.idempotency_key}",
    )
    row_id = str(row.id)
    call.effect(
        "notification",
        row_id,
        f"Notification to {team}",
        undo={"notification_id": row_id},
    )
    told = service.who_was_told(call.session, notification_id=row.id)
    return {
        "notification_id": row_id,
        "notification": {
            "id": row_id,
            "team": team,
            "recipients": [str(user_id) for user_id in told.recipients],
            "channels": list(told.channels),
        },
    }


@OPERATIONS.operation("notifications_service.withdraw_notification")
def withdraw_notification(call: Call, *, notification_id: UUID) -> dict[str, Any]:
    """Take back a notification that is still queued."""
    return {"withdrawn": service.withdraw(call.session, notification_id=notification_id)}
