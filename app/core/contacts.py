"""Where people are reached: e-mail addresses and telephone numbers, checked and brought into the form in which they are kept.

What somebody signs in with may be wider (tenants), and so may what a local network delivers to (communications).
"""

from __future__ import annotations

from collections.abc import Mapping

import phonenumbers
from email_validator import EmailNotValidError, validate_email

_PHONE_FAULTS: Mapping[int, str] = {
    phonenumbers.ValidationResult.INVALID_COUNTRY_CODE: "there is no such country code",
    phonenumbers.ValidationResult.TOO_SHORT: "it is too short",
    phonenumbers.ValidationResult.IS_POSSIBLE_LOCAL_ONLY: "its area code is missing",
    phonenumbers.ValidationResult.TOO_LONG: "it is too long",
    phonenumbers.ValidationResult.INVALID_LENGTH: "no number of that country has this many digits",
}
_UNREADABLE: Mapping[int, str] = {
    phonenumbers.NumberParseException.INVALID_COUNTRY_CODE: "there is no such country code",
    phonenumbers.NumberParseException.TOO_SHORT_NSN: "it is too short",
    phonenumbers.NumberParseException.TOO_LONG: "it is too long",
}


def normal_email(email: str) -> str:
    """An address in lower case. Asks no name server. Raises ValueError with a sentence that says what is wrong."""
    try:
        return validate_email(email.strip(), check_deliverability=False).normalized.lower()
    except EmailNotValidError as error:
        raise ValueError(f"This is no e-mail address: {error}") from None


def e164(number: str, *, country: str | None = None) -> str:
    """A number as E.164 (`+4930123456`); one without a country code is one of `country` (ISO 3166-1 alpha-2).

    Its length decides: numbering plans change every month. Raises ValueError with a clause that says what is wrong.
    """
    try:
        parsed = phonenumbers.parse(number, country)
    except phonenumbers.NumberParseException as error:
        raise ValueError(_UNREADABLE.get(error.error_type, "it does not read as a number")) from None
    if parsed.extension:
        raise ValueError("it has an extension")
    possible = phonenumbers.is_possible_number_with_reason(parsed)
    if possible != phonenumbers.ValidationResult.IS_POSSIBLE:
        raise ValueError(_PHONE_FAULTS.get(possible, "it cannot be one"))
    return phonenumbers.format_number(parsed, phonenumbers.PhoneNumberFormat.E164)


def is_given_out(number: str) -> bool:
    """Whether its country gives out such a number (E.164), as far as is known today."""
    return phonenumbers.is_valid_number(phonenumbers.parse(number, None))
