"""What asking a payment gateway may end in.

StepFailed
├── PaymentFailed            the gateway did not do what was asked
│   ├── PaymentDeclined      permanent: whoever holds the money said no, and why
│   ├── PaymentRefused       permanent: it cannot be asked like this (unknown reference, more refunded than was paid)
│   ├── WebhookRejected      permanent: not from the gateway, changed on its way, or too old
│   └── GatewayUnavailable   transient: it was not done, and may be later
└── OutcomeUnknown           transient, of the engine: it may have been done; ask `Gateway.find` before trying again
"""

from __future__ import annotations

from pipelines.errors import StepFailed


class PaymentFailed(StepFailed):
    """The gateway did not do what was asked, and no money was moved."""


class PaymentDeclined(PaymentFailed):
    """Declined, with the gateway's own reason as the message.

    `code` and `decline_code` are the gateway's; the latter is the card issuer's reason, where it gave one. `is_hard`:
    the same payment method will not be charged later either; a soft decline may pass on another day.
    """

    def __init__(self, message: str, *, code: str, decline_code: str | None, is_hard: bool) -> None:
        super().__init__(message, permanent=True)
        self.code = code
        self.decline_code = decline_code
        self.is_hard = is_hard


class PaymentRefused(PaymentFailed):
    """The request itself cannot be met, however often it is made."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


class WebhookRejected(PaymentFailed):
    """What came in as a gateway's message is none, was changed, or is too old to be believed."""

    def __init__(self, message: str) -> None:
        super().__init__(message, permanent=True)


class GatewayUnavailable(PaymentFailed):
    """The gateway could not be asked, or asked for patience; nothing was done."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message, permanent=False, retry_after=retry_after)
