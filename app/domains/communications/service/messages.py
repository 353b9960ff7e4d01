"""Messages: rendered and stored in the transaction that wants them, taken back while nobody has begun to send them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.adapters.provisioners.addresses import activation_url
from app.core.clock import now
from app.core.db import OWNER
from app.core.errors import NotFound
from app.core.ids import new_id
from app.core.ports import port
from app.core.queue import send_task
from app.core.settings import Settings
from app.domains.communications import queries
from app.domains.communications.errors import MessageNotFound
from app.domains.communications.models import Message
from app.domains.communications.rules.recipients import checked_phone, checked_recipient
from app.domains.communications.rules.wordings import MAIL, SMS, render
from app.domains.communications.service.delivering import DELIVER_TASK
from app.domains.communications.service.secret_links import keep_link, new_token, revoke_links, secret_url
from app.domains.communications.service.wordings import DEFAULT_LOCALE, chosen
from app.domains.tenants import service as tenants


def queue_mail(
    session: Session,
    *,
    template: str,
    recipient: str,
    variables: Mapping[str, Any],
    locale: str = DEFAULT_LOCALE,
    secrets: Mapping[str, str] | None = None,
    key: str,
) -> Message:
    """Render a mail, store it in this transaction and have it sent after the commit.

    The owner's own wording is used, else the shipped one; a language that nobody wrote falls back to English. `secrets`:
    sealed secrets by the name of the variable under which the template has a link that shows each once. Asked again
    with the same `key` it returns the first message. Raises TemplateNotFound, TemplateFault, BadRecipient, and NotFound for
    a secret that there is not.
    """
    return _queue(
        session,
        channel=MAIL,
        template=template,
        recipient=checked_recipient(recipient),
        variables=variables,
        locale=locale,
        secrets=secrets or {},
        key=key,
    )


def queue_sms(
    session: Session,
    *,
    template: str,
    phone: str,
    variables: Mapping[str, Any],
    locale: str = DEFAULT_LOCALE,
    key: str,
) -> Message:
    """The same for a text message to a phone number in international form."""
    return _queue(
        session,
        channel=SMS,
        template=template,
        recipient=checked_phone(phone),
        variables=variables,
        locale=locale,
        secrets={},
        key=key,
    )


def queue_welcome(session: Session, *, recipient: str, slug: str, key: str) -> Message:
    """Welcome the customer of a tenant by the mail customer_welcome, which says where the tenant answers.

    Raises NotFound when the session's owner has no such tenant, and as `queue_mail` does.
    """
    tenant = tenants.find_by_slug(session, slug=slug)
    if tenant is None:
        message = f"There is no tenant with the subdomain {slug!r}."
        raise NotFound(message)
    variables = {
        "customer_name": tenant.name,
        "company_name": tenant.name,
        "activation_url": activation_url(port(session, Settings), slug),
    }
    return queue_mail(session, template="customer_welcome", recipient=recipient, variables=variables, key=key)


def get_message(session: Session, *, message_id: UUID) -> Message:
    """One message. Raises MessageNotFound."""
    if message := queries.message(session, message_id):
        return message
    text = "There is no such message."
    raise MessageNotFound(text)


def all_messages(
    *,
    status: str | None = None,
    recipient: str | None = None,
    template: str | None = None,
    channel: str | None = None,
) -> Select[Message]:
    """The owner's messages that fit, to be paged."""
    return queries.messages(status=status, recipient=recipient, template=template, channel=channel)


def withdraw(session: Session, *, message_id: UUID) -> bool:
    """Take back a message that nobody has begun to send, with its secret links; False when it is gone, sent or on its way."""
    message = queries.message(session, message_id, locked=True)
    if message is None or message.status != "queued":
        return False
    message.status = "withdrawn"
    revoke_links(session, message_id=message_id)
    return True


def _queue(
    session: Session,
    *,
    channel: str,
    template: str,
    recipient: str,
    variables: Mapping[str, Any],
    locale: str,
    secrets: Mapping[str, str],
    key: str,
) -> Message:
    tokens = {name: new_token() for name in secrets}
    settings = port(session, Settings)
    links = {name: secret_url(settings, token) for name, token in tokens.items()}
    known = {"support_url": settings.support_url or settings.public_url, **variables, **links}
    rendered = render(chosen(session, channel=channel, name=template, locale=locale), known)
    row_id: UUID | None = session.scalar(
        insert(Message)
        .values(
            id=new_id(),
            owner_id=session.info[OWNER],
            key=key,
            channel=channel,
            template=template,
            locale=locale,
            recipient=recipient,
            subject=rendered.subject,
            text=rendered.text,
            html=rendered.html,
            next_attempt_at=now(session),
        )
        .on_conflict_do_nothing(index_elements=["owner_id", "key"])
        .returning(Message.id)
    )
    if row_id is not None:
        for name, secret in secrets.items():
            keep_link(session, token=tokens[name], secret=secret, recipient=recipient, message_id=row_id)
        send_task(session, DELIVER_TASK, str(session.info[OWNER]), str(row_id))
    message = queries.message_by_key(session, key=key)
    if message is None:
        text = f"the message with the key {key} is not visible to its owner"
        raise RuntimeError(text)
    return message
