"""Messages of gateways: Stripe's form and signature (https://docs.stripe.com/webhooks), which ours speak as well."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

import stripe

from app.adapters.payments.errors import WebhookRejected
from app.adapters.payments.port import EventKind, GatewayEvent
from app.core.clock import utc_now
from app.core.settings import Settings

HEADER = "Stripe-Signature"
TOLERANCE_SECONDS = 300
"""How old a message may be; what is older may be a recording."""

KINDS: Mapping[str, EventKind] = {
    "payment_intent.succeeded": "payment_succeeded",
    "payment_intent.payment_failed": "payment_failed",
    "payment_intent.processing": "payment_pending",
    "payment_intent.requires_action": "payment_requires_action",
    "payment_intent.canceled": "payment_canceled",
    "charge.refunded": "refund_changed",
    "refund.created": "refund_changed",
    "refund.updated": "refund_changed",
    "refund.failed": "refund_failed",
    "charge.dispute.created": "disputed",
}


def read_event(payload: bytes, headers: Mapping[str, str], *, secret: str, gateway: str) -> GatewayEvent:
    """The event in a signed message. Raises WebhookRejected when the signature does not prove it, or it is too old."""
    signature = next((value for name, value in headers.items() if name.lower() == HEADER.lower()), None)
    try:
        stripe.WebhookSignature.verify_header(payload, signature, secret, TOLERANCE_SECONDS)
        return _event(json.loads(payload), gateway)
    except stripe.SignatureVerificationError as error:
        message = f"A message to {gateway} was not believed: {error.user_message}"
        raise WebhookRejected(message) from None
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        message = f"A message to {gateway} is no event: {type(error).__name__}"
        raise WebhookRejected(message) from None


def signed_event(kind: str, reference: str, *, secret: str) -> tuple[bytes, dict[str, str]]:
    """A message of one of our own gateways, as Stripe would send it: the payload and its headers."""
    payload = json.dumps(
        {
            "id": f"evt_{uuid4().hex}",
            "object": "event",
            "type": kind,
            "created": int(utc_now().timestamp()),
            "data": {"object": {"id": reference, "object": "payment_intent"}},
        }
    )
    return payload.encode(), {HEADER: stripe.WebhookSignature.generate_signature_header(payload, secret)}


def own_secret(settings: Settings, gateway: str) -> str:
    """What our own gateways sign with: derived from TURNUP_SECRET_KEY, another one for each."""
    return "whsec_" + hashlib.sha256(f"payments/{gateway}/{settings.secret_key}".encode()).hexdigest()


def _event(body: dict[str, Any], gateway: str) -> GatewayEvent:
    subject = body["data"]["object"]
    reference = subject["id"] if subject.get("object") == "payment_intent" else subject.get("payment_intent")
    return GatewayEvent(
        id=body["id"],
        kind=KINDS.get(body["type"], "other"),
        reference=reference if isinstance(reference, str) else None,
        gateway=gateway,
        occurred_at=datetime.fromtimestamp(body["created"], UTC),
    )
