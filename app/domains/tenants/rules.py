"""Pure decisions about tenants and users: slugs, domains, passwords, e-mail addresses, permissions."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping

MIN_SLUG_LENGTH = 3
MAX_SLUG_LENGTH = 63
"""The longest DNS label (RFC 1035)."""
MAX_DOMAIN_LENGTH = 253

MIN_PASSWORD_LENGTH = 12
MAX_PASSWORD_LENGTH = 256
"""Longer input only costs hashing time."""

MAX_EMAIL_LENGTH = 254

OPERATOR_SLUG = "operator"

EVERYTHING = "*"

PLATFORM_ADMIN = "platform_admin"
"""May do everything; seeded for the operator only."""

TENANT_ADMIN = "tenant_admin"

SEEDED_ROLES: Mapping[str, tuple[str, ...]] = {
    "sales": (
        "order.read",
        "order.create",
        "order.submit",
        "customer.read",
        "customer.create",
        "customer.update",
        "lead.*",
        "quote.*",
        "site_survey.read",
        "site_survey.create",
        "partner.read",
        "partner.use",
        "plan.read",
        "subscription.read",
    ),
    "operations": (
        "order.read",
        "order.process",
        "order.update",
        "customer.read",
        "quote.read",
        "site_survey.*",
        "deployment.read",
        "deployment.schedule",
        "message.read",
        "team.read",
        "ticket.read",
        "ticket.update",
        "ticket.reply",
        "workflow:view",
        "workflow:execute",
    ),
    "support": (
        "order.read",
        "customer.read",
        "lead.read",
        "quote.read",
        "site_survey.read",
        "message.read",
        "ticket.*",
        "workflow:view",
    ),
    "billing": (
        "order.read",
        "customer.read",
        "quote.read",
        "invoice.*",
        "payment.*",
        "plan.*",
        "subscription.*",
        "partner.read",
        "partner.use",
        "commission.*",
    ),
    "partner": (
        "order.read",
        "order.create",
        "order.submit",
        "license.read",
        "license.allocate",
        "deployment.read",
        "partner.use",
    ),
    TENANT_ADMIN: (
        "order.*",
        "customer.*",
        "lead.*",
        "quote.*",
        "site_survey.*",
        "license.*",
        "workflow:*",
        "engine.switch",
        "event.publish",
        "user.*",
        "role.*",
        "tenant.read",
        "catalog.update",
        "message.read",
        "message_template.*",
        "team.read",
        "ticket.*",
        "sla_target.update",
        "invoice.*",
        "payment.*",
        "plan.*",
        "subscription.*",
        "partner.*",
        "commission.*",
        "deployment.read",
    ),
    PLATFORM_ADMIN: (EVERYTHING,),
}
"""The permissions that a role begins with; every owner may edit its own afterwards."""

RESERVED_SLUGS = frozenset(
    """
    about abuse account accounts admin administrator api app apps assets auth autoconfig autodiscover beta billing
    blog broadcasthost cdn cname console dashboard demo dev dns docs download downloads email events example flower
    ftp git grafana health help host hostmaster imap internal invalid isatap local localdomain localhost login
    logout mail manage media metrics monitor monitoring mta-sts mx news noc ns ns1 ns2 ns3 ns4 operations operator
    partner partners pop pop3 portal postmaster preview private prometheus public redoc register root sales secure
    security server sftp shop signup smtp ssh ssl staff staging static stats status store support sysadmin system
    tenant tenants test turnup usenet uucp vpn webhooks webmail webmaster wpad www www1 www2
    """.split()  # noqa: SIM905 - a list of its own lines would be four times as long
)
"""Names under the base domain that could pass for the operator's, or that machines look up by themselves."""

