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
    secrets: dict[str, str] | None = None,
) -> dict[str, Any]:
    """Queue a mail from a template; its delivery is the message's own state. A mail not yet sent is withdrawn on rollback.

    `secrets`: references to sealed secrets, by the variable under which the template has a link that shows each once.
    """
    message = service.queue_mail(
        call.session,
        template=template,
        recipient=recipient,
        variables=variables,
        locale=locale,
        secrets=secrets,
        key=f"step:{call.idempotency_key}",
    )
    return _queued(call, message, f"Mail {template} to the recipient")


@OPERATIONS.operation(
    "notification_service.send_welcome_email",
    undone_by="communications_service.withdraw_email",
)
def send_welcome_email(call: Call, *, customer_email: str, tenant_subdomain: str) -> dict[str, Any]:
    """Queue the mail customer_welcome to the customer of a tenant, with the address at which the tenant answers."""
    message = service.queue_welcome(
        call.session,
        recipient=customer_email,
        slug=tenant_subdomain,
        key=f"step:{call.idempotency_key}",
    )
    return _queued(call, message, "Mail customer_welcome to the recipient")


@OPERATIONS.operation("communications_service.send_sms", undone_by="communications_service.withdraw_sms")
def send_sms(
    call: Call,
    *,
    template: str,
    phone: str,
    variables: dict[str, Any],
    locale: str = "en",
) -> dict[str, Any]:
    """Queue a text message from a template of the channel sms, as send_template_email does a mail."""
    message = service.queue_sms(
        call.session,
        template=template,
        phone=phone,
        variables=variables,
        locale=locale,
        key=f"step:{call.idempotency_key}",
    )
    return _queued(call, message, f"Text message {template} to the recipient")


@OPERATIONS.operation("communications_service.withdraw_email")
def withdraw_email(call: Call, *, message_id: UUID) -> dict[str, Any]:
    """Take back a mail that is still queued, with its secret links; a sent mail is not unsent."""
    return {"withdrawn": service.withdraw(call.session, message_id=message_id)}


@OPERATIONS.operation("communications_service.withdraw_sms")
def withdraw_sms(call: Call, *, message_id: UUID) -> dict[str, Any]:
    """Take back a text message that is still queued; a sent one is not unsent."""
    return {"withdrawn": service.withdraw(call.session, message_id=message_id)}


def _queued(call: Call, message: service.Message, summary: str) -> dict[str, Any]:
    message_id = str(message.id)
    call.effect("message", message_id, summary, undo={"message_id": message_id})
    return {
        "message_id": message_id,
        "message": {
            "id": message_id,
            "channel": message.channel,
            "template": message.template,
            "recipient": message.recipient,
            "status": message.status,
        },
    }
