"""The port: what is to be paid, what came of it, and the gateways by name."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from decimal import Decimal
from typing import Literal, Protocol, runtime_checkable

from app.adapters.payments.errors import PaymentRefused
from app.core.money import rounded

LONGEST_KEY = 255
LARGEST = Decimal(10) ** 12
_CURRENCY = re.compile(r"[A-Z]{3}")

PaymentStatus = Literal["succeeded", "pending", "requires_action"]
"""`pending`: the money is on its way or awaited; `requires_action`: the customer has to authenticate it."""

RefundStatus = Literal["succeeded", "pending", "failed"]

EventKind = Literal[
    "payment_succeeded",
    "payment_failed",
    "payment_pending",
    "payment_requires_action",
    "payment_canceled",
    "refund_changed",
    "refund_failed",
    "disputed",
    "other",
]
"""`other`: true, and of no concern to payments; to be acknowledged like the rest."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Charge:
    """A charge wanted. It is well formed: making one raises PaymentRefused otherwise.

    `amount`: positive, in units of `currency` (ISO 4217), with no more decimals than the currency has.
    `idempotency_key`: ours, for this one charge; at most 255 characters. `payment_method` and `customer_reference` are
    the gateway's names. `off_session`: the customer is not there to authenticate anything.
    """

    amount: Decimal
    currency: str
    idempotency_key: str
    payment_method: str
    customer_reference: str | None = None
    off_session: bool = False
    description: str = ""
    metadata: Mapping[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        check_amount(self.amount, self.currency)
        check_key(self.idempotency_key)


@dataclass(frozen=True, slots=True, kw_only=True)
class Payment:
    """A payment as the gateway has it. `reference` is the gateway's; `captured_at`: when the money was taken."""

    status: PaymentStatus
    reference: str
    amount: Decimal
    currency: str
    gateway: str
    captured_at: datetime | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Refund:
    """Money given back of one payment. `pending`: it is on its way; `failed`: it came back."""

    status: RefundStatus
    reference: str
    payment_reference: str
    amount: Decimal
    currency: str
    gateway: str


@dataclass(frozen=True, slots=True, kw_only=True)
class GatewayEvent:
    """What a gateway told us, proven to be its own. The same `id` may come twice. `reference`: the payment's."""

    id: str
    kind: EventKind
    reference: str | None
    gateway: str
    occurred_at: datetime


class Gateway(Protocol):
    """Moves money. Every call is bounded in time, and may be repeated under its idempotency key.

    A key repeated with the same parameters yields the first answer, a decline too; with others, PaymentRefused.
    Every verb raises GatewayUnavailable when nothing was done; those that move money raise OutcomeUnknown when it may
    have been.
    """

    @property
    def name(self) -> str:
        """Under which the gateway is configured."""

    @property
    def default_method(self) -> str | None:
        """What is charged where nobody names a payment method; None: the gateway has nothing of its own."""

    def charge(self, request: Charge) -> Payment:
        """Take the money, or have it promised. Raises PaymentDeclined, PaymentRefused."""

    def refund(self, reference: str, *, idempotency_key: str, amount: Decimal | None = None) -> Refund:
        """Give back `amount`, or all that is left; never more than was captured.

        It looks for itself what became of an earlier call under the same key. Raises PaymentRefused.
        """

    def cancel(self, reference: str) -> None:
        """Wait no longer for a payment that is pending or waits for the customer: nothing is captured of it any more.

        One that was cancelled or declined stays so. Raises PaymentRefused when it was captured, or is not known.
        """

    def find(self, idempotency_key: str) -> Payment | None:
        """What became of the charge under this key; None when there is none.

        To be asked after OutcomeUnknown, before anything is tried again. Raises PaymentDeclined when it was declined.
        """

    def verify_webhook(self, payload: bytes, headers: Mapping[str, str]) -> GatewayEvent:
        """Prove that a message is the gateway's own, whole and fresh. Raises WebhookRejected."""

    def health(self) -> None:
        """See that the gateway answers under this configuration. Raises GatewayUnavailable."""


@runtime_checkable
class Confirming(Protocol):
    """A gateway that is told by somebody that money has come."""

    def confirm(self, reference: str, *, amount: Decimal, received_at: datetime) -> Payment:
        """The money came. Nothing happens when it was confirmed before.

        Raises PaymentRefused when it is not the amount that was asked, or the reference is unknown; PaymentDeclined when it
        was withdrawn.
        """


class Gateways:
    """The gateways that are configured, by name; one of them is the default."""

    def __init__(self, default_name: str) -> None:
        self.default_name = default_name
        self._by_name: dict[str, Gateway] = {}

    def add(self, gateway: Gateway) -> None:
        if gateway.name in self._by_name:
            message = f"the gateway {gateway.name} is wired twice"
            raise ValueError(message)
        self._by_name[gateway.name] = gateway

    def default(self) -> Gateway:
        """The gateway for what names none. Raises PaymentRefused when it is not configured."""
        return self.get(self.default_name)

    def get(self, name: str) -> Gateway:
        """The gateway of that name. Raises PaymentRefused when it is not configured."""
        try:
            return self._by_name[name]
        except KeyError:
            message = f"No payment gateway {name} is configured."
            raise PaymentRefused(message) from None

    def names(self) -> set[str]:
        return set(self._by_name)


def check_amount(amount: Decimal, currency: str) -> None:
    """Raises PaymentRefused unless it is a positive amount in the currency's own decimals."""
    if _CURRENCY.fullmatch(currency) is None:
        message = f"{currency!r} is no currency of ISO 4217."
        raise PaymentRefused(message)
    if not amount.is_finite() or not 0 < amount < LARGEST:
        message = f"{amount} {currency} cannot be moved: an amount is positive, and below {LARGEST:,}."
        raise PaymentRefused(message)
    if rounded(amount, currency) != amount:
        message = f"{amount} {currency} has more decimals than the currency."
        raise PaymentRefused(message)


def check_key(idempotency_key: str) -> None:
    """Raises PaymentRefused unless a gateway would take it as an idempotency key."""
    if not 1 <= len(idempotency_key) <= LONGEST_KEY:
        message = f"An idempotency key has 1 to {LONGEST_KEY} characters, not {len(idempotency_key)}."
        raise PaymentRefused(message)
