"""The verbs of the licensing room. None commits."""

from app.domains.licensing.models import License, LicenseTemplate
from app.domains.licensing.service.ending import expire_licenses, resume_license, revoke_license, suspend_license
from app.domains.licensing.service.issuing import issue_license
from app.domains.licensing.service.reading import Verdict, all_licenses, get_license, live_license_of, verify
from app.domains.licensing.service.seeding import seed
from app.domains.licensing.service.signing import public_keys, rotate_signing_key
from app.domains.licensing.service.templates import (
    all_templates,
    create_template,
    delete_template,
    find_template,
    get_template,
    update_template,
)

__all__ = [
    "License",
    "LicenseTemplate",
    "Verdict",
    "all_licenses",
    "all_templates",
    "create_template",
    "delete_template",
    "expire_licenses",
    "find_template",
    "get_license",
    "get_template",
    "issue_license",
    "live_license_of",
    "public_keys",
    "resume_license",
    "revoke_license",
    "rotate_signing_key",
    "seed",
    "suspend_license",
    "update_template",
    "verify",
]
