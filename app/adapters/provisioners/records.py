"""A tenant's configuration directory, `var/tenants/<slug>/`: written by the provisioner, read by the endpoints.

A tenant with a domain of its own also has `var/domains/<domain>`, which holds its slug.
"""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from app.adapters.provisioners.addresses import is_domain, is_label
from app.core.settings import Settings

FILE = "tenant.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantRecord:
    """What the tenant's endpoint has to know. `branding` by name: `company_name`, `support_email`, ..."""

    slug: str
    name: str
    tenant_id: str
    schema: str
    role: str
    region: str | None = None
    environment: str = "production"
    resources: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)
    domain: str | None = None
    branding: dict[str, str] = field(default_factory=dict)
    license_key: str | None = None


def folder(settings: Settings, slug: str) -> Path:
    """The directory of a tenant. Raises ValueError when the slug is no DNS label."""
    if not is_label(slug):
        message = f"{slug!r} is no DNS label"
        raise ValueError(message)
    return settings.var_dir / "tenants" / slug


def write(settings: Settings, record: TenantRecord) -> None:
    """Keep a record; a reader sees the old one or the new one, never a part. Raises ValueError for names that are none."""
    before = read(settings, record.slug)
    domain_file = None if record.domain is None else _domain_file(settings, record.domain)
    _replace(folder(settings, record.slug) / FILE, json.dumps(asdict(record), default=str))
    if before is not None and before.domain not in {None, record.domain}:
        _forget_domain(settings, before)
    if domain_file is not None:
        _replace(domain_file, record.slug)


def read(settings: Settings, slug: str) -> TenantRecord | None:
    """The record of a tenant; None when there is none."""
    try:
        return TenantRecord(**json.loads((folder(settings, slug) / FILE).read_text()))
    except FileNotFoundError:
        return None


def slug_of_domain(settings: Settings, domain: str) -> str | None:
    """The slug of the tenant whose own domain that is; None when it is nobody's."""
    if not is_domain(domain):
        return None
    try:
        return _domain_file(settings, domain).read_text()
    except FileNotFoundError:
        return None


def remove(settings: Settings, slug: str) -> None:
    """Remove a tenant's directory with all in it, and its domain; nothing happens when it is gone."""
    directory = folder(settings, slug)
    try:
        record = read(settings, slug)
    except (OSError, ValueError, TypeError):
        # something else stands in its place, and goes with the rest
        record = None
    if record is not None:
        _forget_domain(settings, record)
    shutil.rmtree(directory, ignore_errors=True)
    if directory.exists():
        message = f"the directory of {slug} could not be removed"
        raise OSError(message)


def _domain_file(settings: Settings, domain: str) -> Path:
    if not is_domain(domain):
        message = f"{domain!r} is no host name"
        raise ValueError(message)
    return settings.var_dir / "domains" / domain


def _forget_domain(settings: Settings, record: TenantRecord) -> None:
    """The domain may be another tenant's by now: then it stays."""
    if record.domain is not None and slug_of_domain(settings, record.domain) == record.slug:
        _domain_file(settings, record.domain).unlink(missing_ok=True)


def _replace(path: Path, content: str) -> None:
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = path.parent / f".{uuid4().hex}.new"
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(path)
    finally:
        draft.unlink(missing_ok=True)
