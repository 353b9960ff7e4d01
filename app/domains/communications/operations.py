"""What workflows may call of the communications room."""

from __future__ import annotations

from typing import Any
from uuid import UUID

from app.domains.communications import service
from pipelines.operations import Call, Catalogue

OPERATIONS = Catalogue()


@OPERATIONS.operation(
    "communications_service.send_template_email",
    undone_by="communications_service.withdraw_email",
)
def send_template_email(
    call: Call,
    *,
    template: str,
    recipient: str,
    variables: dict[str, Any],
    locale: str = "en",
) -> dict[str, Any]:
    """Queue a mail from a template; its delivery is the message's own state. A mail not yet sent is withdrawn on rollback."""
    message = service.queue_mail(
        call.session,
        template=template,
        recipient=recipient,
        variables=variables,
        locale=locale,
        key=f"step:{call.idempotency_key}",
    )
    message_id = str(message.id)
    call.effect(
        "message",
        message_id,
        f"Mail {template} to the recipient",
        undo={"message_id": message_id},
    )
    return {
        "message_id": message_id,
        "message": {
            "id": message_id,
            "template": template,
            "recipient": recipient,
            "status": message.status,
        },
    }


@OPERATIONS.operation("communications_service.withdraw_email")
def withdraw_email(call: Call, *, message_id: UUID) -> dict[str, Any]:
    """Take back a mail that is still queued; a sent mail is not unsent."""
    return {"withdrawn": service.withdraw(call.session, message_id=message_id)}
