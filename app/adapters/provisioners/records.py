"""A tenant's configuration directory, `var/tenants/<slug>/`: written by the provisioner, read by the endpoints."""

from __future__ import annotations

import json
import os
import shutil
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

from app.adapters.provisioners.addresses import is_label
from app.core.settings import Settings

FILE = "tenant.json"


@dataclass(frozen=True, slots=True, kw_only=True)
class TenantRecord:
    """What the tenant's endpoint has to know."""

    slug: str
    name: str
    tenant_id: str
    schema: str
    role: str
    region: str | None = None
    environment: str = "production"
    resources: dict[str, str] = field(default_factory=dict)
    config: dict[str, Any] = field(default_factory=dict)


def folder(settings: Settings, slug: str) -> Path:
    """The directory of a tenant. Raises ValueError when the slug is no DNS label."""
    if not is_label(slug):
        message = f"{slug!r} is no DNS label"
        raise ValueError(message)
    return settings.var_dir / "tenants" / slug


def write(settings: Settings, record: TenantRecord) -> None:
    """Keep a record; a reader sees the old one or the new one, never a part."""
    directory = folder(settings, record.slug)
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    draft = directory / f".{uuid4().hex}.new"
    try:
        with os.fdopen(os.open(draft, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "w") as file:
            json.dump(asdict(record), file, default=str)
            file.flush()
            os.fsync(file.fileno())
        draft.replace(directory / FILE)
    finally:
        draft.unlink(missing_ok=True)


def read(settings: Settings, slug: str) -> TenantRecord | None:
    """The record of a tenant; None when there is none."""
    try:
        return TenantRecord(**json.loads((folder(settings, slug) / FILE).read_text()))
    except FileNotFoundError:
        return None


def remove(settings: Settings, slug: str) -> None:
    """Remove a tenant's directory with all in it; nothing happens when it is gone."""
    directory = folder(settings, slug)
    shutil.rmtree(directory, ignore_errors=True)
    if directory.exists():
        message = f"the directory of {slug} could not be removed"
        raise OSError(message)