_SLUG = re.compile(r"[a-z0-9](?:[a-z0-9-]*[a-z0-9])?")
_DOMAIN = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?\.)+[a-z](?:[a-z0-9-]{0,61}[a-z0-9])?")
# the form that browsers accept (HTML, "valid e-mail address"): a login name need not be deliverable
_EMAIL = re.compile(
    r"[a-z0-9.!#$%&'*+/=?^_`{|}~-]{1,64}@[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?)*"
)
_COMMON_PASSWORDS = frozenset(
    """
    123456789012 1234567890123 12345678901234 1q2w3e4r5t6y 1qaz2wsx3edc adminadmin12 administrator administrator1
    changeme1234 changemeplease iloveyou1234 letmeinletmein password1234 password12345 password123456 passwordpassword
    qwertyuiop12 qwertyuiop123 qwertyuiop[] qwertyqwerty welcome12345 welcome123456
    """.split()  # noqa: SIM905 - a list of its own lines would be four times as long
)


def slug_fault(slug: str) -> str | None:
    """What is wrong with a slug in form, as a sentence; None when nothing is."""
    if not MIN_SLUG_LENGTH <= len(slug) <= MAX_SLUG_LENGTH:
        return f"A subdomain has {MIN_SLUG_LENGTH} to {MAX_SLUG_LENGTH} characters."
    if not _SLUG.fullmatch(slug):
        return (
            "A subdomain is made of lower-case letters, digits and hyphens, and begins and ends with a letter or digit."
        )
    if slug[2:4] == "--":
        return "A subdomain has no two hyphens in third and fourth place: those are internationalised names."
    if slug in RESERVED_SLUGS:
        return f"The subdomain “{slug}” is reserved."
    return None


def normal_domain(domain: str) -> str:
    """The form in which a domain is kept and compared: lower-case, other scripts as DNS has them (xn--), no dot at its end."""
    plain = domain.strip().lower().removesuffix(".")
    try:
        return plain.encode("idna").decode()
    except UnicodeError:
        return plain


def domain_fault(domain: str, *, base_domain: str, own_host: str = "") -> str | None:
    """What is wrong with a tenant's own domain (in its normal form), as a sentence; None when nothing is.

    `base_domain`: under which all tenants answer; a domain there would pass for another tenant. `own_host`: where the
    installation itself answers.
    """
    if len(domain) > MAX_DOMAIN_LENGTH or not _DOMAIN.fullmatch(domain):
        return "A domain is a full host name like portal.example.com, without scheme, port or path."
    if domain == own_host or f".{domain}".endswith((f".{base_domain.lower()}", ".localhost")):
        return f"The name {domain} is this installation's to give out: a domain of its own is another."
    return None


def normal_email(email: str) -> str:
    """The form in which an address is kept and compared: lower-case, without blanks around it."""
    return email.strip().lower()


def email_fault(email: str) -> str | None:
    """What is wrong with an e-mail address (in its normal form), as a sentence; None when nothing is."""
    if len(email) > MAX_EMAIL_LENGTH or not _EMAIL.fullmatch(email):
        return "This is no e-mail address."
    return None


def password_fault(password: str, *, email: str = "") -> str | None:
    """What is wrong with a new password, as a sentence; None when nothing is. Length counts, not variety."""
    if len(password) < MIN_PASSWORD_LENGTH:
        return f"A password has at least {MIN_PASSWORD_LENGTH} characters."
    if len(password) > MAX_PASSWORD_LENGTH:
        return f"A password has at most {MAX_PASSWORD_LENGTH} characters."
    lowered = password.lower()
    if lowered in _COMMON_PASSWORDS or len(set(lowered)) < MIN_PASSWORD_LENGTH // 3:
        return "This password is too easy to guess."
    if email and normal_email(email) in lowered:
        return "A password does not contain the e-mail address."
    return None


def permission_fault(permission: str) -> str | None:
    """What is wrong with the name of a permission, as a sentence; None when nothing is."""
    if permission == EVERYTHING or re.fullmatch(r"[a-z_]+[.:](?:[a-z_]+|\*)", permission):
        return None
    return f"“{permission}” is no permission: it is resource.action, resource.* or *."


def covers(held: str, wanted: str) -> bool:
    """Whether one held permission gives a wanted one: `*` gives all, `order.*` all of order."""
    return held in {EVERYTHING, wanted} or (held.endswith((".*", ":*")) and wanted.startswith(held[:-1]))


def allows(held: Iterable[str], wanted: str) -> bool:
    """Whether the held permissions give a wanted one (which may itself be a pattern)."""
    return any(covers(permission, wanted) for permission in held)
