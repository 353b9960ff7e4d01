"""Stripe, by its own library: payment intents, confirmed as they are made."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import TYPE_CHECKING

import stripe

from app.adapters.payments.errors import GatewayUnavailable, PaymentRefused
from app.adapters.payments.port import Charge, GatewayEvent, Payment, PaymentStatus, Refund, RefundStatus, check_key
from app.adapters.payments.stripe_amounts import from_minor, to_minor
from app.adapters.payments.stripe_errors import declined, translated
from app.adapters.payments.webhooks import read_event

if TYPE_CHECKING:
    from stripe.params import PaymentIntentCreateParams, RefundCreateParams

# the library would tell Stripe of this machine, and leave an id in the home folder
stripe.enable_telemetry = False

CONNECT_SECONDS = 5.0
READ_SECONDS = 25.0
KEY = "turnup_key"
"""The metadata under which our idempotency key stands at each payment and refund."""
SEARCH_LAG_SECONDS = 900
"""What is older than this is found by Stripe's search, which lags behind by a minute on an ordinary day."""
PAGE = 100
MOST_LATEST = 3000

_STATUSES: Mapping[str, PaymentStatus] = {
    "succeeded": "succeeded",
    "processing": "pending",
    "requires_capture": "pending",
    "requires_confirmation": "pending",
    "requires_action": "requires_action",
}
_REFUND_STATUSES: Mapping[str, RefundStatus] = {"succeeded": "succeeded", "failed": "failed", "canceled": "failed"}


class StripeGateway:
    """An account at Stripe. `api_url`: where its API answers, Stripe's own by default."""

    name = "stripe"
    default_method: str | None = None

    def __init__(
        self,
        *,
        secret_key: str,
        webhook_secret: str = "",
        api_url: str = "",
        timeouts_seconds: tuple[float, float] = (CONNECT_SECONDS, READ_SECONDS),
    ) -> None:
        self._webhook_secret = webhook_secret
        self._client = stripe.StripeClient(
            secret_key,
            base_addresses={"api": api_url.rstrip("/") or stripe.DEFAULT_API_BASE},
            # what became of a call without an answer is ours to find out
            max_network_retries=0,
            http_client=stripe.RequestsClient(timeout=timeouts_seconds),
        )

    def charge(self, request: Charge) -> Payment:
        """Make and confirm a payment intent; Stripe keeps the answer under the key for at least 24 hours."""
        params: PaymentIntentCreateParams = {
            "amount": to_minor(request.amount, request.currency),
            "currency": request.currency.lower(),
            "payment_method": request.payment_method,
            "confirm": True,
            "automatic_payment_methods": {"enabled": True, "allow_redirects": "never"},
            "metadata": {**request.metadata, KEY: request.idempotency_key},
            "expand": ["latest_charge"],
        }
        if request.customer_reference:
            params["customer"] = request.customer_reference
        if request.off_session:
            params["off_session"] = True
        if request.description:
            params["description"] = request.description
        with translated(moves_money=True):
            intent = self._client.v1.payment_intents.create(params, {"idempotency_key": request.idempotency_key})
        return _payment(intent)

    def refund(self, reference: str, *, idempotency_key: str, amount: Decimal | None = None) -> Refund:
        """Refund a payment intent, unless one of its refunds bears the key already."""
        check_key(idempotency_key)
        with translated(moves_money=False):
            intent = self._client.v1.payment_intents.retrieve(reference)
            made = self._client.v1.refunds.list({"payment_intent": reference, "limit": PAGE})
            known = next((each for each in made.auto_paging_iter() if _key(each) == idempotency_key), None)
        params: RefundCreateParams = {"payment_intent": reference, "metadata": {KEY: idempotency_key}}
        if amount is not None:
            params["amount"] = to_minor(amount, intent.currency.upper())
        if known is not None:
            if params.get("amount", known.amount) != known.amount:
                message = f"The key {idempotency_key} was used before with another amount."
                raise PaymentRefused(message)
            return _refund(known, reference)
        with translated(moves_money=True):
            return _refund(self._client.v1.refunds.create(params, {"idempotency_key": idempotency_key}), reference)

    def cancel(self, reference: str) -> None:
        """Cancel a payment intent, unless it is cancelled already."""
        with translated(moves_money=False):
            if self._client.v1.payment_intents.retrieve(reference).status != "canceled":
                self._client.v1.payment_intents.cancel(reference)

    def find(self, idempotency_key: str) -> Payment | None:
        """What became of a charge: by the search, which lags behind, and then among the latest payment intents.

        None also while the first call is still under way; a charge repeated under its key is then told so by Stripe.
        """
        check_key(idempotency_key)
        with translated(moves_money=False):
            found = [each for each in self._searched(idempotency_key) if _key(each) == idempotency_key]
            found = found or [each for each in self._latest() if _key(each) == idempotency_key]
        # a key that Stripe had forgotten may have been used twice: what was paid counts
        found.sort(key=lambda intent: intent.status == "succeeded", reverse=True)
        return _payment(found[0]) if found else None

    def verify_webhook(self, payload: bytes, headers: Mapping[str, str]) -> GatewayEvent:
        return read_event(payload, headers, secret=self._webhook_secret, gateway=self.name)

    def health(self) -> None:
        """Read the account's balance: Stripe answers, and the key is good."""
        with translated(moves_money=False):
            self._client.v1.balance.retrieve()

    def _searched(self, idempotency_key: str) -> list[stripe.PaymentIntent]:
        quoted = idempotency_key.replace("\\", "\\\\").replace("'", "\\'")
        query = f"metadata['{KEY}']:'{quoted}'"
        return self._client.v1.payment_intents.search({"query": query, "expand": ["data.latest_charge"]}).data

    def _latest(self) -> Iterator[stripe.PaymentIntent]:
        """The newest payment intents first, as far back as the search may not have got yet."""
        listed = self._client.v1.payment_intents.list({"limit": PAGE, "expand": ["data.latest_charge"]})
        newest = listed.data[0].created if listed.data else 0
        for looked_at, intent in enumerate(listed.auto_paging_iter()):
            if intent.created < newest - SEARCH_LAG_SECONDS:
                return
            if looked_at == MOST_LATEST:
                message = "Stripe made more payments lately than can be looked through; its search will have them soon."
                raise GatewayUnavailable(message)
            yield intent


