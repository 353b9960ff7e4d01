"""What the sales room's routes take and answer."""

from __future__ import annotations

from typing import Any

import marshmallow as ma

from app.domains.sales.service import Source, Status
from app.http.fields import Amount, Money, Time
from app.http.pages import PageQuery

MAX_SERVICES = 100
MAX_NOTES = 10_000

_text = ma.validate.Length(1, 200)
_short = ma.validate.Length(1, 64)
_cycle = ma.validate.OneOf(("monthly", "annual", "one_time"))
_deployment_type = ma.validate.OneOf(("local", "kubernetes", "awx", "docker", "none"))


def _optional(validate: ma.validate.Validator) -> ma.fields.String:
    return ma.fields.String(allow_none=True, validate=validate)


class ServiceLine(ma.Schema):
    """A wanted service; its price and name come from the catalogue."""

    service_code = ma.fields.String(required=True, validate=_short)
    name = ma.fields.String(validate=_text)
    quantity = ma.fields.Integer(strict=True, load_default=1, validate=ma.validate.Range(min=1))
    configuration = ma.fields.Dict(keys=ma.fields.String())


class PublicOrderIn(ma.Schema):
    """An order as a customer places it: services, a package, or a package and more."""

    customer_email = ma.fields.String(required=True, validate=ma.validate.Length(1, 254))
    customer_name = ma.fields.String(required=True, validate=_text)
    company_name = _optional(_text)
    customer_phone = _optional(_short)
    billing_address = ma.fields.Dict(keys=ma.fields.String())
    organization_slug = ma.fields.String(required=True, validate=_short)
    organization_name = _optional(_text)
    deployment_region = _optional(_short)
    deployment_type = _optional(_deployment_type)
    package_code = _optional(_short)
    selected_services = ma.fields.List(ma.fields.Nested(ServiceLine), validate=ma.validate.Length(max=MAX_SERVICES))
    service_configuration = ma.fields.Dict(
        keys=ma.fields.String(), values=ma.fields.Dict(keys=ma.fields.String()), metadata={"description": "by code"}
    )
    features = ma.fields.Dict(keys=ma.fields.String())
    currency = ma.fields.String(validate=ma.validate.Length(1, 3), metadata={"description": "ISO 4217, default USD"})
    billing_cycle = ma.fields.String(validate=_cycle)
    utm_source = _optional(_text)
    utm_medium = _optional(_text)
    utm_campaign = _optional(_text)
    referrer = _optional(ma.validate.Length(1, 2000))
    notes = _optional(ma.validate.Length(max=MAX_NOTES))


class OrderIn(PublicOrderIn):
    """An order as staff or another system places it."""

    deployment_template_id = ma.fields.UUID(allow_none=True)
    promo_code = _optional(_short)
    contract_reference = _optional(_text)
    contract_start_date = ma.fields.Date(allow_none=True)
    contract_end_date = ma.fields.Date(allow_none=True)
    auto_activate = ma.fields.Boolean(allow_none=True)
    external_order_id = _optional(_text)
    source = ma.fields.String(
        load_default=Source.INTERNAL.value,
        validate=ma.validate.OneOf((Source.INTERNAL.value, Source.CRM_QUOTE.value, Source.TMF.value)),
    )


class QuickOrderIn(ma.Schema):
    """An order of a package in its shortest form."""

    email = ma.fields.String(required=True, validate=ma.validate.Length(1, 254))
    name = ma.fields.String(required=True, validate=_text)
    company = ma.fields.String(required=True, validate=_text)
    package_code = ma.fields.String(required=True, validate=_short)
    billing_cycle = ma.fields.String(load_default="monthly", validate=_cycle)
    region = ma.fields.String(validate=_short)
    organization_slug = ma.fields.String(required=True, validate=_short)


class PublicOrderOut(ma.Schema):
    """A new order, for whoever placed it."""

    id = ma.fields.Integer()
    order_number = ma.fields.String()
    status = ma.fields.String()
    customer_email = ma.fields.String()
    company_name = ma.fields.String(allow_none=True)
    total_amount = Amount()
    currency = ma.fields.String()
    created_at = Time()


