"""The verbs of the partners room. None commits; all run as the session's owner."""

from app.domains.partners.models import (
    Commission,
    LicenseAllocation,
    LicensePool,
    Partner,
    PartnerAgreement,
    PartnerMember,
)
from app.domains.partners.rules.commissions import Applies, CommissionType, Kind, NotDue, Terms, Tier
from app.domains.partners.rules.commissions import Status as CommissionStatus
from app.domains.partners.rules.partners import Status
from app.domains.partners.rules.quota import Quota
from app.domains.partners.rules.sales import Sale
from app.domains.partners.service.agreements import all_agreements, create_agreement, end_agreement, get_agreement
from app.domains.partners.service.allocating import (
    all_allocations,
    allocate_licenses,
    find_allocation,
    get_allocation,
    licenses_of,
    pool_of,
    return_allocation,
)
from app.domains.partners.service.commissions import (
    all_commissions,
    find_commission,
    get_commission,
    record_commission,
    require_commission,
)
from app.domains.partners.service.customers import create_customer
from app.domains.partners.service.members import add_member, all_members, partner_of, remove_member
from app.domains.partners.service.partners import (
    activate_partner,
    all_partners,
    create_partner,
    customer_count,
    deactivate_partner,
    find_partner,
    get_partner,
    hold_active,
    update_partner,
)
from app.domains.partners.service.paying import pay_commission, void_commission
from app.domains.partners.service.pools import all_pools, find_pool, get_pool, put_pool, quota_of, require_quota
from app.domains.partners.service.requesting import CustomerRequest, request_customer

__all__ = [
    "Applies",
    "Commission",
    "CommissionStatus",
    "CommissionType",
    "CustomerRequest",
    "Kind",
    "LicenseAllocation",
    "LicensePool",
    "NotDue",
    "Partner",
    "PartnerAgreement",
    "PartnerMember",
    "Quota",
    "Sale",
    "Status",
    "Terms",
    "Tier",
    "activate_partner",
    "add_member",
    "all_agreements",
    "all_allocations",
    "all_commissions",
    "all_members",
    "all_partners",
    "all_pools",
    "allocate_licenses",
    "create_agreement",
    "create_customer",
    "create_partner",
    "customer_count",
    "deactivate_partner",
    "end_agreement",
    "find_allocation",
    "find_commission",
    "find_partner",
    "find_pool",
    "get_agreement",
    "get_allocation",
    "get_commission",
    "get_partner",
    "get_pool",
    "hold_active",
    "licenses_of",
    "partner_of",
    "pay_commission",
    "pool_of",
    "put_pool",
    "quota_of",
    "record_commission",
    "remove_member",
    "request_customer",
    "require_commission",
    "require_quota",
    "return_allocation",
    "update_partner",
    "void_commission",
]
