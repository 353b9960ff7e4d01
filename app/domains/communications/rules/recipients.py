"""Who may get a message: one bare e-mail address, or one phone number in international form."""

from __future__ import annotations

import re

import phonenumbers
from email_validator import EmailNotValidError, validate_email

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


_PHONE_FAULTS = {
    phonenumbers.ValidationResult.INVALID_COUNTRY_CODE: "there is no such country code",
    phonenumbers.ValidationResult.TOO_SHORT: "it is too short",
    phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "its area code is missing",
    phonenumbers.ValidationResult.TOO_LONG: "it is too long",
    phonenumbers.ValidationResult.INVALID_LENGTH: "no number of that country has this many digits",
}
_UNREADABLE = {
    phonenumbers.NumberParseException.INVALID_COUNTRY_CODE: "there is no such country code",
    phonenumbers.NumberParseException.TOO_SHORT_NSN: "it is too short",
    phonenumbers.NumberParseException.TOO_LONG: "it is too long",
}


def checked_phone(phone: str) -> str:
    """A number in E.164 form (`+4930123456`); spaces, hyphens and brackets in it are taken out.

    Raises BadRecipient that says what is wrong with it. Whether somebody has the number is the gateway's to say.
    """
    if not phone.strip().startswith("+"):
        raise BadRecipient(_phone_fault("it does not begin with + and the country code"))
    try:
        number = phonenumbers.parse(phone, None)
    except phonenumbers.NumberParseException as error:
        what = _UNREADABLE.get(error.error_type, "it does not read as a number")
        raise BadRecipient(_phone_fault(what)) from None
    if number.extension:
        raise BadRecipient(_phone_fault("an extension receives no texts"))
    possible = phonenumbers.is_possible_number_with_reason(number)
    if possible != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise BadRecipient(_phone_fault(_PHONE_FAULTS.get(possible, "it cannot be one")))
    if not phonenumbers.is_valid_number(number):
        raise BadRecipient(_phone_fault("that country gives out no such number"))
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def _phone_fault(what: str) -> str:
    return f"The recipient is no phone number in international form: {what}."