class PlacedOrderOut(PublicOrderOut):
    """A new order, and where it is paid for."""

    checkout_url = ma.fields.String(allow_none=True, metadata={"description": "where a payment gateway is configured"})

    @ma.post_dump
    def _only_with_a_gateway(self, shown: dict[str, Any], **_: Any) -> dict[str, Any]:
        return {name: value for name, value in shown.items() if name != "checkout_url" or value is not None}


class CheckoutIn(ma.Schema):
    """How an order is paid for."""

    payment_method = _optional(_text)


class CheckoutOut(ma.Schema):
    """What is to be paid for an order."""

    order_number = ma.fields.String()
    status = ma.fields.String(metadata={"description": "of the order"})
    payment_status = ma.fields.String(validate=ma.validate.OneOf(("open", "paid", "dunning", "given_up", "withdrawn")))
    amount = Amount()
    currency = ma.fields.String()


class StatusOut(ma.Schema):
    """How far an order is, for whoever knows its number."""

    order_number = ma.fields.String()
    status = ma.fields.String()
    status_message = ma.fields.String(allow_none=True)
    progress_percent = ma.fields.Integer()
    tenant_subdomain = ma.fields.String(allow_none=True)
    activation_url = ma.fields.String(allow_none=True, metadata={"description": "null until the order is active"})
    created_at = Time()
    estimated_completion = Time(allow_none=True, metadata={"description": "null without a past to go by"})


class ItemOut(ma.Schema):
    """A line of an order."""

    id = ma.fields.UUID()
    item_type = ma.fields.String()
    service_code = ma.fields.String(allow_none=True)
    product_code = ma.fields.String(allow_none=True)
    name = ma.fields.String()
    description = ma.fields.String(allow_none=True)
    quantity = ma.fields.Integer()
    unit_price = Amount()
    discount_amount = Amount()
    tax_amount = Amount()
    total_amount = Amount()
    configuration = ma.fields.Dict()
    billing_cycle = ma.fields.String()
    trial_days = ma.fields.Integer(allow_none=True)
    subscription_id = ma.fields.UUID(allow_none=True)


class ActivationOut(ma.Schema):
    """An ordered service on its way to being active."""

    id = ma.fields.UUID()
    service_code = ma.fields.String()
    service_name = ma.fields.String()
    activation_status = ma.fields.String()
    started_at = Time(allow_none=True)
    completed_at = Time(allow_none=True)
    duration_seconds = ma.fields.Float(allow_none=True)
    success = ma.fields.Boolean(allow_none=True)
    error_message = ma.fields.String(allow_none=True)
    retry_count = ma.fields.Integer()


class ActivationDetail(ActivationOut):
    """With what it depends on and what it led to."""

    order_item_id = ma.fields.UUID(allow_none=True)
    sequence_number = ma.fields.Integer()
    depends_on = ma.fields.List(ma.fields.String())
    critical = ma.fields.Boolean()
    max_retries = ma.fields.Integer()
    activation_data = ma.fields.Dict()


class OrderOut(PublicOrderOut):
    """An order."""

    status_message = ma.fields.String(allow_none=True)
    tenant_id = ma.fields.UUID(allow_none=True)
    customer_name = ma.fields.String()
    customer_phone = ma.fields.String(allow_none=True)
    billing_address = ma.fields.Dict()
    organization_slug = ma.fields.String()
    organization_name = ma.fields.String(allow_none=True)
    deployment_template_id = ma.fields.UUID(allow_none=True)
    deployment_region = ma.fields.String(allow_none=True)
    deployment_type = ma.fields.String(allow_none=True)
    package_code = ma.fields.String(allow_none=True)
    selected_services = ma.fields.List(ma.fields.Dict())
    service_configuration = ma.fields.Dict()
    features = ma.fields.Dict()
    subtotal = Amount()
    discount_amount = Amount()
    promo_code = ma.fields.String(allow_none=True)
    tax_rate = Money(metadata={"description": "percent"})
    tax_amount = Amount()
    billing_cycle = ma.fields.String()
    payment_status = ma.fields.String()
    payment_reference = ma.fields.String(allow_none=True)
    contract_reference = ma.fields.String(allow_none=True)
    contract_start_date = ma.fields.Date(allow_none=True)
    contract_end_date = ma.fields.Date(allow_none=True)
    deployment_instance_id = ma.fields.UUID(allow_none=True)
    activation_url = ma.fields.String(allow_none=True)
    source = ma.fields.String()
    external_order_id = ma.fields.String(allow_none=True)
    utm_source = ma.fields.String(allow_none=True)
    utm_medium = ma.fields.String(allow_none=True)
    utm_campaign = ma.fields.String(allow_none=True)
    referrer = ma.fields.String(allow_none=True)
    notes = ma.fields.String(allow_none=True)
    auto_activate = ma.fields.Boolean(allow_none=True)
    execution_id = ma.fields.Integer(allow_none=True)
    submitted_at = Time(allow_none=True)
    approved_at = Time(allow_none=True)
    provisioning_started_at = Time(allow_none=True)
    activated_at = Time(allow_none=True)
    failed_at = Time(allow_none=True)
    cancelled_at = Time(allow_none=True)
    processing_seconds = Money(allow_none=True)
    created_by = ma.fields.String(allow_none=True)
    updated_at = Time()
    version = ma.fields.Integer()


