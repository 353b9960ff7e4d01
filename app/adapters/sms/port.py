"""The port of SMS."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Sms:
    """A text message. `id`: the same at every attempt. `to`: a number in E.164 (`+4930123456`)."""

    id: str
    to: str
    text: str


class SmsGateway(Protocol):
    """Takes text messages to where they are delivered. Implementations have a timeout on every call."""

    def send(self, sms: Sms) -> None:
        """Hand a message over; once only for one id. Raises SmsRefused (permanent) or SmsUnavailable (transient)."""

    def check(self) -> None:
        """See that messages would be taken. Raises SmsUnavailable."""
