"""Tables of the partners room."""

from app.domains.partners.models.commissions import Commission, PartnerAgreement
from app.domains.partners.models.partners import Partner, PartnerCustomer, PartnerMember
from app.domains.partners.models.pools import AllocatedLicense, LicenseAllocation, LicensePool

__all__ = [
    "AllocatedLicense",
    "Commission",
    "LicenseAllocation",
    "LicensePool",
    "Partner",
    "PartnerAgreement",
    "PartnerCustomer",
    "PartnerMember",
]
