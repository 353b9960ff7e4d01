"""Which words a message is made of: the owner's own, else those that come with the product."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from importlib.resources import files

import yaml
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.orm import Session

from app.core.db import OWNER
from app.core.ids import new_id
from app.domains.communications import queries
from app.domains.communications.errors import TemplateNotFound
from app.domains.communications.models import MessageTemplate
from app.domains.communications.rules.wordings import Wording

DEFAULT_LOCALE = "en"


def seed(session: Session) -> None:
    """Write the shipped wordings as rows to edit; rows that exist stay as they are."""
    for wording in shipped().values():
        session.execute(
            insert(MessageTemplate)
            .values(
                id=new_id(),
                owner_id=session.info[OWNER],
                channel=wording.channel,
                name=wording.name,
                locale=DEFAULT_LOCALE,
                subject=wording.subject,
                text=wording.text,
                html=wording.html,
            )
            .on_conflict_do_nothing(index_elements=["owner_id", "channel", "name", "locale"])
        )


def chosen(session: Session, *, channel: str, name: str, locale: str) -> Wording:
    """The owner's wording in that language, else in English, else the shipped one. Raises TemplateNotFound."""
    row = queries.wording(session, channel=channel, name=name, locale=locale)
    if row is None and locale != DEFAULT_LOCALE:
        row = queries.wording(session, channel=channel, name=name, locale=DEFAULT_LOCALE)
    if row is not None:
        return wording_of(row)
    try:
        return shipped()[channel, name]
    except KeyError:
        message = f"There is no message template {name!r} for {channel}."
        raise TemplateNotFound(message) from None


def wording_of(row: MessageTemplate) -> Wording:
    """What a row says; its variables may be left out where those of the shipped wording of that name may."""
    known = shipped().get((row.channel, row.name))
    return Wording(
        name=row.name,
        subject=row.subject,
        text=row.text,
        html=row.html,
        optional=known.optional if known else (),
        channel=row.channel,
    )


@cache
def shipped() -> Mapping[tuple[str, str], Wording]:
    """The wordings that come with the product, by channel and name."""
    document = yaml.safe_load((files("app.domains.communications") / "templates.yaml").read_text(encoding="utf-8"))
    return {
        (channel, name): Wording(
            name=name,
            subject=parts.get("subject", ""),
            text=parts["text"],
            html=parts.get("html", ""),
            optional=tuple(parts.get("optional", ())),
            channel=channel,
        )
        for channel, wordings in document.items()
        for name, parts in wordings.items()
    }
