"""SMS by a gateway's HTTP interface.

`POST SMS_GATEWAY_URL` with `{"id", "to", "text"}` as JSON, the token as bearer and the id as Idempotency-Key; any 2xx says
that the gateway has taken responsibility for the message. Its other answers: 4xx is a refusal, save those that pass.
"""

from __future__ import annotations

import httpx

from app.adapters.sms.errors import SmsRefused, SmsUnavailable
from app.adapters.sms.port import Sms

TIMEOUT_SECONDS = 10.0

PASSING = frozenset({401, 403, 404, 405, 407, 408, 425, 429})
"""Somebody has to mend the configuration, or it is too early: the message itself is good."""


class HttpSmsGateway:
    """A gateway at a URL. A redirect is no answer: the token goes nowhere else."""

    def __init__(self, url: str, token: str, *, timeout_seconds: float = TIMEOUT_SECONDS) -> None:
        self._url = url
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}
        self._timeout = timeout_seconds

    def send(self, sms: Sms) -> None:
        """Hand a message over by one POST."""
        answer = self._asked(
            "POST",
            json={"id": sms.id, "to": sms.to, "text": sms.text},
            headers=self._headers | {"Idempotency-Key": sms.id},
        )
        if answer.is_success:
            return
        said = f"the SMS gateway answered {answer.status_code}"
        if answer.is_client_error and answer.status_code not in PASSING:
            raise SmsRefused(said)
        raise SmsUnavailable(said)

    def check(self) -> None:
        """See that the gateway answers, whatever it says to a bare OPTIONS, and lets us in."""
        answer = self._asked("OPTIONS", headers=self._headers)
        if answer.is_server_error or answer.status_code in {401, 403}:
            message = f"the SMS gateway answered {answer.status_code}"
            raise SmsUnavailable(message)

    def _asked(self, method: str, *, headers: dict[str, str], json: dict[str, str] | None = None) -> httpx.Response:
        try:
            return httpx.request(method, self._url, json=json, headers=headers, timeout=self._timeout)
        except httpx.HTTPError as error:
            message = f"the SMS gateway cannot be reached: {type(error).__name__}"
            raise SmsUnavailable(message) from None