class OrderDetail(OrderOut):
    """An order with its items and activations."""

    items = ma.fields.List(ma.fields.Nested(ItemOut))
    activations = ma.fields.List(ma.fields.Nested(ActivationDetail))


class HistoryOut(ma.Schema):
    """One transition of an order."""

    at = Time()
    from_status = ma.fields.String(allow_none=True)
    to_status = ma.fields.String()
    status_message = ma.fields.String(allow_none=True)
    actor = ma.fields.String()
    reason = ma.fields.String(allow_none=True)
    execution_id = ma.fields.Integer(allow_none=True)


class OrderQuery(PageQuery):
    """Which orders."""

    status = ma.fields.String(validate=ma.validate.OneOf([status.value for status in Status]))
    q = ma.fields.String(validate=_text, metadata={"description": "part of number, customer, company or subdomain"})
    customer_email = ma.fields.String(validate=ma.validate.Length(1, 254))
    created_after = Time()


class CancelQuery(ma.Schema):
    """Why an order is cancelled."""

    reason = ma.fields.String(validate=ma.validate.Length(1, 500))


class SubmitIn(ma.Schema):
    """How an order is submitted."""

    payment_reference = ma.fields.String(load_default=None, validate=_text)
    auto_activate = ma.fields.Boolean(
        load_default=None, metadata={"description": "start at once; default: as the activation workflow says"}
    )


class ExecutionOut(ma.Schema):
    """The execution that an order was given."""

    execution_id = ma.fields.Integer(attribute="id")
    workflow_name = ma.fields.String()
    workflow_version = ma.fields.String()
    status = ma.fields.String(attribute="state")
    order_number = ma.fields.String(allow_none=True, attribute="correlation_id")
    created_at = Time()


class ProgressOut(ma.Schema):
    """How far an order's activations are."""

    order_id = ma.fields.Integer()
    order_number = ma.fields.String()
    total_services = ma.fields.Integer()
    completed = ma.fields.Integer()
    failed = ma.fields.Integer()
    in_progress = ma.fields.Integer()
    pending = ma.fields.Integer()
    overall_status = ma.fields.String(metadata={"description": "pending, in_progress, completed, failed or partial"})
    progress_percent = ma.fields.Integer()
    activations = ma.fields.List(ma.fields.Nested(ActivationOut))


class RevenueOut(ma.Schema):
    """What active orders are worth; `total` and `average` in the currency with most of them."""

    total = Money()
    average = Money()
    currency = ma.fields.String()
    by_currency = ma.fields.Dict(keys=ma.fields.String(), values=Money())


class SummaryOut(ma.Schema):
    """The orders in numbers. Processed are those that became active or failed."""

    orders_by_status = ma.fields.Dict(keys=ma.fields.String(), values=ma.fields.Integer())
    revenue = ma.fields.Nested(RevenueOut)
    success_rate = Money(metadata={"description": "percent of processed"})
    total_processed = ma.fields.Integer()
    successful = ma.fields.Integer()
    average_processing_seconds = Money(allow_none=True)
