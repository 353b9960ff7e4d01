"""The owner's wordings: listed, added in further languages, edited, tried out."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import Select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from app.core import audit
from app.domains.communications import queries
from app.domains.communications.errors import TemplateExists, TemplateFault, TemplateNotFound
from app.domains.communications.models import MessageTemplate
from app.domains.communications.rules.wordings import MAIL, Rendered, Wording, render, variables_of, wording_faults
from app.domains.communications.service.wordings import DEFAULT_LOCALE, wording_of


def all_templates(
    *, name: str | None = None, locale: str | None = None, channel: str | None = None
) -> Select[MessageTemplate]:
    """The owner's wordings that fit, to be paged."""
    return queries.templates(name=name, locale=locale, channel=channel)


def get_template(session: Session, *, template_id: UUID, locked: bool = False) -> MessageTemplate:
    """One wording. Raises TemplateNotFound."""
    if template := queries.template(session, template_id, locked=locked):
        return template
    message = "There is no such message template."
    raise TemplateNotFound(message)


def create_template(
    session: Session,
    *,
    name: str,
    text: str,
    subject: str = "",
    html: str = "",
    locale: str = DEFAULT_LOCALE,
    channel: str = MAIL,
) -> MessageTemplate:
    """Add a wording, of a new template or of a known one in another language. Raises TemplateFault, TemplateExists."""
    _refuse_faulty(Wording(name=name, subject=subject, text=text, html=html, channel=channel))
    template = MessageTemplate(channel=channel, name=name, locale=locale, subject=subject, text=text, html=html)
    try:
        with session.begin_nested():
            session.add(template)
    except IntegrityError as error:
        message = f"There is a wording of {name} for {channel} in the language {locale} already."
        raise TemplateExists(message) from error
    audit.record(session, "message_template.created", _subject(template), after=_picture(template))
    return template


def update_template(
    session: Session, *, template_id: UUID, text: str, subject: str = "", html: str = ""
) -> MessageTemplate:
    """Say it in other words; messages that are queued keep theirs. Raises TemplateNotFound, TemplateFault."""
    template = get_template(session, template_id=template_id, locked=True)
    before = _picture(template)
    _refuse_faulty(Wording(name=template.name, subject=subject, text=text, html=html, channel=template.channel))
    template.subject, template.text, template.html = subject, text, html
    session.flush()
    session.refresh(template)  # updated_at is the database's
    audit.record(session, "message_template.updated", _subject(template), before=before, after=_picture(template))
    return template


def preview(session: Session, *, template_id: UUID, variables: Mapping[str, Any]) -> Rendered:
    """What a message would read like; nothing is stored or sent. Raises TemplateNotFound, TemplateFault."""
    return render(wording_of(get_template(session, template_id=template_id)), variables)


def variables_of_template(template: MessageTemplate) -> dict[str, list[str]]:
    """The variables that a wording needs, and those that may be left out."""
    wording = wording_of(template)
    spoken_of = variables_of(wording)
    return {
        "required": [name for name in spoken_of if name not in wording.optional],
        "optional": [name for name in spoken_of if name in wording.optional],
    }


def _refuse_faulty(wording: Wording) -> None:
    if faults := wording_faults(wording):
        raise TemplateFault(faults[0].message, faults=faults)


def _picture(template: MessageTemplate) -> dict[str, Any]:
    return {name: getattr(template, name) for name in ("channel", "name", "locale", "subject", "text", "html")}


def _subject(template: MessageTemplate) -> str:
    return f"message_template/{template.id}"
