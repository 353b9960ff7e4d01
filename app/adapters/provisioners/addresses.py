"""Where tenants answer: `{slug}.BASE_DOMAIN`, and back from a host name to the slug."""

from __future__ import annotations

import re

from app.core.settings import Settings

_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_DOMAIN = re.compile(rf"(?:{_LABEL.pattern}\.)+{_LABEL.pattern}")
LONGEST_DOMAIN = 253


def is_label(slug: str) -> bool:
    """Whether this is one lower-case DNS label; nothing else may become part of a path or a name."""
    return _LABEL.fullmatch(slug) is not None


def is_domain(name: str) -> bool:
    """Whether this is a lower-case host name of several DNS labels; it may become part of a path then."""
    return len(name) <= LONGEST_DOMAIN and _DOMAIN.fullmatch(name) is not None


def tenant_host(settings: Settings, slug: str) -> str:
    """The host name of a tenant, without a port."""
    return f"{slug}.{settings.base_domain}"


def activation_url(settings: Settings, slug: str) -> str:
    """The public address of a tenant: TENANT_URL_SCHEME, slug, BASE_DOMAIN and, where set, TENANT_URL_PORT."""
    port = f":{settings.tenant_port}" if settings.tenant_port else ""
    return f"{settings.tenant_scheme}://{tenant_host(settings, slug)}{port}"


def host_name(host: str) -> str:
    """The name in a Host header (`Acme.example.org:8081`), as names are compared."""
    return host.partition(":")[0].lower().removesuffix(".")


def slug_of_host(settings: Settings, host: str) -> str | None:
    """The slug in a Host header (`acme.example.org:8081`); None when the host is none under BASE_DOMAIN."""
    label, _, domain = host_name(host).partition(".")
    return label if domain == settings.base_domain.lower() and is_label(label) else None
