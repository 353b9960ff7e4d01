"""What tickets and messages may hold: every fault at once, by its place in the document."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from enum import StrEnum
from functools import partial
from typing import Any
from urllib.parse import urlsplit

from app.core.errors import Fault
from app.domains.ticketing.rules.actors import Actor
from app.domains.ticketing.rules.kinds import Priority, TicketType
from app.domains.ticketing.rules.new import Attachment, Installation, NewMessage

MAX_TITLE = 200
MAX_TEXT = 20_000
MAX_LINE = 500
MAX_TEAM = 63
MAX_LISTED = 100
MAX_ATTACHMENTS = 10
MAX_URL = 2_000

EDITABLE = frozenset(
    {
        "title",
        "priority",
        "ticket_type",
        "assigned_team",
        "service_address",
        "affected_services",
        "device_serial_numbers",
    }
)
"""What of a ticket may be changed, apart from its state."""


def faults(fields: Mapping[str, Any]) -> list[Fault]:
    """Everything that is wrong with these fields of a ticket."""
    given = (name for name in _CHECKS if name in fields and not (name in _OPTIONAL and fields[name] is None))
    return [fault for name in given for fault in _CHECKS[name](f"/{name}", fields[name])]


def message_faults(new: NewMessage) -> list[Fault]:
    """Everything that is wrong with a message."""
    found = [*_text("/body", new.body)]
    if len(new.attachments) > MAX_ATTACHMENTS:
        found.append(Fault("/attachments", f"A message has at most {MAX_ATTACHMENTS} attachments."))
    for place, attachment in enumerate(new.attachments):
        found += _attachment(f"/attachments/{place}", attachment)
    if new.author_type is not None:
        found += _one_of("/author_type", new.author_type, known=Actor)
    return found


def installation_faults(wanted: Installation) -> list[Fault]:
    """Everything that is lacking for an installation to be carried out."""
    found: list[Fault] = []
    for name in ("bandwidth_plan", "service_location", "config_template"):
        found += _line(f"/{name}", getattr(wanted, name))
    if wanted.installation_address is None:
        found.append(Fault("/installation_address", "The ticket has no service address: say where to install."))
    else:
        found += _text("/installation_address", wanted.installation_address, longest=MAX_LINE)
    if wanted.cpe_serial is None:
        found.append(Fault("/cpe_serial", "The ticket names no single device: say which one to install."))
    else:
        found += _line("/cpe_serial", wanted.cpe_serial)
    return found


def _lines(pointer: str, values: Sequence[str]) -> Iterator[Fault]:
    if len(values) > MAX_LISTED:
        yield Fault(pointer, f"There are at most {MAX_LISTED} of these.")
        return
    for place, value in enumerate(values):
        yield from _line(f"{pointer}/{place}", value)


def _line(pointer: str, value: str, *, longest: int = MAX_LINE) -> Iterator[Fault]:
    if not value.strip() or not value.isprintable() or len(value) > longest:
        yield Fault(pointer, f"{_called(pointer)} is one line of 1 to {longest} characters.")


def _text(pointer: str, value: str, *, longest: int = MAX_TEXT) -> Iterator[Fault]:
    if not value.strip() or len(value) > longest:
        yield Fault(pointer, f"{_called(pointer)} has 1 to {longest:,} characters.")


def _one_of(pointer: str, value: str, *, known: type[StrEnum]) -> Iterator[Fault]:
    if value not in [each.value for each in known]:
        yield Fault(pointer, f"{_called(pointer)} is one of {', '.join(known)}, not “{value}”.")


def _attachment(pointer: str, attachment: Attachment) -> Iterator[Fault]:
    yield from _line(f"{pointer}/name", attachment.name, longest=MAX_TITLE)
    if not _is_web_address(attachment.url):
        yield Fault(f"{pointer}/url", "The url begins with http:// or https:// and names a host.")
    if attachment.media_type is not None:
        yield from _line(f"{pointer}/media_type", attachment.media_type, longest=MAX_TITLE)
    if attachment.size_bytes is not None and attachment.size_bytes < 0:
        yield Fault(f"{pointer}/size_bytes", "A file has no less than 0 bytes.")


def _is_web_address(url: str) -> bool:
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    return parts.scheme in {"http", "https"} and bool(parts.hostname) and url.isprintable() and len(url) <= MAX_URL


def _called(pointer: str) -> str:
    """What a sentence calls a field: `/affected_services/0` is each of the affected services."""
    *_, before, name = pointer.replace("_", " ").split("/")
    return f"Each of the {before}" if name.isdigit() else f"The {name}"


_OPTIONAL = frozenset({"ticket_type", "assigned_team", "service_address"})
_CHECKS: Mapping[str, Callable[[str, Any], Iterator[Fault]]] = {
    "title": partial(_line, longest=MAX_TITLE),
    "description": _text,
    "target_type": partial(_one_of, known=Actor),
    "priority": partial(_one_of, known=Priority),
    "ticket_type": partial(_one_of, known=TicketType),
    "assigned_team": partial(_line, longest=MAX_TEAM),
    "service_address": partial(_text, longest=MAX_LINE),
    "affected_services": _lines,
    "device_serial_numbers": _lines,
}