def _payment(intent: stripe.PaymentIntent) -> Payment:
    """A payment intent as a payment. Raises PaymentDeclined when it was declined or cancelled."""
    if intent.status == "canceled":
        raise declined("The payment was cancelled.", code="canceled", decline_code=None)
    if intent.status not in _STATUSES:  # requires_payment_method: the one that it had was declined
        error = intent.last_payment_error
        raise declined(
            getattr(error, "message", None),
            code=getattr(error, "code", None),
            decline_code=getattr(error, "decline_code", None),
        )
    currency = intent.currency.upper()
    charge = intent.latest_charge
    captured_at = None
    if intent.status == "succeeded" and isinstance(charge, stripe.Charge):
        captured_at = datetime.fromtimestamp(charge.created, UTC)
    return Payment(
        status=_STATUSES[intent.status],
        reference=intent.id,
        amount=from_minor(intent.amount, currency),
        currency=currency,
        gateway=StripeGateway.name,
        captured_at=captured_at,
    )


def _refund(refund: stripe.Refund, payment_reference: str) -> Refund:
    currency = refund.currency.upper()
    return Refund(
        status=_REFUND_STATUSES.get(refund.status or "", "pending"),
        reference=refund.id,
        payment_reference=payment_reference,
        amount=from_minor(refund.amount, currency),
        currency=currency,
        gateway=StripeGateway.name,
    )


def _key(made: stripe.PaymentIntent | stripe.Refund) -> str | None:
    """The idempotency key of ours that made it."""
    return str(made.metadata[KEY]) if made.metadata and KEY in made.metadata else None
