"""Partners, who acts for them, and what they ask for."""

from __future__ import annotations

import marshmallow as ma

from app.domains.partners.schemas import shared
from app.domains.partners.service import Status
from app.http.endpoint import PageQuery
from app.http.fields import Money, Time


class Branding(ma.Schema):
    """What customers of a partner get to see."""

    company_name = shared.optional()
    logo_url = shared.optional()
    primary_color = shared.optional("# and six hexadecimal digits")
    secondary_color = shared.optional("# and six hexadecimal digits")
    support_email = shared.optional()
    support_phone = shared.optional()


class WhiteLabel(Branding):
    """What one customer of a partner gets to see; what is not given is the partner's."""

    custom_domain = shared.optional("the customer's own")


class PartnerChange(ma.Schema):
    """What changes of a partner. `branding` replaces all of it."""

    code = ma.fields.String(validate=shared.code)
    name = ma.fields.String(validate=shared.text)
    email = ma.fields.String(validate=shared.text)
    branding = ma.fields.Nested(Branding)


class PartnerIn(PartnerChange):
    """A new partner."""

    code = ma.fields.String(required=True, validate=shared.code)
    name = ma.fields.String(required=True, validate=shared.text)
    email = ma.fields.String(required=True, validate=shared.text)


class PartnerOut(ma.Schema):
    """A partner."""

    id = ma.fields.UUID()
    code = ma.fields.String()
    name = ma.fields.String()
    email = ma.fields.String()
    status = ma.fields.String()
    branding = ma.fields.Nested(Branding)
    created_at = Time()
    updated_at = Time()


class PartnerDetail(PartnerOut):
    """A partner, and how many customers it has."""

    customer_count = ma.fields.Integer(metadata={"description": "those who left are not counted"})


class PartnerFilter(PageQuery):
    """Which partners."""

    status = ma.fields.String(validate=ma.validate.OneOf([status.value for status in Status]))
    q = ma.fields.String(
        validate=ma.validate.Length(1, 200), metadata={"description": "part of code, name or e-mail address"}
    )


class Reason(ma.Schema):
    """Why something is done; kept in the audit log."""

    reason = ma.fields.String(required=True, validate=ma.validate.Length(1, 500))


class MemberOut(ma.Schema):
    """A user who acts for a partner."""

    user_id = ma.fields.UUID()
    created_at = Time()


class CustomerRequestIn(ma.Schema):
    """A customer that a partner wants. `customer_data`: `email`, a name, and what else a customer has."""

    customer_data = ma.fields.Dict(keys=ma.fields.String(), required=True)
    license_count = ma.fields.Integer(required=True, strict=True, validate=shared.license_count)
    license_template_id = shared.template(load_default=None, allow_none=True)
    white_label_config = ma.fields.Nested(WhiteLabel, load_default=None, allow_none=True)
    base_amount = Money(
        load_default=None,
        allow_none=True,
        metadata={"description": "what the customer pays, without tax; a commission may be a part of it"},
    )
    currency = shared.currency(load_default=None, allow_none=True)


class CustomerRequestOut(ma.Schema):
    """A customer was asked for; workflows take it up."""

    event_id = ma.fields.UUID()
    partner_id = ma.fields.UUID()
