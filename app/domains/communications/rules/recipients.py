"""Who may get a message: one bare e-mail address, or one phone number in international form."""

from __future__ import annotations

import re

from email_validator import EmailNotValidError, validate_email

from app.core.contacts import e164, is_given_out
from app.domains.communications.errors import BadRecipient

_DOMAIN = re.compile(r"[^\W_](?:[\w-]{0,61}[^\W_])?(?:\.[^\W_](?:[\w-]{0,61}[^\W_])?)*")


def checked_recipient(address: str) -> str:
    """A bare address of a recipient. Raises BadRecipient: several addresses, names, line breaks are none."""
    if not _is_bare_address(address):
        message = "The recipient is no e-mail address."
        raise BadRecipient(message)
    return address


def _is_bare_address(address: str) -> bool:
    local, _, domain = address.rpartition("@")
    try:
        # the library refuses names that only a local network knows, where a team's mailbox may well be
        validate_email(f"{local}@example.com", check_deliverability=False)
    except EmailNotValidError:
        return False
    return _DOMAIN.fullmatch(domain) is not None


def checked_phone(phone: str) -> str:
    """A number in E.164 form (`+4930123456`); spaces, hyphens and brackets in it are taken out.

    Raises BadRecipient that says what is wrong with it. Whether somebody has the number is the gateway's to say.
    """
    if not phone.strip().startswith("+"):
        raise BadRecipient(_phone_fault("it does not begin with + and the country code"))
    try:
        number = e164(phone)
    except ValueError as fault:
        raise BadRecipient(_phone_fault(str(fault))) from None
    if not is_given_out(number):
        raise BadRecipient(_phone_fault("that country gives out no such number"))
    return number


def _phone_fault(what: str) -> str:
    return f"The recipient is no phone number in international form: {what}."
