"""What can be wrong about licenses and their templates.

NotFound
├── LicenseNotFound          there is no such license
└── LicenseTemplateNotFound  there is no such license template
Conflict
├── LicenseStateForbids      a license in its state cannot do that
├── LicenseIssuedToAnother   the same was asked for before, for another customer
├── LicenseTemplateCodeTaken another template has that code
├── LicenseTemplateInUse     licenses were issued from the template
└── TooManySigningKeys       no more keys can be published
"""

from __future__ import annotations

from app.core.errors import Conflict, NotFound

__all__ = [
    "LicenseIssuedToAnother",
    "LicenseNotFound",
    "LicenseStateForbids",
    "LicenseTemplateCodeTaken",
    "LicenseTemplateInUse",
    "LicenseTemplateNotFound",
    "TooManySigningKeys",
]


class LicenseNotFound(NotFound):
    """There is no such license."""

    code = "license-not-found"


class LicenseTemplateNotFound(NotFound):
    """There is no such license template."""

    code = "license-template-not-found"


class LicenseStateForbids(Conflict):
    """A license in its state cannot do that."""

    code = "license-state-forbids"


class LicenseIssuedToAnother(Conflict):
    """The same was asked for before, for another customer."""

    code = "license-issued-to-another"


class LicenseTemplateCodeTaken(Conflict):
    """Another template has that code."""

    code = "license-template-code-taken"


class LicenseTemplateInUse(Conflict):
    """Licenses were issued from the template."""

    code = "license-template-in-use"


class TooManySigningKeys(Conflict):
    """No more keys can be published."""

    code = "too-many-license-signing-keys"
