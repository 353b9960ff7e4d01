"""What the routes of payables, payments, payment methods and gateways' messages take and answer."""

from __future__ import annotations

import marshmallow as ma

from app.domains.billing.rules import payable_states
from app.domains.billing.rules.methods import LONGEST
from app.domains.billing.rules.payment_states import MethodStatus, RefundStatus, Status
from app.http.endpoint import PageQuery
from app.http.fields import Amount, Money, Time

_method = ma.validate.Length(1, LONGEST)
_reason = ma.validate.Length(1, 500)
_source_type = ma.validate.OneOf([each.value for each in payable_states.SourceType])


class PayableFilter(PageQuery):
    """Which payables."""

    status = ma.fields.String(validate=ma.validate.OneOf([each.value for each in payable_states.Status]))
    customer_id = ma.fields.UUID()
    source_type = ma.fields.String(validate=_source_type)
    source_id = ma.fields.String(validate=ma.validate.Length(1, 100))


class SourceOut(ma.Schema):
    """What something is paid for."""

    type = ma.fields.String(attribute="source_type", validate=_source_type)
    id = ma.fields.String(attribute="source_id")


class PayableOut(ma.Schema):
    """An amount that is to be paid once. `next_attempt_at`: when it is collected by itself; null: it waits to be paid."""

    id = ma.fields.UUID()
    status = ma.fields.String(validate=ma.validate.OneOf([each.value for each in payable_states.Status]))
    amount = Amount()
    currency = ma.fields.String()
    description = ma.fields.String()
    customer_id = ma.fields.UUID(allow_none=True)
    sources = ma.fields.List(ma.fields.Nested(SourceOut))
    due_at = Time(allow_none=True)
    paid_at = Time(allow_none=True)
    next_attempt_at = Time(allow_none=True)
    created_at = Time()


class PayIn(ma.Schema):
    """By what a payable is paid now, and what is thought to be due."""

    payment_method = ma.fields.String(
        load_default=None,
        allow_none=True,
        validate=_method,
        metadata={
            "description": "id of a payment method on file, a gateway's name, or what the default gateway calls it; "
            "default: what is on file"
        },
    )
    amount = Money(load_default=None, allow_none=True, metadata={"description": "refused unless it is what is due"})


class PaymentFilter(PageQuery):
    """Which payments."""

    status = ma.fields.String(validate=ma.validate.OneOf([each.value for each in Status]))
    payable_id = ma.fields.UUID()
    customer_id = ma.fields.UUID()


class PaymentOut(ma.Schema):
    """One attempt to collect a payable, with what its gateway said."""

    id = ma.fields.UUID()
    payable_id = ma.fields.UUID()
    status = ma.fields.String(validate=ma.validate.OneOf([each.value for each in Status]))
    amount = Amount()
    refunded_amount = Amount()
    currency = ma.fields.String()
    description = ma.fields.String()
    gateway = ma.fields.String()
    reference = ma.fields.String(allow_none=True)
    is_off_session = ma.fields.Boolean()
    is_awaiting_customer = ma.fields.Boolean()
    captured_at = Time(allow_none=True)
    failed_at = Time(allow_none=True)
    failure_code = ma.fields.String(allow_none=True)
    failure_reason = ma.fields.String(allow_none=True)
    created_at = Time()


class RefundIn(ma.Schema):
    """What is given back of a payment; without an amount all that is left."""

    amount = Money(load_default=None, allow_none=True)
    reason = ma.fields.String(required=True, validate=_reason)


class RefundOut(ma.Schema):
    """Money given back."""

    id = ma.fields.UUID()
    payment_id = ma.fields.UUID()
    status = ma.fields.String(validate=ma.validate.OneOf([each.value for each in RefundStatus]))
    amount = Amount()
    currency = ma.fields.String()
    reason = ma.fields.String()
    reference = ma.fields.String(allow_none=True)
    failure_reason = ma.fields.String(allow_none=True)
    created_at = Time()


class ConfirmIn(ma.Schema):
    """What has come in of a payment that was awaited."""

    amount = Money(required=True)


class Reason(ma.Schema):
    """Why something is done; kept in the audit log."""

    reason = ma.fields.String(required=True, validate=_reason)


class MethodIn(ma.Schema):
    """What a customer pays by, as the gateway calls it: never a card's number."""

    reference = ma.fields.String(required=True, validate=_method, metadata={"description": "`pm_...` at Stripe"})
    gateway = ma.fields.String(load_default=None, allow_none=True, metadata={"description": "default: PAYMENT_GATEWAY"})
    customer_reference = ma.fields.String(
        load_default=None,
        allow_none=True,
        validate=_method,
        metadata={"description": "the customer at the gateway, `cus_...` at Stripe"},
    )
    label = ma.fields.String(
        load_default="", validate=ma.validate.Length(max=100), metadata={"description": "for people: `Visa, 4242`"}
    )
    is_default = ma.fields.Boolean(load_default=True)


class MethodOut(ma.Schema):
    """What a customer pays by. `refused`: it was declined for good and is not charged again."""

    id = ma.fields.UUID()
    customer_id = ma.fields.UUID()
    gateway = ma.fields.String()
    reference = ma.fields.String()
    label = ma.fields.String()
    status = ma.fields.String(validate=ma.validate.OneOf([each.value for each in MethodStatus]))
    is_default = ma.fields.Boolean()
    refused_reason = ma.fields.String(allow_none=True)
    created_at = Time()


class GatewayMessage(ma.Schema):
    """Whatever a gateway sends; its signature says whether it is believed."""

    class Meta:
        unknown = ma.INCLUDE


class ReceivedOut(ma.Schema):
    """Whether a message was news: about a payment of ours, and for the first time."""

    is_news = ma.fields.Boolean()
